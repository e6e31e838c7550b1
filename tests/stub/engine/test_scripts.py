"""The scripts of a stub in a whole cluster: what is played, what is counted, what nothing was for."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import OrchestratorError, StepError
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.script import Match, Script
from orchestrator_stub.domain.stage import Stage
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.engine.powers import Powers
from orchestrator_stub.engine.scripts import Scripts

ENDS = Script(Match(name="a*"), (Stage(exit=3),))


@pytest.fixture
def cluster(build):
    """`cluster(scripts...)`: a cluster that plays them; its own runner pretends unless `runs` says it is real."""

    def make(*scripts, images=(), runs=False, **more):
        made = build(powers=Powers(scripts=Scripts(scripts, images)), **more)
        made.runner.name = "real" if runs else "scripted"
        return made

    return make


def scripts_of(cluster):
    """Those of a cluster."""
    return cluster.orchestrator.powers.scripts


async def ended(cluster, *args, **more):
    """A job once nothing of it needs no time any more."""
    job_id = cluster.submit(*args, **more)
    await cluster.settle()
    return job_id


async def test_a_script_is_played_in_the_place_of_the_runner(cluster):
    """A wasm job, or one that the engine would refuse, could not be given a fate."""
    stage = cluster(ENDS, runs=True, outcome={"refuse": "no such image"})
    job_id = await ended(stage, "a-1")
    assert stage.execution(job_id).output.exit_code == 3
    assert stage.runner.works == []
    other = await ended(stage, "b-1")
    assert stage.execution(other).compute_message == "no such image"
    assert scripts_of(stage).hits == [1]


async def test_where_no_script_is_for_it_a_real_runner_runs(cluster):
    """One script would stop all that is not in it."""
    stage = cluster(ENDS, runs=True)
    assert stage.state(await ended(stage, "b-1")) is JobState.COMPLETED
    assert len(stage.runner.works) == 1
    assert list(scripts_of(stage).misses) == []


async def test_a_runner_that_only_pretends_fails_what_no_script_is_for(cluster):
    """A typing error in a script would look like a job that went well."""
    stage = cluster(ENDS)
    job_id = await ended(stage, "b-1")
    words = "no script matched (name b-1); nearest: name a* (differs in name)"
    assert (stage.state(job_id), stage.execution(job_id).compute_message) == (JobState.FAILED, words)
    assert stage.runner.works == []
    miss = scripts_of(stage).misses[0]
    assert miss == (job_id, stage.execution(job_id).id, words)


async def test_without_any_script_it_pretends_that_all_goes_well(cluster):
    """The simplest use would not work."""
    stage = cluster()
    assert stage.state(await ended(stage, "b-1")) is JobState.COMPLETED


async def test_scripts_can_be_exchanged_while_the_stub_runs(cluster):
    """Each test would need a stub of its own."""
    stage = cluster(ENDS)
    scripts = scripts_of(stage)
    await ended(stage, "a-1")
    other = Script(Match(name="b*"), (Stage(exit=4),))
    scripts.replace([other, Script(ENDS.match, ENDS.stages)])
    assert scripts.hits == [0, 1], "what was there before goes on counting"
    assert stage.execution(await ended(stage, "b-1")).output.exit_code == 4
    await ended(stage, "a-2")
    assert scripts.hits == [1, 2]
    scripts.replace(())
    assert stage.execution(await ended(stage, "b-2")).output.exit_code == 0


async def test_what_is_being_played_goes_on(cluster):
    """Setting up the next script would change the fate of a run."""
    stage = cluster(Script(Match(name="a*"), (Stage(after=10, exit=3),)))
    job_id = await ended(stage, "a-1")
    scripts_of(stage).replace([ENDS])
    await stage.advance(11)
    assert stage.execution(job_id).output.exit_code == 3


async def test_an_attempt_is_counted_only_where_a_script_asks(cluster):
    """Every submit would look at all jobs of the store."""
    stage = cluster(ENDS)
    await ended(stage, "a-1")
    assert scripts_of(stage)._tries is None
    scripts_of(stage).replace([Script(Match(attempt=1), (Stage(exit=1),)), Script(Match(), (Stage(exit=2),))])
    codes = []
    for name in ("b-1", "b-2"):
        job_id = await ended(stage, name, labels={"airflow-key": "k"})
        codes.append(stage.execution(job_id).output.exit_code)
    assert codes == [1, 2]


async def test_a_job_s_own_labels_win(cluster):
    """A DAG could not say what becomes of its own job where there are scripts."""
    stage = cluster(ENDS, runs=True)
    job_id = await ended(stage, "a-1", labels={"stub.bacalhau.org/exit": "9"})
    assert stage.execution(job_id).output.exit_code == 9
    assert scripts_of(stage).hits == [0]


async def test_a_label_that_is_not_understood_fails_the_run(cluster):
    """The job would run as if nothing had been asked for."""
    stage = cluster(runs=True)
    job_id = await ended(stage, "a-1", labels={"stub.bacalhau.org/afer": "4s"})
    assert stage.execution(job_id).compute_message.startswith("stub.bacalhau.org/afer: no such label of a script; ")
    assert stage.runner.works == []


async def test_the_script_of_an_image_comes_last(cluster):
    """What stands in for an image could not be overruled, or would overrule."""
    rules = (ImageRule("acme/gone", missing=True), ImageRule("acme/*", stages=(Stage(exit=5),)))
    stage = cluster(Script(Match(image="acme/clean"), (Stage(exit=6),)), images=rules, runs=True, node={"engines": ("docker",)})
    stage.orchestrator._workbench.runners["docker"] = stage.runner
    codes = {}
    for image in ("acme/clean:1", "acme/train:1", "other/x", "UPPER::"):
        job_id = await ended(stage, image, task_engine=SpecConfig("docker", {"Image": image}))
        codes[image] = stage.execution(job_id).output.exit_code
    assert codes == {"acme/clean:1": 6, "acme/train:1": 5, "other/x": 0, "UPPER::": 0}
    gone = await ended(stage, "gone", task_engine=SpecConfig("docker", {"Image": "acme/gone"}))
    assert stage.runner.works[-1].job.id == gone, "the rule that says so is the runner's business"


async def test_a_lost_node_is_silent_and_all_that_runs_there_ends(cluster):
    """A lost node could not be rehearsed at a moment of a job's life."""
    stage = cluster(Script(Match(name="lost"), (Stage(after=5, node_lost=True),)), Script(stages=(Stage(after=600),)))
    jobs = [await ended(stage, name) for name in ("lost", "beside")]
    await stage.advance(4)
    assert [stage.execution(job_id).compute for job_id in jobs] == [ComputeState.BID_ACCEPTED] * 2
    await stage.advance(300, step=5)
    assert [stage.execution(job_id).compute for job_id in jobs] == [ComputeState.FAILED] * 2
    with pytest.raises(OrchestratorError, match="silent"):
        stage.orchestrator.fleet.drop(stage.node().id)
    stage.orchestrator.fleet.rejoin(stage.node().id)
    scripts_of(stage).replace([ENDS])
    await stage.advance(31, step=31)
    assert stage.execution(await ended(stage, "a-1")).output.exit_code == 3


