"""A task in several processes: worker, triggerer, worker again, any of which may be lost; and what Airflow makes of it."""

from __future__ import annotations

import asyncio
import datetime

import pytest

from airflow_provider_bacalhau import version_compat
from airflow_provider_bacalhau.errors import BacalhauJobFailed
from airflow_provider_bacalhau.hooks import attempt
from airflow_provider_bacalhau.lifecycle.attempt import Pin
from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator
from airflow_provider_bacalhau.triggers import job as triggers
from airflow_provider_bacalhau.version_compat import TaskDeferralTimeout


@pytest.fixture(autouse=True)
def no_pauses(pauses):
    """No task sleeps."""


def deferred(task, deferral, **arguments):
    """The deferral that the first leg of a try ends with."""
    return deferral(lambda: task.run(deferrable=True, **arguments))


def ended(task, deferral, **arguments):
    """A first leg whose job has ended while it was deferred; returns its event."""
    one = deferred(task, deferral, **arguments)
    task.bench.stub.clock.advance("2h")
    return task.event(one)


def test_t2_a_cleared_task_does_not_go_on_with_the_old_event(task, stub, deferral):
    """Cleared during its second leg, a task starts there with the old try's event: it would succeed at once, with the
    result from before the click (T2, C2)."""
    event = ended(task, deferral)
    again = deferral(lambda: task.resume(event, try_number=2, clear_number=1))
    assert len(stub.jobs()) == 2
    stub.clock.advance("2h")
    handle = task.resume(task.event(again), try_number=2, clear_number=1)
    assert handle["job_id"] == stub.jobs()[1]["ID"] != event["job_id"]


@pytest.mark.parametrize("how", ["execute", "execute_complete"])
def test_t4_an_executor_that_cannot_launch_the_second_leg_costs_a_retry_only(task, bench, deferral, how):
    """Airflow then starts try 2 under the same id as try 1: it would fail by try 1's failure (T4, C4)."""
    one = deferred(task, deferral)
    bench.stop(one.trigger.job_id, "no luck")
    event = task.event(one)
    start = {"execute": lambda: task.run(try_number=2, deferrable=True)}
    start["execute_complete"] = lambda: task.resume(event, try_number=2)
    again = deferral(start[how])
    assert bench.jobs == [(1, "Stopped"), (2, "Running")]
    assert again.trigger.pin["slot"] == 2


def test_t5_a_worker_lost_in_its_second_leg_does_not_cost_the_result(task, stub, deferral):
    """Hours of work would be done again, because the worker died between the job's end and the task's (T5, C5)."""
    event = ended(task, deferral)
    handle = task.run(try_number=2, deferrable=True)
    assert (handle["job_id"], handle["adopted"]) == (event["job_id"], True)
    assert task.bench.puts == 1


def test_t15_a_trigger_that_raises_is_deferred_again(task, stub, deferral):
    """Without retries, an error in the triggerer would fail the task and leave its job, or hold a worker for as long
    as the job runs (T15, C18)."""
    limit = datetime.timedelta(hours=3)
    first = deferred(task, deferral, execution_timeout=limit, max_tries=0)
    for _ in range(2):
        again = deferral(lambda: task.fail("Trigger failure", execution_timeout=limit, max_tries=0))
        assert again.trigger.job_id == first.trigger.job_id
        assert again.trigger.pin == first.trigger.pin
        assert again.trigger.deadline == first.trigger.deadline
    stub.clock.advance("2h")
    assert task.resume(task.event(again))["state"] == "Completed"
    assert task.bench.puts == 1


def test_t15_a_trigger_that_always_raises_is_waited_for_in_the_worker(task, stub, deferral, pauses):
    """A triggerer without the provider would send the task to and fro for ever (T15, R)."""
    deferred(task, deferral)
    for _ in range(3):
        deferral(lambda: task.fail("Trigger failure"))
    pauses.append(lambda: stub.clock.advance("2h"))
    assert task.fail("Trigger failure")["state"] == "Completed"
    assert task.bench.puts == 1


