"""Airflow is upgraded from 3.1 to 3.3 while jobs run: the retry finds and takes over what it may, and nothing else."""

from __future__ import annotations

import json
import types

import pytest

from airflow_provider_bacalhau.hooks.attempt import KillSwitch, TaskStore, epoch_of, task_ref
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.submission import Submission
from airflow_provider_bacalhau.lifecycle.attempt import Attempt
from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator
from orchestrator_stub.testing import stub_server


@pytest.fixture(params=["1.9.3", "1.5.2"])
def stub(request, monkeypatch):
    """A server on whose clock a job runs for an hour."""
    with stub_server("--emulate", request.param, "--clock", "virtual", "--s3", "off") as one:
        one.on(image="acme/clean:*").after("1h").exit(0)
        monkeypatch.setenv("AIRFLOW_CONN_BACALHAU_DEFAULT", json.dumps({"conn_type": "bacalhau", "host": one.url}))
        yield one


@pytest.fixture
def trying(stub, context, spec, store):
    """One process of the task under some Airflow: `trying(airflow, try_number, **changes of the run)`; gives its pin."""

    def obtain(airflow, try_number, *, counted=True, **run):
        task = BacalhauSubmitJobOperator(task_id="clean", job_spec=spec, retries=2)
        made = context(task, try_number=try_number, stored=airflow == "3.3", **run)
        if not counted:
            there = vars(made["dag_run"])
            made["dag_run"] = types.SimpleNamespace(**{name: there[name] for name in there if name != "clear_number"})
        attempt = Attempt(
            ref=task_ref(made, deployment="prod"),
            epoch=epoch_of(made),
            try_number=try_number,
            spec={**spec, "Namespace": "default"},
            conn_id="bacalhau_default",
        )
        log = types.SimpleNamespace(info=lambda *_: None, warning=lambda *_: None)
        given = {"kill": KillSwitch(), "store": TaskStore(made), "log": log, "sleep": stub.clock.advance}
        return Submission(BacalhauHook().get_conn(), attempt, **given).obtain()

    return obtain


def states(stub):
    """States of all jobs, oldest first."""
    return [job["State"]["StateType"] for job in stub.jobs()]


@pytest.mark.parametrize("counted", [True, False], ids=["with a clear number", "without one"])
def test_a_job_of_the_old_airflow_is_taken_over_by_the_new_one(stub, trying, counted):
    """The upgrade would end every job under way, or run a second one beside it."""
    before = trying("3.1", 1, counted=counted)
    assert before.epoch.count("-") == 3
    after = trying("3.3", 2)
    assert after.epoch.count("-") == 2
    assert (after.job_id, after.adopted) == (before.job_id, True)
    assert len(stub.jobs()) == 1


def test_a_job_of_the_new_airflow_is_taken_over_by_the_old_one(stub, trying):
    """Who goes back would pay with every job under way."""
    before, after = trying("3.3", 1), trying("3.1", 2)
    assert (after.job_id, after.adopted) == (before.job_id, True)


def test_a_result_of_the_old_airflow_is_collected_by_the_new_one(stub, trying):
    """A job that ended during the upgrade would run again."""
    before = trying("3.1", 1)
    stub.clock.advance("2h")
    assert trying("3.3", 2).job_id == before.job_id
    assert states(stub) == ["Completed"]


@pytest.mark.parametrize("cleared", [{"clear_number": 1}, {"max_tries": 3}], ids=["counted", "not counted"])
def test_a_cleared_task_starts_afresh_under_the_new_airflow(stub, trying, cleared):
    """The user would get the result from before the clear."""
    before, after = trying("3.1", 1), trying("3.3", 2, **cleared)
    assert after.job_id != before.job_id
    assert states(stub)[0] == "Stopped"
    assert len(states(stub)) == 2