async def test_a_node_that_is_gone_cannot_be_lost_again(cluster):
    """The run on a node that somebody deleted would fail as broken instead of never being heard of again."""
    stage = cluster(Script(stages=(Stage(after=5, node_lost=True),)))
    job_id = await ended(stage, "a")

    def gone(node_id):
        raise OrchestratorError(404, f"node {node_id} is not known")

    scripts_of(stage).connect(stage.orchestrator._store, gone)
    await stage.advance(6)
    assert stage.execution(job_id).compute is ComputeState.BID_ACCEPTED


async def test_a_stopped_job_stops_its_script(cluster):
    """A job that hangs would hold its node for ever."""
    stage = cluster(Script(stages=(Stage(hang=True),)))
    job_id = await ended(stage, "a-1")
    assert stage.clock.next_due(holding_only=True) is None, "a job that hangs is idle"
    stage.orchestrator.stop_job(job_id)
    await stage.settle()
    assert stage.state(job_id) is JobState.STOPPED
    scripts_of(stage).replace([ENDS])
    assert stage.state(await ended(stage, "a-2")) is JobState.COMPLETED


@pytest.mark.parametrize(
    ("scripts", "facts", "words"),
    [
        ((ENDS,), {"name": "a-1"}, "this stub runs nothing for this job, a script is for it (name a*)"),
        ((ENDS,), {"name": "b-1"}, "this job fails here: no script matched (name b-1); nearest: name a* (differs in name)"),
        ((), {"name": "b-1"}, "how it runs"),
        ((ENDS,), {"name": "b-1", "task_engine": SpecConfig("docker", {})}, "how it runs"),
        (
            (),
            {"labels": {"stub.bacalhau.org/after": "4s"}},
            "this stub runs nothing for this job, its labels stub.bacalhau.org/* say what becomes of it",
        ),
        ((ENDS,), {"labels": {"stub.bacalhau.org/exit": "x"}}, "this job fails here: stub.bacalhau.org/exit: x is no exit code"),
    ],
)
async def test_whoever_submits_learns_that_a_job_is_played(build, scripts, facts, words):
    """A user would take a played job for one that ran, or wait for it to fail by a typing error."""
    stage = build(powers=Powers(scripts=Scripts(scripts)), hint=lambda task: "how it runs")
    (warning,) = stage.orchestrator.submit(stage.job(**facts)).warnings
    assert warning.startswith(words)


@pytest.mark.parametrize("more", [{"strict": True}, {"release": "docs"}])
async def test_where_only_real_servers_words_are_shown_scripts_say_nothing(build, more):
    """Acceptance compares warnings with those of real servers."""
    stage = build(powers=Powers(scripts=Scripts([ENDS])), **more)
    assert stage.orchestrator.submit(stage.job("b-1", count=1)).warnings == ()


def test_an_engine_that_nothing_here_runs_is_refused_as_ever():
    """The sentence of the node would get lost."""

    def real(task):
        raise StepError("no runner for engine x on this node")

    scripts = Scripts([ENDS])
    job = Job("j", "b", "default", "batch", 0, 1, tasks=(Task("main", SpecConfig("x")),))
    execution = Execution("e", "default", "", "n", "j", job, 1)
    with pytest.raises(StepError, match="no runner"):
        scripts.runner(execution, real)
    assert scripts.choose(execution) is None
    assert scripts.hint(job, real) == ""