@pytest.mark.parametrize("cleared_elsewhere", [0, 1])
def test_p7_a_deferral_that_airflow_gives_up_stops_its_job(task, stub, deferral, cleared_elsewhere):
    """Airflow resumes the task with an exception and no payload: the job would run on; also when another task of the
    run was cleared meanwhile (P7)."""
    deferred(task, deferral)
    with pytest.raises(TaskDeferralTimeout):
        task.fail("Trigger timeout", clear_number=cleared_elsewhere)
    assert task.bench.live == []
    assert task.bench.only_job()["State"]["Message"].endswith(".1 timeout")


def test_p8_the_tasks_own_limit_holds_while_it_is_deferred(task, stub, deferral):
    """Airflow enforces `execution_timeout` inside a worker only: a deferred task would wait for ever (P8)."""
    one = deferred(task, deferral, execution_timeout=datetime.timedelta(minutes=30))
    stub.clock.advance("35m")
    event = task.event(one)
    assert (event["verdict"]["outcome"], event["verdict"]["phase"]) == ("timed_out", "task")
    assert task.bench.live == []


@pytest.mark.parametrize("first", ["the trigger", "try 2"])
def test_p3_after_a_clear_old_trigger_and_new_try_may_come_in_any_order(task, stub, deferral, monkeypatch, first):
    """The old trigger learns of the click before or after the new try has begun: the old job would run on, or the new
    one be stopped (P3)."""
    old = deferred(task, deferral)
    states = {"the trigger": None, "try 2": "deferred"}

    async def state(self):
        return states[first]

    monkeypatch.setattr(type(old.trigger), "_state_of_task", state)
    if first == "the trigger":
        asyncio.run(old.trigger.on_kill())
    new = deferral(lambda: task.run(deferrable=True, try_number=2, clear_number=1))
    if first == "try 2":
        asyncio.run(old.trigger.on_kill())
    assert task.bench.live == [new.trigger.job_id]
    assert [state for _, state in task.bench.jobs] == ["Stopped", "Running"]


