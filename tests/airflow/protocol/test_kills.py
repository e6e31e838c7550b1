"""A task that is told to end: SIGTERM on top of whatever its process was doing, SIGKILL five seconds later."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

import pytest

from airflow_provider_bacalhau.errors import AttemptOver
from airflow_provider_bacalhau.hooks import attempt
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook


@pytest.fixture
def sigterm(task):
    """SIGTERM ends the task as Airflow does: on_kill runs in the handler, then the main thread goes on.
    `sigterm(fault)` sends it while the fault holds a request."""
    sent = []
    before = signal.signal(signal.SIGTERM, lambda *_: task.op.on_kill())

    def send(fault):
        def wait():
            while not fault.hits:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)

        sent.append(threading.Thread(target=wait, daemon=True))
        sent[0].start()

    yield send
    for one in sent:
        one.join(5)
    signal.signal(signal.SIGTERM, before)


def calls(task):
    """Submits and stops that reached the server, in order of their arrival."""
    asked = [one for one in task.bench.stub.journal() if one.method in ("PUT", "DELETE") and "/jobs" in one.path]
    return [one.method for one in sorted(asked, key=lambda one: one.seq)]


@pytest.mark.parametrize("release", ["1.7.0", "1.9.3"])
def test_t1_a_kill_before_the_submit_lets_none_out(task, stub, sigterm, release):
    """A task that a user ended while it started would leave a job that nobody looks after (T1, C1)."""
    path = "*/jobs/*" if release == "1.9.3" else "*/agent/version"
    sigterm(stub.fault("GET", path, "delay", seconds=0.3))
    with pytest.raises(AttemptOver):
        task.run()
    assert stub.jobs() == []
    assert task.bench.puts == 0


@pytest.mark.parametrize("release", ["1.5.2", "1.7.0", "1.8.0", "1.9.3"])
def test_t1_a_kill_during_the_submit_stops_what_it_made(task, stub, sigterm):
    """The submit would be answered after the kill, and its job run on without its task (T1, C1)."""
    sigterm(stub.fault("PUT", "*/jobs", "delay", seconds=0.4))
    with pytest.raises(AttemptOver):
        task.run()
    assert [state for _, state in task.bench.jobs] == ["Stopped"]
    assert task.bench.puts == 1
    assert task.bench.only_job()["State"]["Message"].endswith(".1 on_kill")


@pytest.mark.parametrize("release", ["1.5.2", "1.7.0", "1.8.0", "1.9.3"])
@pytest.mark.parametrize("kind", ["drop_reply", "garbage"])
def test_t1_a_kill_during_a_submit_whose_answer_is_lost_leaves_nothing(bench, stub, kind):
    """The job comes after the kill's stop and its id never does, so that nobody would end it (T1, C1)."""
    stub.fault("PUT", "*/jobs", kind, **({"bytes": 40} if kind == "garbage" else {}))
    one = bench.submission(steps={"before submit_job": lambda: one.kill.pull()})
    one.kill.arm(BacalhauHook(), "airflow 1000000.1 on_kill")
    with pytest.raises(AttemptOver):
        one.obtain()
    assert [state for _, state in bench.jobs] == ["Stopped"]
    assert bench.puts == 1


def test_a_kill_during_the_submit_leaves_what_is_to_be_left(task, stub, sigterm, pauses):
    """`on_kill_action="leave"` would hold for all of a task but the moment of its submit."""
    sigterm(stub.fault("PUT", "*/jobs", "delay", seconds=0.3))
    with pytest.raises(AttemptOver):
        task.run(on_kill_action="leave")
    assert task.bench.live == [task.bench.only_job()["ID"]]
    pauses.append(lambda: stub.clock.advance("2h"))
    task.run(try_number=2, on_kill_action="leave")
    assert task.bench.puts == 1


