"""BacalhauJobTrigger: one event that carries everything, and a job that dies with its task only when it should."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import types

import pytest

from airflow_provider_bacalhau.lifecycle.watch import Watch, WatchPolicy
from airflow_provider_bacalhau.triggers import job as module
from airflow_provider_bacalhau.triggers.job import BacalhauJobTrigger
from airflow_provider_bacalhau.version_compat import trigger_has_on_kill

PIN = {"try": 1, "epoch": "1-0-0", "fp": "f", "slot": 1, "name": "a", "key": "k", "namespace": "default"}


@pytest.fixture
def trigger(orchestrator, spec):
    """Make a trigger for a job of this task."""

    def make(state="Running", *, policy=None, job=None, **arguments):
        labels = {"airflow-key": "k", "airflow-epoch": "1-0-0", "airflow-slot": "1", "airflow-fp": "f"}
        job = job or orchestrator.add({**spec, "Name": "a", "Labels": labels}, state)
        watch = Watch.start(policy or WatchPolicy(poll_interval=0.01), submitted_at=time.time(), job_id=job["ID"])
        pin = {**PIN, "job_id": job["ID"]}
        given = {"watch": watch.to_plain(), "pin": pin, **arguments}
        return BacalhauJobTrigger(bacalhau_conn_id="bacalhau_default", job_id=job["ID"], namespace="default", **given)

    return make


def as_task(trigger, map_index=-1):
    """The trigger as the triggerer has it: it knows its task."""
    trigger._task_instance = types.SimpleNamespace(dag_id="etl", run_id="run-1", task_id="clean", map_index=map_index)
    with contextlib.suppress(AttributeError):
        trigger.task_instance = trigger._task_instance
    return trigger


async def fired(trigger):
    """The payload of its event, as it comes back from Airflow's database."""
    return json.loads(json.dumps((await anext(trigger.run())).payload))


async def test_the_event_carries_pin_and_verdict(trigger, orchestrator):
    """The resumed leg runs in another process and knows nothing else."""
    one = trigger("Completed")
    event = await fired(one)
    assert {name: event[name] for name in PIN} == PIN
    assert event["job_id"] == one.job_id
    assert event["verdict"]["outcome"] == "succeeded"


@pytest.mark.parametrize(("scheduled", "least"), [(True, 7.9), (False, 0.0)])
async def test_the_event_does_not_overtake_the_deferral(trigger, monkeypatch, scheduled, least):
    """The scheduler would fail a task whose job ends as soon as it is deferred."""
    slept, pause = [], asyncio.sleep

    async def sleep(seconds):
        slept.append(seconds)
        await pause(0)

    one = trigger("Completed")
    if scheduled:
        as_task(one)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert (await fired(one))["verdict"]["outcome"] == "succeeded"
    assert max(slept, default=0.0) >= least
    assert scheduled or max(slept, default=0.0) < 1.0


async def test_it_waits_until_the_job_has_ended(trigger, orchestrator):
    """The task would go on while its job still runs."""
    one = trigger("Running")
    task = asyncio.ensure_future(fired(one))
    while len(orchestrator.requests) < 4:
        await asyncio.sleep(0.01)
    orchestrator.become(one.job_id, "Failed", "no luck")
    assert (await task)["verdict"]["outcome"] == "failed"


async def test_a_target_state_is_enough_for_a_sensor(trigger):
    """A sensor that waits for Running would wait for the end."""
    event = await fired(trigger("Running", pin=None, target_states=["Running"]))
    assert event["state"] == "Running"


async def test_a_server_that_is_away_is_not_the_jobs_end(trigger, orchestrator):
    """A restart of the orchestrator would fail every deferred task."""
    one = trigger("Completed")
    answer, broken = orchestrator.answer, [1, 2]
    orchestrator.answer = lambda *request: (503, {"Message": "x"}) if broken and broken.pop() else answer(*request)
    assert (await fired(one))["verdict"]["outcome"] == "succeeded"


