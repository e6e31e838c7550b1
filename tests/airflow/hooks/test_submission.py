"""Exactly one job per attempt: the decision table against a server that loses, delays and forgets."""

from __future__ import annotations

import time
import types
from dataclasses import replace

import pytest

from airflow_provider_bacalhau.errors import AttemptOver, BacalhauError, ServerFault
from airflow_provider_bacalhau.hooks.attempt import KillSwitch, TaskStore
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.submission import Submission
from airflow_provider_bacalhau.lifecycle.attempt import Attempt
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef


class Log:
    """Keeps what was said."""

    def __init__(self):
        self.lines = []

    def info(self, text, *args):
        self.lines.append(text % args)

    warning = info


@pytest.fixture
def submission(orchestrator, spec, store):
    """Make a submission: `submission(try_number=2)`; all share the task's record."""
    attempt = Attempt(
        ref=TaskRef("prod", "etl", "run-1", "clean"),
        epoch=Epoch(1_000_000, 0, 2),
        try_number=1,
        spec={**spec, "Namespace": "default"},
        conn_id="bacalhau_default",
    )

    def make(*, clock=time.time, stored=True, **changes):
        context = {"task_state_store": store} if stored else {}
        client = BacalhauHook().get_conn()
        made = replace(attempt, **changes)
        given = {"kill": KillSwitch(), "store": TaskStore(context), "log": Log(), "clock": clock}
        return Submission(client, made, sleep=lambda seconds: None, **given)

    return make


def lost_put(method, path):
    """Loses the answer to a submit."""
    return method == "PUT"


def test_a_first_try_asks_for_the_name_only(submission, orchestrator):
    """A list costs the server time for every job that it ever stored."""
    pin = submission().obtain()
    assert [method for method, path in orchestrator.requests if path.endswith("/jobs")] == ["PUT"]
    assert (pin.slot, pin.adopted, pin.sweeps) == (1, False, False)


def test_labels_are_complete_from_the_first_submit(submission, orchestrator):
    """A job without them could never be found again."""
    pin = submission().obtain()
    job = orchestrator.only_job()
    labels = job["Labels"]
    assert labels["airflow-key"] == pin.key
    assert labels["airflow-epoch"] == "1000000-0-2"
    assert (labels["airflow-slot"], labels["airflow-fp"]) == ("1", pin.fp)
    assert (labels["airflow-dag"], labels["airflow-task"], labels["airflow-deployment"]) == ("etl", "clean", "prod")
    assert job["Name"] == pin.name
    assert job["Meta"]["airflow-run-id"] == "run-1"


def test_the_record_is_there_before_the_submit(submission, orchestrator, store):
    """A crash in between would leave a job that nobody knows of."""
    seen = []
    submit = orchestrator._submit
    orchestrator._submit = lambda body: (seen.append(dict(store.values["bacalhau_job"])), submit(body))[1]
    pin = submission().obtain()
    assert (seen[0]["phase"], seen[0]["name"], seen[0]["job_id"]) == ("submitting", pin.name, "")
    assert store.values["bacalhau_job"]["phase"] == "submitted"
    assert store.values["bacalhau_job"]["job_id"] == pin.job_id


@pytest.mark.parametrize("version", ["v1.9.3", "v1.8.0", "v1.7.0", "v1.5.2"])
@pytest.mark.parametrize("stored", [True, False])
def test_a_lost_reply_is_one_job(submission, orchestrator, version, stored):
    """The work would be done twice."""
    orchestrator.version = version
    orchestrator.faults = [lost_put]
    pin = submission(stored=stored).obtain()
    assert pin.job_id == orchestrator.only_job()["ID"]
    assert not pin.adopted
    assert pin.sweeps
    assert orchestrator.puts == 1


def test_a_lost_request_is_sent_again(submission, orchestrator):
    """The task would fail although the server never heard of it."""
    submit, lost = orchestrator._submit, [1]
    orchestrator._submit = lambda body: (503, {"Message": "busy"}) if lost and lost.pop() else submit(body)
    submission().obtain()
    assert (len(orchestrator.jobs), orchestrator.puts) == (1, 2)


