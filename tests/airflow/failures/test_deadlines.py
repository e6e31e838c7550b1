"""Deadlines: a job that ended well just in time counts, and the text says what passed."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from airflow_provider_bacalhau.errors import BacalhauJobFailed, BacalhauJobTimedOut
from airflow_provider_bacalhau.hooks.job import observe
from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator
from airflow_provider_bacalhau.version_compat import TaskDeferralTimeout


@pytest.fixture
def operator(spec):
    """Make an operator with a small job."""

    def make(**arguments):
        return BacalhauSubmitJobOperator(task_id="clean", job_spec=spec, **arguments)

    return make


@pytest.fixture
def deferred(operator, context, orchestrator):
    """A task that has deferred with its job running; its context."""
    orchestrator.outcome = lambda job: "Running"
    given = context(one := operator(deferrable=True))
    with contextlib.suppress(BaseException):
        one.execute(given)
    return given


def resume(operator, given):
    """What Airflow does when a deferral took too long."""
    return operator(deferrable=True).resume_execution("__fail__", {"error": "Trigger timeout"}, given)


def test_a_job_that_ended_well_without_its_trigger_is_collected(deferred, operator, orchestrator):
    """The triggerer was down at the end, and a good job of hours would be run again."""
    orchestrator.become(orchestrator.only_job()["ID"], "Completed")
    assert resume(operator, deferred)["state"] == "Completed"
    assert deferred["ti"].xcom["bacalhau_job"]["state"] == "Completed"
    assert orchestrator.stops == []


def test_a_job_that_failed_without_its_trigger_says_why(deferred, operator, orchestrator):
    """ "Trigger timeout" would hide the program's own end."""
    orchestrator.become(orchestrator.only_job()["ID"], "Completed", exit_code=3)
    with pytest.raises(BacalhauJobFailed, match="exit code 3"):
        resume(operator, deferred)


def test_a_job_that_cannot_be_seen_ends_as_airflow_says(deferred, operator, orchestrator, monkeypatch):
    """Nobody would hear that the time is over, because the server is away, too."""
    monkeypatch.setattr("airflow_provider_bacalhau.client.retry.ATTEMPTS", 1)
    monkeypatch.setattr("airflow_provider_bacalhau.jobs.stopping.PATIENCE", 0.0)
    orchestrator.answer = lambda *_: (400, {"Message": "x", "Code": "BadRequest"})
    with pytest.raises(TaskDeferralTimeout):
        resume(operator, deferred)


@pytest.mark.parametrize(("code", "ended"), [(0, None), (3, BacalhauJobFailed)])
def test_a_job_that_ends_between_look_and_stop_has_its_own_end(operator, context, orchestrator, monkeypatch, code, ended):
    """A job that was done when its stop arrived would fail, and be run again."""
    orchestrator.outcome = lambda job: "Running"
    stop = orchestrator._stop

    def too_late(job, body):
        orchestrator.become(job["ID"], "Completed", exit_code=code)
        return stop(job, body)

    orchestrator._stop = too_late
    monkeypatch.setattr("airflow_provider_bacalhau.operators.leg.Leg.wait", out_of_time)
    one = operator()
    with pytest.raises(ended, match="exit code 3") if ended else contextlib.nullcontext():
        assert one.execute(context(one))["state"] == "Completed"
    assert orchestrator.stops != []


def out_of_time(leg, pin):
    """A wait that ends with the job alive, far beyond its time."""
    seen = observe(leg.hook.get_conn(), pin.job_id, pin.namespace)
    watch = leg.watch(pin)
    late = replace(watch, policy=replace(watch.policy, total_timeout=1.0))
    return pin, late.observe(seen, leg.clock() + 9_999).verdict


def test_a_job_that_runs_on_is_out_of_time(operator, context, orchestrator, monkeypatch):
    """The second look would turn every deadline into a success."""
    orchestrator.outcome = lambda job: "Running"
    monkeypatch.setattr("airflow_provider_bacalhau.operators.leg.Leg.wait", out_of_time)
    with pytest.raises(BacalhauJobTimedOut) as caught:
        (one := operator()).execute(context(one))
    assert "\n  accepted after 0s, ran 2h46m\n" in str(caught.value)
    assert orchestrator.only_job()["State"]["StateType"] == "Stopped"


def test_a_job_that_is_replaced_says_what_was_wrong_with_it(operator, context, orchestrator, caplog, capsys):
    """Nobody could tell from the log that accept_timeout was the cause."""
    states = iter(["Pending", "Completed"])
    orchestrator.outcome = lambda job: next(states)
    (one := operator(accept_timeout=0)).execute(context(one))
    said = capsys.readouterr().out + caplog.text
    assert "was not taken up within 0s: still Pending, without an execution; another one takes its place" in said