@pytest.mark.parametrize("release", ["1.7.0", "1.9.3"])
def test_t1_a_kill_right_after_the_submit_stops_its_job(task, stub, sigterm, pauses):
    """The job of a task that a user ended would run on (T1, C1)."""
    sigterm(stub.fault("GET", "*/jobs/j-*", "delay", seconds=0.3))
    with pytest.raises(AttemptOver):
        task.run()
    assert [state for _, state in task.bench.jobs] == ["Stopped"]
    assert calls(task) == ["PUT", "DELETE"]


def test_p9_a_server_that_hangs_does_not_outlast_the_kill(task, stub, pauses, monkeypatch):
    """Airflow kills the process five seconds after SIGTERM; what on_kill still wanted to do is lost (P9)."""
    assert attempt.BUDGET <= 3.0
    monkeypatch.setattr(attempt, "BUDGET", 0.3)
    stub.fault("DELETE", "*", "hang", times=0)
    took = []

    def kill():
        began = time.monotonic()
        task.op.on_kill()
        took.append(time.monotonic() - began)

    pauses.append(kill)
    with pytest.raises(AttemptOver):
        task.run()
    assert took[0] < 1.0


def test_p10_on_kill_asks_nothing_of_airflow_and_waits_for_no_lock(task, stub, pauses, monkeypatch):
    """The handler runs on top of the main thread: a lock that it holds would never be given back (P10)."""
    from airflow.sdk.execution_time import task_runner

    class Silent:
        def __getattr__(self, name):
            raise AssertionError(f"on_kill asked Airflow: {name}")

    said, handler = [], logging.Handler()
    handler.emit = said.append

    def kill():
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Silent(), raising=False)
        for name in ("xcom_push", "xcom_pull"):
            monkeypatch.setattr(task.context["ti"], name, Silent().__getattr__)
        monkeypatch.setattr(task.bench.store, "set", Silent().__getattr__)
        monkeypatch.setattr(attempt, "BUDGET", 0.3)
        handler.acquire()
        try:
            task.op.on_kill()
        finally:
            handler.release()

    logging.getLogger().addHandler(handler)
    pauses.append(kill)
    try:
        with pytest.raises(AttemptOver):
            task.run()
    finally:
        logging.getLogger().removeHandler(handler)
    assert [state for _, state in task.bench.jobs] == ["Stopped"]


def test_p11_a_rollout_of_the_workers_ends_the_job_and_the_retry_starts_anew(task, stub, pauses):
    """SIGTERM of a rollout is no different from a user's; the retry must not take the stopped job's end for its own
    (P11)."""
    pauses.append(lambda: task.op.on_kill())
    with pytest.raises(AttemptOver):
        task.run()
    pauses.append(lambda: stub.clock.advance("2h"))
    assert task.run(try_number=2)["state"] == "Completed"
    assert task.bench.jobs == [(1, "Stopped"), (2, "Completed")]


def test_p11_with_leave_the_retry_adopts_the_job(task, stub, pauses):
    """A rollout of the workers would cost the work of hours, which `on_kill_action="leave"` promises to spare (P11)."""
    pauses.append(lambda: task.op.on_kill())
    with pytest.raises(AttemptOver):
        task.run(on_kill_action="leave")
    job = task.bench.only_job()
    assert job["State"]["StateType"] == "Running"
    pauses.append(lambda: stub.clock.advance("2h"))
    handle = task.run(try_number=2, on_kill_action="leave")
    assert (handle["job_id"], handle["adopted"]) == (job["ID"], True)
    assert task.bench.puts == 1


def test_a_kill_whose_stop_is_lost_is_confirmed_by_the_next_try(task, stub, pauses):
    """on_kill sends one stop and cannot wait: lost, the job would run beside the retry's."""
    pauses += [lambda: task.op.on_kill(), lambda: None, task.bench.die]
    with stub.fault("DELETE", "*", "drop_request", times=0), pytest.raises(AttemptOver):
        task.run()
    first = task.bench.live
    task.run_until_it_waits(try_number=2, clear_number=1)
    assert len(task.bench.live) == len(first) == 1
    assert task.bench.live != first
