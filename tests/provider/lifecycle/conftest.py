"""Jobs and executions as a server shows them, with only what a test cares about."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job

BORN = 1_700_000_000


@pytest.fixture
def make_job():
    """A batch job that runs; times in epoch seconds."""

    def make(state="Running", *, created=BORN, ended=None, engine="docker", timeouts=None, **fields):
        task = {"Name": "main", "Engine": {"Type": engine, "Params": {}}}
        if timeouts:
            task["Timeouts"] = timeouts
        values = {
            "id": "j-5b2f0c11-1111-4222-8333-444444444444",
            "name": "etl-train-x",
            "namespace": "etl",
            "type": "batch",
            "count": 1,
            "state": state,
            "tasks": [task],
            "create_time": int(created * 1e9),
            "modify_time": int((ended or created) * 1e9),
        }
        return Job(**{**values, **fields})

    return make


@pytest.fixture
def make_execution():
    """An execution that runs; `number` makes its id."""

    def make(number=0, *, compute="BidAccepted", desired="Running", started=BORN, ended=None, **fields):
        values = {
            "id": f"e-{number:08x}-1111-4222-8333-444444444444",
            "node_id": "n-aaaaaaaa-1111-4222-8333-444444444444",
            "partition": 0,
            "desired_state": desired,
            "compute_state": compute,
            "create_time": int(started * 1e9),
            "modify_time": int((ended or started) * 1e9),
        }
        return Execution(**{**values, **fields})

    return make
