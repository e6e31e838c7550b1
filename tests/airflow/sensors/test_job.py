"""BacalhauJobSensor: waits for jobs of others, and fails for good when waiting cannot help."""

from __future__ import annotations

import asyncio
import json

import pytest

from airflow_provider_bacalhau.errors import BacalhauJobFailed, ConfigError
from airflow_provider_bacalhau.sensors.job import BacalhauJobSensor
from airflow_provider_bacalhau.version_compat import AirflowFailException


@pytest.fixture
def job(orchestrator, spec):
    """A job of another task."""
    meta = {"airflow-dag-id": "etl", "airflow-task-id": "train"}
    return orchestrator.add({**spec, "Name": "a", "Meta": meta}, "Running")


def sensor(job, **arguments):
    """A sensor that never sleeps."""
    return BacalhauJobSensor(task_id="wait", job=job, poke_interval=0, **arguments)


def test_a_running_job_is_looked_at_again(orchestrator, context, job):
    """Downstream tasks would read a result that is not there yet."""
    one = sensor(job["ID"])
    assert not one.poke(context(one)).is_done
    orchestrator.become(job["ID"], "Completed")
    done = one.poke(context(one))
    assert done.is_done
    assert done.xcom_value["job_id"] == job["ID"]


def test_poke_mode_returns_the_handle(orchestrator, context, job):
    """The sensor could not take the place of the task that it waits for."""
    orchestrator.become(job["ID"], "Completed")
    one = sensor({"job_id": job["ID"], "namespace": "default"})
    assert one.execute(context(one))["state"] == "Completed"


def test_a_failed_job_fails_it_for_good_and_names_the_task(orchestrator, context, job):
    """Retries would look at the same dead job again and again."""
    orchestrator.become(job["ID"], "Completed", exit_code=3)
    with pytest.raises(BacalhauJobFailed, match=r"clear the task etl\.train") as caught:
        (one := sensor(job["ID"])).poke(context(one))
    assert isinstance(caught.value, AirflowFailException)


def test_an_exit_code_can_be_fine(orchestrator, context, job):
    """The switch would do nothing."""
    orchestrator.become(job["ID"], "Completed", exit_code=3)
    assert (one := sensor(job["ID"], fail_on_exit_code=False)).poke(context(one)).is_done


def test_a_state_can_be_waited_for(orchestrator, context, job):
    """A service is there when it runs, not when it ends."""
    assert (one := sensor(job["ID"], target_states="Running")).poke(context(one)).is_done


def test_a_state_is_known_by_its_word_in_any_case(orchestrator, context, job):
    """`running` would be waited for until the timeout, and a slip of the pen as well."""
    assert (one := sensor(job["ID"], target_states=["running"])).poke(context(one)).is_done
    with pytest.raises(ValueError, match=r"'Runing' is no job state; choose from Pending, Queued, Running"):
        sensor(job["ID"], target_states="Runing")


def test_a_state_that_can_no_longer_come_fails(orchestrator, context, job):
    """It would wait until its timeout."""
    orchestrator.become(job["ID"], "Completed")
    with pytest.raises(BacalhauJobFailed, match="can no longer become"):
        (one := sensor(job["ID"], target_states=["Queued"])).poke(context(one))


def test_all_jobs_of_a_mapped_task_are_waited_for(orchestrator, context, job, spec):
    """It would go on after the first."""
    other = orchestrator.add({**spec, "Name": "b"}, "Completed")
    one = sensor([{"job_id": job["ID"]}, {"job_id": other["ID"]}])
    assert not one.poke(context(one)).is_done
    orchestrator.become(job["ID"], "Completed")
    assert [handle["job_id"] for handle in one.poke(context(one)).xcom_value] == [job["ID"], other["ID"]]


def test_deferrable_waits_in_the_triggerer(orchestrator, context, job):
    """A worker slot would be held for hours."""
    one = sensor(job["ID"], deferrable=True)
    ctx = context(one)
    with pytest.raises(BaseException) as caught:
        one.execute(ctx)
    trigger = caught.value.trigger
    assert trigger.pin == {}
    orchestrator.become(job["ID"], "Completed")

    async def fire():
        return await anext(trigger.run())

    event = json.loads(json.dumps(asyncio.run(fire()).payload))
    assert sensor(job["ID"], deferrable=True).execute_complete(ctx, event=event)["state"] == "Completed"


def test_a_failed_job_fails_the_deferred_sensor_too(orchestrator, context, job):
    """It would be deferred for ever."""
    one = sensor(job["ID"], deferrable=True)
    with pytest.raises(BaseException) as caught:
        one.execute(context(one))
    orchestrator.become(job["ID"], "Failed", "no luck")

    async def fire():
        return await anext(caught.value.trigger.run())

    event = json.loads(json.dumps(asyncio.run(fire()).payload))
    with pytest.raises(BacalhauJobFailed, match="no luck"):
        one.execute_complete(context(one), event=event)


def test_something_else_is_refused_with_what_to_pass(orchestrator, context):
    """The server would be asked for a job called like a sentence."""
    with pytest.raises(ConfigError, match=r"pass submit\.output"):
        (one := sensor("the job")).poke(context(one))