def test_a_job_that_fails_at_once_is_this_attempts_own(submission, orchestrator):
    """After a lost reply a second job would be submitted for one that has just failed."""
    orchestrator.outcome = lambda job: "Failed"
    orchestrator.faults = [lost_put]
    pin = submission().obtain()
    assert pin.job_id == orchestrator.only_job()["ID"]
    assert orchestrator.puts == 1


def test_a_server_that_never_tells_is_given_up(submission, orchestrator, store):
    """The worker would submit for ever; the record must say that something may be there."""
    orchestrator._submit = lambda body: (500, {"Message": "Internal server error"})
    with pytest.raises(ServerFault):
        submission().obtain()
    assert orchestrator.puts > 60  # ten minutes long, ten seconds apart
    assert store.values["bacalhau_job"]["phase"] == "submitting"


def test_a_retry_adopts_the_live_job(submission, orchestrator):
    """Two jobs of one task would run at once."""
    orchestrator.outcome = lambda job: "Running"
    first = submission().obtain()
    second = submission(try_number=2).obtain()
    assert (second.job_id, second.adopted, second.sweeps) == (first.job_id, True, True)
    assert orchestrator.puts == 1


def test_a_retry_collects_a_good_result(submission, orchestrator):
    """A worker that died after the end would make the job run again."""
    first = submission().obtain()
    assert submission(try_number=2).obtain().job_id == first.job_id
    assert orchestrator.puts == 1


def test_without_durability_a_retry_starts_afresh(submission, orchestrator):
    """The switch would do nothing."""
    orchestrator.outcome = lambda job: "Running"
    submission().obtain()
    pin = submission(try_number=2, durable=False).obtain()
    assert [reason for _, reason in orchestrator.stops] == ["airflow 1000000.2 twin"]
    assert pin.slot == 2


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": Epoch(1_000_000, 1, 2)},
        {"epoch": Epoch(1_000_000, 0, 5)},
        {"epoch": Epoch(2_000_000, 0, 2)},
        {"fp": "0" * 32},
    ],
    ids=["cleared", "retries edited", "run made again", "other spec"],
)
def test_what_may_not_be_adopted_is_stopped_first(submission, orchestrator, change):
    """A cleared or edited task would run beside its old job."""
    orchestrator.outcome = lambda job: "Running"
    old = submission().obtain()
    new = submission(try_number=2, **change).obtain()
    assert [job_id for job_id, _ in orchestrator.stops] == [old.job_id]
    stop = next(n for n, (method, _) in enumerate(orchestrator.requests) if method == "DELETE")
    submit = [n for n, (method, _) in enumerate(orchestrator.requests) if method == "PUT"][1]
    assert stop < submit
    assert new.job_id != old.job_id


def test_a_lost_stop_is_repeated_before_the_submit(submission, orchestrator):
    """Two jobs would run, because a stop that was asked for is not a stop that was done."""
    orchestrator.outcome = lambda job: "Running"
    submission().obtain()
    stop, lost = orchestrator._stop, [1, 1]
    orchestrator._stop = lambda *args: (200, {"EvaluationID": "x"}) if lost and lost.pop() else stop(*args)
    submission(try_number=2, epoch=Epoch(1_000_000, 1, 2)).obtain()
    assert len([job for job in orchestrator.jobs.values() if job["State"]["StateType"] == "Running"]) == 1


def test_a_job_that_will_not_stop_keeps_the_next_from_starting(submission, orchestrator):
    """The promise would be broken silently."""
    orchestrator.outcome = lambda job: "Running"
    submission().obtain()
    orchestrator._stop = lambda *args: (200, {"EvaluationID": "x"})
    ticks = iter(range(0, 100_000, 50))
    with pytest.raises(BacalhauError, match="did not end within 120s of its stop"):
        submission(try_number=2, epoch=Epoch(1_000_000, 1, 2), clock=lambda: time.time() + next(ticks)).obtain()
    assert orchestrator.puts == 1


def test_a_superseded_worker_does_not_even_stop_what_it_finds(submission, orchestrator, store):
    """It would stop its successor's job, because a look without the fence shows it as one to be stopped."""
    orchestrator.outcome = lambda job: "Running"
    submission(epoch=Epoch(1_000_000, 1, 3), stored=False).obtain()
    store.lost = True
    looks = len(orchestrator.requests)
    with pytest.raises(AttemptOver):
        submission(try_number=2).obtain()
    assert orchestrator.stops == []
    assert [method for method, path in orchestrator.requests[looks:] if path.endswith("/jobs")] == []


