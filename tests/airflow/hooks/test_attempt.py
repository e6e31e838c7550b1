"""One try: who it is, what it pins, what outlives it, and how it is ended."""

from __future__ import annotations

import datetime
import time

import pytest

from airflow_provider_bacalhau.errors import AttemptOver
from airflow_provider_bacalhau.hooks import attempt as module
from airflow_provider_bacalhau.hooks.attempt import (
    KillSwitch,
    TaskStore,
    epoch_of,
    late_submit_grace,
    pause,
    task_ref,
)
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.lifecycle.submission import Record


@pytest.fixture
def task(monkeypatch):
    """A task of the DAG etl."""
    from airflow.sdk import BaseOperator

    return BaseOperator(task_id="clean", owner="ada", retries=2)


def test_every_try_is_the_same_owner(context, task):
    """A retry would not find the job of the first try; the try's number stands in the task's URL."""
    first = task_ref(context(task), deployment="prod")
    again = task_ref(context(task, try_number=2), deployment="prod")
    assert first == again
    assert (first.dag_id, first.run_id, first.task_id, first.owner, first.triggered_by) == (
        "etl",
        "run-1",
        "clean",
        "ada",
        "ada",
    )
    assert first.url == "http://airflow/dags/etl/runs/run-1/tasks/clean"


def test_the_connections_deployment_wins_over_the_configured(context, task, monkeypatch):
    """Two Airflows on one orchestrator would stop each other's jobs."""
    assert task_ref(context(task), deployment=None).deployment is None
    monkeypatch.setenv("AIRFLOW__BACALHAU__DEPLOYMENT", "configured")
    assert task_ref(context(task), deployment=None).deployment == "configured"
    assert task_ref(context(task), deployment="own").deployment == "own"


def test_the_grace_is_configured(monkeypatch):
    """The setting would have no effect."""
    assert late_submit_grace() == 90.0
    monkeypatch.setenv("AIRFLOW__BACALHAU__LATE_SUBMIT_GRACE", "30")
    assert late_submit_grace() == 30.0


def test_a_clear_ends_the_epoch_where_airflow_counts_them(context, task):
    """A cleared task would be given the result from before the clear."""
    before, after = epoch_of(context(task, stored=True)), epoch_of(context(task, clear_number=1, stored=True))
    assert not after.may_adopt(before)
    assert before.retries is None


def test_without_a_store_the_retries_tell_epochs_apart(context, task):
    """Airflow 3.1 does not count clears of running tasks."""
    assert epoch_of(context(task, stored=False)).retries == 2


def test_a_task_without_a_start_still_has_an_epoch(context, task):
    """A missing date would fail the task."""
    ctx = context(task, born=None)
    ctx["ti"].start_date = None
    assert epoch_of(ctx).born_us == 0


def test_born_has_microseconds(context, task):
    """Two runs of the same second would share an epoch."""
    born = datetime.datetime(2026, 1, 1, 0, 0, 0, 123457, tzinfo=datetime.UTC)
    assert epoch_of(context(task, born=born)).born_us % 1_000_000 == 123457


def test_the_store_keeps_the_record_and_is_the_fence(context, task, store):
    """A superseded worker would go on beside its successor."""
    kept = TaskStore(context(task, stored=True))
    record = Record(1, "1-0-0", 1, "f", "a", "", "default", "c", "submitting", 1.0)
    kept.write(record)
    assert kept.read() == record
    store.lost = True
    assert kept.read() is None
    with pytest.raises(AttemptOver):
        kept.write(record)


def test_a_fence_before_the_first_record_is_no_record(context, task):
    """The look before the first submit would be taken for a submit whose fate is unknown."""
    kept = TaskStore(context(task, stored=True))
    kept.write(None)
    assert kept.read() is None


# --- being ended ------------------------------------------------------------------------------------------------------


@pytest.fixture
def switch(orchestrator):
    """An armed switch."""
    one = KillSwitch()
    one.arm(BacalhauHook(), "airflow 1.1 on_kill")
    return one


def test_a_known_job_is_stopped(switch, orchestrator, spec):
    """The job would run on without its task."""
    job = orchestrator.add({**spec, "Name": "a"}, "Running")
    switch.target(namespace="default", job_id=job["ID"], name="a")
    switch.pull()
    assert switch.pulled
    assert orchestrator.stops == [(job["ID"], "airflow 1.1 on_kill")]


def test_a_submit_on_its_way_is_stopped_by_name(switch, orchestrator, spec):
    """A job whose id never came back would be an orphan."""
    job = orchestrator.add({**spec, "Name": "a"}, "Running")
    switch.target(namespace="default", name="a")
    switch.pull()
    assert [job_id for job_id, _ in orchestrator.stops] == [job["ID"]]


def test_old_servers_are_listed_for_it(switch, orchestrator, spec):
    """Before 1.8 a name finds nothing."""
    labels = {"airflow-key": "k"}
    mine = orchestrator.add({**spec, "Name": "a", "Labels": labels}, "Running")
    orchestrator.add({**spec, "Name": "b", "Labels": labels}, "Running")
    switch.target(namespace="default", name="a", key="k", unique_names=False)
    switch.pull()
    assert [job_id for job_id, _ in orchestrator.stops] == [mine["ID"]]


def test_a_server_that_hangs_does_not_hold_up_the_kill(switch, orchestrator, monkeypatch):
    """Airflow kills the process after five seconds, in the middle of whatever it does."""
    import threading

    monkeypatch.setattr(module, "BUDGET", 0.1)
    hang = threading.Event()
    orchestrator.answer = lambda *_: (hang.wait(10), (200, {}))[1]
    switch.target(namespace="default", job_id="j-1")
    began = time.monotonic()
    switch.pull()
    hang.set()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("how", ["leave", "released", "never armed"])
def test_what_must_not_be_stopped_is_not(switch, orchestrator, spec, how):
    """A job that is meant to live on would be stopped."""
    job = orchestrator.add({**spec, "Name": "a"}, "Running")
    one = KillSwitch() if how == "never armed" else switch
    one.target(namespace="default", job_id=job["ID"])
    if how == "released":
        one.release()
    one.pull(leave=how == "leave")
    assert one.pulled
    assert orchestrator.stops == []


def test_a_pause_ends_with_the_task():
    """The main thread would sleep on until it is killed."""
    switch = KillSwitch()
    switch.pulled = True
    began = time.monotonic()
    pause(60, switch)
    pause(0.01)
    assert time.monotonic() - began < 5
