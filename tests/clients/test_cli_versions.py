"""Updates by name, versions, rerun and diff (1.8+), as the program reads them."""

from __future__ import annotations

import pytest
from cli import JOBS
from go_http import Refused
from job_specs import docker_job
from programs import only_programs, with_versions

before_versions = only_programs(lambda program: not program.knows_versions)
EXECUTED = ["Submission", "Scheduling", "State Update", "Execution", "Execution", "State Update"]


def named(name, word, **fields):
    """A job of that name that says a word."""
    return docker_job("echo", word, Name=name, **fields)


@with_versions
def test_a_second_submit_of_a_name_updates_the_job(cli):
    """`job run` of a changed file would make another job, or watch the old version."""
    first = cli.job_run(named("updated", "one"))
    second = cli.job_run(named("updated", "two"))
    assert second.job_id == first.job_id
    assert [event["Event"]["Topic"] for event in second.events] == EXECUTED
    assert second.events[0]["Event"]["Message"] == "Job updated"
    assert {event["JobVersion"] for event in second.events} == {2}
    assert cli.job_executions("updated")[0]["RunOutput"]["Stdout"] == "two\n"
    assert cli.job_executions("updated", job_version=1)[0]["RunOutput"]["Stdout"] == "one\n"
    assert [job["Version"] for job in cli.job_versions("updated")] == [1, 2]


@with_versions
def test_an_unchanged_job_needs_force(cli):
    """`job run` of an unchanged file would run it again without being asked."""
    cli.job_run(named("unchanged", "one"))
    with pytest.raises(Refused) as refused:
        cli.job_run(named("unchanged", "one"))
    assert refused.value.status == 500
    assert refused.value.fields["Hint"] == "Use the --force flag to override this warning"
    assert cli.job_run(named("unchanged", "one"), force=True).job["Version"] == 2


@with_versions
def test_rerun_watches_the_new_version(cli):
    """`job rerun` would end at once with the old version's events, or hang."""
    cli.job_run(named("again", "one"))
    rerun = cli.job_rerun("again")
    assert [event["Event"]["Topic"] for event in rerun.events] == EXECUTED
    assert rerun.events[0]["Event"]["Message"] == "Job rerun requested"
    assert (rerun.job["Version"], rerun.job["State"]["StateType"]) == (2, "Completed")
    assert "job_version=2" in [line for line in cli.wire.sent if "/history" in line][-1]


@with_versions
def test_names_are_found_everywhere(cli):
    """Users of 1.8 and later type names instead of ids."""
    name = "a name & more"
    run = cli.job_run(named(name, "by name", task={"Publisher": {"Type": "local"}}))
    assert cli.job_describe(name)["Job"]["ID"] == run.job_id
    assert cli.job_history(name)["Items"] == run.events
    assert len(cli.job_results(name)) == 1
    with pytest.raises(RuntimeError, match="Completed"):
        cli.job_stop(name)


@with_versions
def test_names_belong_to_their_namespace(cli):
    """One team's job would be overwritten by another's."""
    here = cli.job_run(named("shared", "here"))
    there = cli.job_run(named("shared", "there", Namespace="elsewhere"))
    assert here.job_id != there.job_id
    assert cli.job_describe("shared")["Job"]["ID"] == here.job_id
    assert cli.job_describe("shared", namespace="elsewhere")["Job"]["ID"] == there.job_id


@with_versions
def test_dry_run_shows_what_would_change(cli):
    """`job run --dry-run` would fall back to printing the file."""
    cli.job_run(named("compared", "one"))
    assert cli.job_diff(named("compared", "one")) == ""
    assert "two" in cli.job_diff(named("compared", "two"))
    with pytest.raises(Refused) as refused:
        cli.job_diff(named("never seen", "one"))
    assert refused.value.status == 404


@before_versions
def test_equal_names_are_separate_jobs(cli):
    """An old server's second job of a name would replace the first."""
    runs = [cli.job_run(named("twin", "one")) for _ in range(2)]
    assert runs[0].job_id != runs[1].job_id
    assert [run.job["Version"] for run in runs] == [0, 0]


@before_versions
def test_commands_of_newer_programs_are_unknown(cli):
    """A newer program tells its user to update the server when it gets exactly this answer."""
    run = cli.job_run(named("old", "one"))
    asks = [
        lambda: cli.job_versions(run.job_id),
        lambda: cli.job_rerun(run.job_id),
        lambda: cli.wire.write("PUT", f"{JOBS}/diff", lambda value, at: value, {"Job": {}}),
    ]
    for ask in asks:
        with pytest.raises(Refused) as refused:
            ask()
        assert (refused.value.status, refused.value.fields["Message"]) == (404, "Not Found")