async def test_a_wrong_connection_is_told_not_raised(trigger, connection):
    """A trigger that raises fails the task without its text."""
    connection(login="a", password="b", extra={"token": "t"})
    assert "two kinds of credential" in (await fired(trigger("Running")))["error"]


async def test_a_job_out_of_time_is_stopped_before_the_event(trigger, orchestrator):
    """The retry would find it alive."""
    one = trigger("Pending", policy=WatchPolicy(accept_timeout=0))
    event = await fired(one)
    assert (event["verdict"]["outcome"], event["verdict"]["phase"]) == ("timed_out", "accept")
    assert orchestrator.stops == [(one.job_id, "airflow 1.1 accept")]


async def test_the_tasks_own_time_ends_the_wait(trigger, orchestrator):
    """Airflow does not enforce execution_timeout while a task is deferred."""
    one = trigger("Running", deadline=time.time() - 1)
    event = await fired(one)
    assert event["verdict"]["outcome"] == "timed_out"
    assert "execution_timeout" in event["verdict"]["message"]
    assert orchestrator.stops == [(one.job_id, "airflow 1.1 timeout")]


async def test_a_job_that_ended_while_nobody_answered_is_not_out_of_time(trigger, orchestrator):
    """The server is away just when the task's time ends, and a good job of hours would be thrown away."""
    one = trigger("Completed", deadline=time.time() - 1)
    answer, broken = orchestrator.answer, [1] * 6
    orchestrator.answer = lambda *request: (503, {"Message": "x"}) if broken and broken.pop() else answer(*request)
    assert (await fired(one))["verdict"]["outcome"] == "succeeded"
    assert (broken, orchestrator.stops) == ([], [])


def test_its_arguments_survive_airflows_database(trigger, monkeypatch, connection):
    """After a restart of the triggerer it is made again from them; a credential there could be read (P14)."""
    connection(password="s3cret")
    one = trigger()
    path, arguments = one.serialize()
    assert path == f"{BacalhauJobTrigger.__module__}.{BacalhauJobTrigger.__qualname__}"
    assert "s3cret" not in json.dumps(arguments)
    assert BacalhauJobTrigger(**json.loads(json.dumps(arguments))).serialize() == one.serialize()


@pytest.fixture
def ended(monkeypatch):
    """Airflow's way to say that a user ended the task whose row is in this state."""

    async def end(trigger, row_state):
        async def state(self):
            return row_state

        monkeypatch.setattr(BacalhauJobTrigger, "_state_of_task", state)
        await trigger.on_kill()

    return end


async def test_a_user_who_ends_the_task_ends_the_job(trigger, orchestrator, ended):
    """The job would run on without its task (P1)."""
    one = trigger()
    await ended(one, "failed")
    assert orchestrator.stops == [(one.job_id, "airflow 1.1 on_kill")]


async def test_a_stop_is_carried_through_whatever_the_triggerer_does(trigger, orchestrator, monkeypatch):
    """A triggerer cancels again every second, and its first look at the task's row takes longer: an orphan."""
    reading, gate = asyncio.Event(), asyncio.Event()

    async def slowly(self):
        reading.set()
        await gate.wait()
        return "failed"

    monkeypatch.setattr(BacalhauJobTrigger, "_state_of_task", slowly)
    one = trigger()
    killing = asyncio.ensure_future(one.on_kill())
    await reading.wait()
    killing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killing
    gate.set()
    await asyncio.gather(*module._ending)
    assert orchestrator.stops == [(one.job_id, "airflow 1.1 on_kill")]


async def test_twins_of_a_lost_submit_end_with_it(trigger, orchestrator, ended, spec):
    """A late duplicate would run until somebody finds it."""
    one = trigger()
    twin = orchestrator.add({**orchestrator.jobs[one.job_id], "Name": "b"}, "Running")
    later = dict(orchestrator.jobs[one.job_id]["Labels"], **{"airflow-slot": "2"})
    other = orchestrator.add({**spec, "Name": "c", "Labels": later}, "Running")
    await ended(one, "failed")
    assert {job_id for job_id, _ in orchestrator.stops} == {one.job_id, twin["ID"]}
    assert other["State"]["StateType"] == "Running"