@pytest.mark.parametrize("rows", [{}, {"run-1": {}}, {"run-1": {"clean": "removed"}}], ids=str)
def test_a_dag_that_is_deleted_takes_its_job_with_it(task, deferral, monkeypatch, rows):
    """The rows of the task are gone, and with them everybody who could end the job."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    one = deferred(task, deferral).trigger
    one._task_instance = task.context["ti"]
    monkeypatch.setattr(type(one), "task_instance", task.context["ti"], raising=False)
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(lambda **_: rows))
    monkeypatch.setattr(triggers, "trigger_has_on_kill", lambda: False)
    asyncio.run(one.cleanup())
    assert task.bench.live == []
    assert task.bench.only_job()["State"]["Message"].endswith(".1 on_kill")


@pytest.mark.parametrize("deferrable", [False, True])
def test_p4_clearing_a_task_that_succeeded_runs_its_job_again(task, stub, pauses, deferral, deferrable):
    """A click on "clear" would return the old result without running anything (P4)."""
    pauses += [lambda: stub.clock.advance("2h")]
    first = task.run()["job_id"]
    if deferrable:
        one = deferral(lambda: task.run(deferrable=True, try_number=2, clear_number=1, max_tries=3))
        assert one.trigger.job_id != first
    else:
        pauses += [lambda: stub.clock.advance("2h")]
        assert task.run(try_number=2, clear_number=1, max_tries=3)["job_id"] != first
    assert task.bench.puts == 2


def test_p5_what_was_taken_over_is_handed_on_whole(task, stub, pauses):
    """A retry that adopts a job would succeed without a value, and the next task fail for want of it (P5)."""
    pauses.append(task.bench.die)
    task.run_until_it_waits()
    stub.clock.advance("2h")
    handle = task.run(try_number=2)
    assert handle["state"] == "Completed"
    assert task.xcom["bacalhau_job"] == handle
    assert task.xcom["job_id"] == handle["job_id"]
    assert task.xcom["exit_codes"] == [0]


@pytest.mark.parametrize("stored", [True, False], ids=["3.3", "3.1"])
def test_p6_a_worker_lost_before_it_deferred_leaves_its_job_to_the_retry(task, stub, deferral, monkeypatch, stored):
    """Between submit and deferral nothing but the job itself knows of it: the retry would submit another (P6, P15)."""
    with monkeypatch.context() as at_deferral, pytest.raises(task.bench.Killed):
        at_deferral.setattr(BacalhauSubmitJobOperator, "_defer", lambda *_, **__: task.bench.die())
        task.run(deferrable=True, stored=stored)
    again = deferral(lambda: task.run(deferrable=True, try_number=2, stored=stored))
    assert again.trigger.job_id == task.bench.only_job()["ID"]
    assert again.trigger.pin["adopted"]


def test_p12_a_trigger_does_without_the_task_state_store(task, stub, deferral, monkeypatch):
    """In a triggerer the store never answers: the task would hang for ever (P12)."""
    def hangs(*_, **__):
        raise AssertionError("the trigger asked the task state store")

    one = deferred(task, deferral)
    one.trigger.pin |= {"sweeps": True}
    for name in ("state_store", "remembered", "store_forever"):
        monkeypatch.setattr(version_compat, name, hangs)
        monkeypatch.setattr(attempt, name, hangs, raising=False)
    stub.clock.advance("2h")
    assert task.event(one)["verdict"]["outcome"] == "succeeded"


@pytest.mark.parametrize(("release", "patience"), [("1.7.0", 0.3)])
def test_p14_a_restarted_triggerer_follows_the_twin_that_the_first_one_kept(task, stub, deferral, bench):
    """Its arguments are those of the deferral: it would report the stopped twin, and the task fail (P14)."""
    held = stub.fault("PUT", "*/jobs", "delay", seconds=600)
    one = deferred(task, deferral)
    held.remove()
    assert len(bench.live) == 2
    assert one.trigger.pin["sweeps"]
    sweeper = bench.sweeper(Pin.from_plain(one.trigger.pin))
    sweeper.sweep(bench.client(), 0.0)
    assert bench.live == [sweeper.pin.job_id]
    stub.clock.advance("2h")
    event = task.event(one)
    assert (event["job_id"], event["verdict"]["outcome"]) == (sweeper.pin.job_id, "succeeded")


@pytest.mark.parametrize(("release", "patience"), [("1.7.0", 0.3)])
@pytest.mark.parametrize("deferrable", [False, True])
def test_t8_the_last_look_before_a_verdict_stops_what_landed_meanwhile(
    task, stub, deferral, pauses, monkeypatch, deferrable
):
    """A submit that lands while the job runs makes a twin; the task would end and leave it (T8, W)."""
    held = stub.fault("PUT", "*/jobs", "delay", seconds=600)

    def ends():
        stub.clock.advance("2h")
        held.remove()
        assert len(task.bench.live) == 1

    if not deferrable:
        pauses += [lambda: None, ends]
        assert task.run()["state"] == "Completed"
    else:
        one = deferred(task, deferral)
        sweep = triggers.BacalhauJobTrigger._sweep

        async def first_sweep(self, *args):
            changed = await sweep(self, *args)
            monkeypatch.setattr(triggers.BacalhauJobTrigger, "_sweep", sweep)
            ends()
            return changed

        monkeypatch.setattr(triggers.BacalhauJobTrigger, "_sweep", first_sweep)
        assert task.event(one)["verdict"]["outcome"] == "succeeded"
    assert [state for _, state in task.bench.jobs] == ["Completed", "Stopped"]


def test_a_failed_job_of_an_earlier_leg_is_this_tries_failure(task, stub, bench, spec):
    """The job's failure would be read as a lost job, and another be submitted in the same try."""
    stub.on(image="acme/broken:*").fail("no such file")
    spec["Tasks"][0]["Engine"]["Params"]["Image"] = "acme/broken:1"
    with pytest.raises(BacalhauJobFailed):
        task.run(deferrable=True, job_spec=spec)
    assert bench.puts == 1