def test_another_airflows_job_is_left_and_named(submission, orchestrator):
    """While no deployment is set, two Airflows with the same DAG would stop each other's jobs."""
    orchestrator.outcome = lambda job: "Running"
    ref = TaskRef(None, "etl", "run-1", "clean")
    submission(ref=ref).obtain()
    one = submission(ref=ref, try_number=2, epoch=Epoch(2_000_000, 0, 2), stored=False)
    one.obtain()
    assert orchestrator.stops == []
    assert any("`deployment`" in line for line in one.log.lines)


def test_a_killed_task_submits_nothing(submission, orchestrator):
    """A job would be born after its task."""
    one = submission()
    one.kill.pulled = True
    with pytest.raises(AttemptOver):
        one.obtain()
    assert orchestrator.puts == 0


def test_a_submit_that_returns_after_the_kill_is_stopped(submission, orchestrator):
    """Its job would run on without its task."""
    orchestrator.outcome = lambda job: "Running"
    one = submission()
    submit = orchestrator._submit
    orchestrator._submit = lambda body: (setattr(one.kill, "pulled", True), submit(body))[1]
    with pytest.raises(AttemptOver):
        one.obtain()
    assert orchestrator.only_job()["State"]["StateType"] == "Stopped"


def test_a_spent_job_is_replaced_in_the_next_slot(submission, orchestrator):
    """A job that a stale actor stopped would be adopted again and again."""
    one = submission()
    orchestrator.outcome = lambda job: "Running"
    first = one.obtain()
    orchestrator.become(first.job_id, "Stopped", "airflow 1000000.0 on_kill")
    second = one.obtain(heals=1, spent=first)
    assert (second.slot, second.heals) == (2, 1)


def test_the_servers_warnings_reach_the_log(submission, orchestrator):
    """Users would never learn that the server ignored something."""
    submit = orchestrator._submit
    orchestrator._submit = lambda body: (200, {**submit(body)[1], "Warnings": ["job publishes nothing"]})
    one = submission()
    one.obtain()
    assert "Bacalhau: job publishes nothing" in one.log.lines


def test_a_changed_spec_is_named_by_its_paths(submission, orchestrator, spec):
    """A template that renders anew in every try would make each retry start afresh, and nobody would know why."""
    orchestrator.outcome = lambda job: "Running"
    first = submission(spec={**spec, "Namespace": "default", "Meta": {"at": "12:00", "token": "s3cret-1"}}).obtain()
    one = submission(try_number=2, spec={**spec, "Namespace": "default", "Meta": {"at": "12:01", "token": "s3cret-2"}})
    second = one.obtain()
    assert second.job_id != first.job_id
    assert orchestrator.jobs[first.job_id]["State"]["StateType"] == "Stopped"
    (line,) = [line for line in one.log.lines if "not taken over" in line]
    assert "because the spec has changed: Meta.at, Meta.token." in line
    assert "s3cret" not in line


def test_a_worker_whose_clock_is_wrong_by_an_hour_waits_no_longer(submission, orchestrator, monkeypatch, store):
    """A record of a worker that is an hour ahead would hold up every retry for that hour."""
    lost, submit = [1], orchestrator._submit
    orchestrator._submit = lambda body: (500, {"Message": "x"}) if lost else submit(body)
    hour = types.SimpleNamespace(time=lambda: time.time() + 3600)
    with monkeypatch.context() as wrong:
        wrong.setattr("airflow_provider_bacalhau.client.sync.time", hour)
        with pytest.raises(ServerFault):
            submission(clock=hour.time).obtain()
    lost.clear()
    assert abs(store.values["bacalhau_job"]["at"] - time.time()) < 60
    waits = []
    one = submission(try_number=2, epoch=Epoch(1_000_000, 1, 2))
    one.clock = lambda: time.time() + sum(waits)
    one.sleep = waits.append
    one.obtain()
    assert 0 < sum(waits) < 120