async def test_a_row_that_is_still_deferred_keeps_its_job(trigger, orchestrator, ended):
    """Two triggerers that lose sight of each other would kill live jobs (split brain) (T12, P2)."""
    await ended(trigger(), "deferred")
    assert orchestrator.stops == []


async def test_an_unknown_row_state_stops(trigger, orchestrator, ended):
    """A needless stop is repaired by the next try, an orphan by nobody."""
    await ended(trigger(), None)
    assert len(orchestrator.stops) == 1


async def test_after_its_event_a_trigger_stops_nothing(trigger, orchestrator, ended):
    """Airflow removes the row of a fired trigger, which looks like a kill (P13)."""
    one = trigger("Completed")
    await fired(one)
    orchestrator.become(one.job_id, "Running")
    await ended(one, "failed")
    assert orchestrator.stops == []


@pytest.mark.parametrize("arguments", [{"on_kill_action": "leave"}, {"pin": None}])
async def test_a_job_that_is_not_ours_to_stop_is_left(trigger, orchestrator, ended, arguments):
    """A sensor, or a task that leaves its job, would kill what others need."""
    await ended(trigger(**arguments), "failed")
    assert orchestrator.stops == []


async def test_cleanup_stops_only_where_there_is_no_on_kill(trigger, orchestrator, monkeypatch):
    """On 3.3 every restart of a triggerer would stop all jobs; on 3.1 none would ever be stopped (P1)."""

    async def state(self):
        return "failed"

    monkeypatch.setattr(BacalhauJobTrigger, "_state_of_task", state)
    await trigger().cleanup()
    assert len(orchestrator.stops) == (0 if trigger_has_on_kill() else 1)
    monkeypatch.setattr(module, "trigger_has_on_kill", lambda: False)
    await trigger(job=orchestrator.only_job()).cleanup()
    assert orchestrator.stops


@pytest.mark.parametrize(("map_index", "name"), [(-1, "clean"), (3, "clean_3")])
async def test_the_state_of_the_row_is_asked_from_airflow(trigger, monkeypatch, map_index, name):
    """The guard would read another row's state, or none."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    asked = {}

    def states(**arguments):
        asked.update(arguments)
        return {"run-1": {name: "deferred"}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))
    one = as_task(trigger(), map_index)
    assert await one._state_of_task() == "deferred"
    assert asked == {"dag_id": "etl", "task_ids": ["clean"], "run_ids": ["run-1"], "map_index": map_index}


async def test_strays_of_a_lost_submit_are_stopped_while_waiting(trigger, orchestrator, spec):
    """A late duplicate would run beside the job, on servers without unique names."""
    one = trigger("Completed")
    old = dict(orchestrator.jobs[one.job_id]["Labels"], **{"airflow-epoch": "0-0-0"})
    stray = orchestrator.add({**spec, "Name": "late", "Labels": old}, "Running")
    one.pin |= {"sweeps": True, "deployed": True}
    await fired(one)
    assert orchestrator.stops == [(stray["ID"], "airflow 1.1 superseded")]


async def test_a_triggerer_whose_clock_is_wrong_by_an_hour_goes_by_the_servers(trigger, orchestrator, monkeypatch):
    """It would take a job of a minute for one of an hour, and stop it for its total_timeout or execution_timeout."""
    hour = types.SimpleNamespace(time=lambda: time.time() + 3600, monotonic=time.monotonic)
    monkeypatch.setattr("airflow_provider_bacalhau.triggers.job.time", hour)
    monkeypatch.setattr("airflow_provider_bacalhau.client.aio.time", hour)
    policy = WatchPolicy(poll_interval=0.01, total_timeout=600.0, accept_timeout=60.0)
    one = trigger("Running", policy=policy, deadline=time.time() + 600)
    task = asyncio.ensure_future(fired(one))
    while len(orchestrator.requests) < 4 and not task.done():
        await asyncio.sleep(0.01)
    orchestrator.become(one.job_id, "Completed")
    event = await task
    assert event["verdict"]["outcome"] == "succeeded"
    assert orchestrator.stops == []
