"""Rows that another release of the provider has left in Airflow's database are read and run."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from airflow_provider_bacalhau.hooks.attempt import TaskStore
from airflow_provider_bacalhau.lifecycle.attempt import Pin
from airflow_provider_bacalhau.lifecycle.submission import Record
from airflow_provider_bacalhau.lifecycle.verdict import Verdict
from airflow_provider_bacalhau.lifecycle.watch import Watch
from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator

FOLDER = Path(__file__).parents[2] / "golden/triggers"
ROWS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
NODE = {
    "Info": {
        "NodeID": "n-1",
        "NodeType": "Compute",
        "Labels": {"region": "eu"},
        "ComputeNodeInfo": {"ExecutionEngines": ["docker"], "Publishers": ["s3"]},
    },
    "Membership": "APPROVED",
    "Connection": "CONNECTED",
}
FROM_THE_FUTURE = {"invented_later": {"deep": [1, 2]}, "another": None}


def inflated(row, **more):
    """The trigger as the triggerer makes it from its row, through Airflow's own serialization and encryption."""
    from airflow.models.trigger import Trigger

    try:
        from airflow.serialization.decoders import smart_decode_trigger_kwargs as decode
    except ImportError:  # before 3.2
        from airflow.serialization.serialized_objects import smart_decode_trigger_kwargs as decode

    stored = Trigger(classpath=row["classpath"], kwargs={**row["kwargs"], **more})
    kwargs = Trigger._decrypt_kwargs(stored.encrypted_kwargs)
    module, _, name = stored.classpath.rpartition(".")
    return getattr(import_module(module), name)(**{key: decode(value) for key, value in kwargs.items()})


@pytest.fixture
def cluster(orchestrator, spec):
    """A cluster that has what the golden rows wait for."""
    job_id = ROWS["job"]["kwargs"]["job_id"]
    job = orchestrator.add({**spec, "Name": "etl-clean-x"}, "Completed")
    made = job["ID"]
    for kept in (orchestrator.jobs, orchestrator.executions):
        kept[job_id] = kept.pop(made)
    job["ID"] = job_id
    orchestrator.nodes = [NODE]
    return orchestrator


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("more", [{}, FROM_THE_FUTURE], ids=["of today", "of a newer provider"])
async def test_a_stored_trigger_is_run(cluster, row, more):
    """The triggerer would log "failed to inflate", and the task would stay deferred for ever."""
    event = (await anext(inflated(ROWS[row], **more).run())).payload
    if row == "node_sensor":
        assert event == {"nodes": ["n-1"]}
    elif row == "job_sensor":
        assert event["state"] == "Completed"
    else:
        assert Verdict.from_plain(event["verdict"]).succeeded
        assert Pin.from_plain(event) == Pin.from_plain(ROWS["job"]["kwargs"]["pin"])


@pytest.mark.parametrize("row", ROWS)
def test_a_trigger_writes_all_that_it_wrote(row):
    """An argument that a release no longer writes is missing when the older one runs again after a rollback."""
    path, kwargs = inflated(ROWS[row]).serialize()
    assert path == ROWS[row]["classpath"]
    assert {name: kwargs[name] for name in ROWS[row]["kwargs"]} == ROWS[row]["kwargs"]


def test_new_arguments_have_defaults():
    """A row of this release holds none of them, so the next release could not read it."""
    from airflow_provider_bacalhau.triggers.job import BacalhauJobTrigger
    from airflow_provider_bacalhau.triggers.nodes import BacalhauNodesTrigger

    job = BacalhauJobTrigger(bacalhau_conn_id="c", job_id="j", namespace=None, watch={}).serialize()[1]
    assert (job["pin"], job["deadline"], job["target_states"], job["on_kill_action"]) == ({}, None, [], "stop")
    assert BacalhauNodesTrigger(bacalhau_conn_id="c").serialize()[1]["bacalhau_conn_id"] == "c"


async def test_a_watch_with_holes_and_strangers_is_read(cluster):
    """One field more or less in a release would end every wait that is under way."""
    kwargs = dict(ROWS["job"]["kwargs"])
    kwargs["watch"] = {"policy": {"poll_interval": 0.05, "new": 1}, "job_id": kwargs["job_id"], "new": [1]}
    kwargs["pin"] = {**kwargs["pin"], "new": 1}
    event = (await anext(inflated({**ROWS["job"], "kwargs": kwargs}).run())).payload
    assert Verdict.from_plain(event["verdict"]).succeeded
    assert Watch.from_plain({}).to_plain() == Watch.from_plain({"policy": None}).to_plain()


def test_a_pin_with_holes_and_strangers_is_read():
    """The resumed leg would not know its job, start over and submit a second one."""
    pin = Pin.from_plain({**ROWS["job"]["kwargs"]["pin"], "new": 1})
    assert pin == Pin.from_plain(ROWS["job"]["kwargs"]["pin"])
    needed = {name: ROWS["job"]["kwargs"]["pin"][name] for name in ("epoch", "fp", "slot", "job_id", "namespace")}
    assert Pin.from_plain(needed).job_id == pin.job_id
    assert Pin.from_plain({"job_id": "j-1"}) is None
    assert Pin.from_plain("j-1") is None


def test_a_record_with_holes_and_strangers_is_read(store):
    """A retry would fail on what an earlier release has noted, or forget what is in flight."""
    record = Record(1, "1-0-0", 1, "f", "name", "", "default", "bacalhau_default", "submitting", 1.0)
    store.values["bacalhau_job"] = {**record.to_plain(), "new": 1}
    assert TaskStore({"task_state_store": store}).read() == record
    for hole in record.to_plain():
        broken = {name: value for name, value in record.to_plain().items() if name != hole}
        assert Record.from_plain(broken) is None


def test_a_leg_goes_on_with_the_event_of_another_release(cluster, context, spec):
    """A task that was deferred before the upgrade would submit its job again after it."""
    pin = ROWS["job"]["kwargs"]["pin"]
    verdict = Verdict("succeeded", "", pin["job_id"], "default", "etl-clean-x", "Completed")
    event = {**pin, "deadline": None, "verdict": {**verdict.to_plain(), "new": 1}, "new": 1}
    op = BacalhauSubmitJobOperator(task_id="clean", job_spec=spec, deferrable=True)
    handle = op.execute_complete(context(op), event)
    assert handle["job_id"] == pin["job_id"]
    assert cluster.puts == 0
