"""What a test adds to `dag.test()`, and that nothing of it stays."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from types import SimpleNamespace

import pytest
import structlog

from airflow_provider_bacalhau.testing.inprocess import POKE_INTERVAL, Recorder, eager_sensors, patched


def instance(task="work", map_index=-1, number=1):
    """As much of a task instance as the recorder reads."""
    return SimpleNamespace(task_id=task, map_index=map_index, try_number=number)


@pytest.fixture
def recorded(monkeypatch):
    """Run functions as tasks: `recorded([(ti, function), ...])` gives the recorder."""
    from airflow.sdk.execution_time import supervisor

    def run(tasks):
        recorder = Recorder()
        functions = {id(ti): function for ti, function in tasks}
        monkeypatch.setattr(supervisor, "run_task_in_process", lambda ti, task: functions[id(ti)]())
        with patched(None, recorder):
            for ti, _ in tasks:
                try:
                    supervisor.run_task_in_process(ti, None)
                except RuntimeError:
                    pass  # as dag.test() goes on
        return recorder

    return run


def ended(state="success", error=None):
    """What Airflow answers for a task."""
    return SimpleNamespace(state=state, error=error)


def test_legs_of_a_try_are_one_attempt(recorded):
    """What a task said before its deferral would be another task's."""
    first, second, other = instance(), instance(), instance(map_index=2)

    def leg(word, state):
        def run():
            print(word)
            return ended(state)

        return run

    recorder = recorded([(first, leg("a", "deferred")), (second, leg("b", "success")), (other, leg("c", "success"))])
    assert [(each.map_index, each.state, each.lines) for each in recorder.attempts] == [
        (-1, "success", ["a", "b"]),
        (2, "success", ["c"]),
    ]


def test_lines_come_once_however_they_are_written(recorded, capsys):
    """A log line would be missing, or stand there twice because it was also printed."""

    def work():
        print("one\ntwo", end="")
        structlog.get_logger("acme").info("an event")
        logging.getLogger("acme").warning("a record %s", 1)
        logging.getLogger("airflow.models.dagrun").warning("of the scheduler")
        sys.stdout.flush()
        return ended()

    (attempt,) = recorded([(instance(), work)]).attempts
    assert sorted(attempt.lines) == ["a record 1", "an event", "one", "two"]
    assert "one\ntwo" in capsys.readouterr().out


def test_an_error_is_kept_with_its_traceback(recorded):
    """A test could not ask what went wrong."""

    def fails():
        raise RuntimeError("broken on purpose")

    def logs():
        try:
            fails()
        except RuntimeError as error:
            structlog.get_logger("task").exception("Task failed with exception")
            return ended("failed", error)

    crashed, failed = recorded([(instance("a"), fails), (instance("b"), logs)]).attempts
    assert str(crashed.error) == str(failed.error) == "broken on purpose"
    assert failed.lines[0] == "Task failed with exception"
    assert failed.lines[-1] == "RuntimeError: broken on purpose"


def test_everything_is_as_before(recorded):
    """The next test would run with this one's Airflow."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk.execution_time import supervisor

    def state():
        names = (supervisor.in_process_api_server, TaskInstance.next_retry_datetime, DagRun.generate_run_id)
        return names, list(structlog.get_config()["processors"]), list(logging.getLogger().handlers), sys.stdout

    before = state()
    with pytest.raises(ZeroDivisionError), patched("by-hand", Recorder()):
        assert DagRun.generate_run_id(run_type=None) == "by-hand"
        _ = 1 / 0
    assert state() == before


def test_a_release_without_what_is_replaced_is_no_failure(monkeypatch):
    """An Airflow that moved one of its insides would fail every test, not one convenience."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk.execution_time import supervisor

    monkeypatch.delattr(TaskInstance, "next_retry_datetime")
    monkeypatch.delattr(supervisor, "in_process_api_server")
    with patched(None, Recorder()):
        assert not hasattr(supervisor, "in_process_api_server")


def test_sensors_are_eager_for_a_while_only():
    """A DAG object of a test module would be changed for all tests that follow."""
    sensor = SimpleNamespace(poke_interval=60.0)
    quick = SimpleNamespace(poke_interval=0.01)
    mapped = SimpleNamespace(partial_kwargs={"poke_interval": timedelta(minutes=1)})
    operator = SimpleNamespace(partial_kwargs={})
    with eager_sensors(SimpleNamespace(tasks=[sensor, quick, mapped, operator])):
        assert (sensor.poke_interval, quick.poke_interval) == (POKE_INTERVAL, 0.01)
        assert mapped.partial_kwargs == {"poke_interval": POKE_INTERVAL}
    assert (sensor.poke_interval, mapped.partial_kwargs, operator.partial_kwargs) == (
        60.0,
        {"poke_interval": timedelta(minutes=1)},
        {},
    )
