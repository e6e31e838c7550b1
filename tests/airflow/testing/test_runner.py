"""Running a DAG in a test: which one, when, how, and what is wrong with it."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from airflow.sdk import DAG, task

from airflow_provider_bacalhau.testing import DagError
from airflow_provider_bacalhau.testing.runner import _moment


def test_a_dag_of_a_file_runs_to_its_end(run_dag, written):
    """A retry would take its real hour, or the run would not be the one that was asked for."""
    began = time.monotonic()
    run = run_dag(written("second_try"), logical_date="2026-01-01", conf={"a": 1}, run_id="by-hand")
    assert time.monotonic() - began < 60
    assert (run.state, run.run_id, run.dag_id) == ("success", "by-hand", "second_try"), run.explain()
    assert run.tasks == {"work": "success", "show": "success"}
    assert run.xcom("work") == {"when": datetime(2026, 1, 1, tzinfo=UTC), "conf": {"a": 1}, "ds": "2026-01-01"}
    assert run.xcom("show") == "2026-01-01"
    assert (run.tries("work"), [type(each.error) for each in run.attempts]) == (2, [ValueError, type(None), type(None)])
    for number in (1, 2):
        lines = run.logs("work", try_number=number).splitlines()
        assert lines.count(f"printed {number}") == lines.count("logged by a library") == 1
    assert "ValueError: broken on purpose" in run.logs("work")


def test_signals_and_alarms_are_given_back(run_dag, written):
    """A test run would not hear that it is to end, and a test that hangs would hang for ever."""
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)]
    struck = []
    before = signal.getitimer(signal.ITIMER_REAL)
    signal.signal(signal.SIGALRM, lambda *_: struck.append(1))
    signal.setitimer(signal.ITIMER_REAL, 1_000)
    try:
        assert 500 < run_dag(written("alarm")).xcom("left") < 1_000
        assert 500 < signal.getitimer(signal.ITIMER_REAL)[0] < 1_000
        os.kill(os.getpid(), signal.SIGALRM)
        assert struck == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
        signal.signal(signal.SIGALRM, handlers[1] or signal.SIG_DFL)
    assert signal.getsignal(signal.SIGTERM) == handlers[0]


def test_every_run_begins_with_an_empty_airflow(run_dag, written):
    """A test would depend on those before it."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        assert session.scalar(select(func.count()).select_from(DagRun)) == 0
    run_dag(written("second_try"), run_id="by-hand")


def test_a_sensor_looks_at_once(run_dag, written):
    """A sensor's interval would take its real minutes."""
    began = time.monotonic()
    assert run_dag(written("sensor")).state == "success"
    assert time.monotonic() - began < 60


def test_one_of_several_dags_is_named(run_dag, written):
    """A file of several DAGs could not be tested, or the wrong one would run."""
    written("VALUE = 1", "dags/beside.py")
    file = written("two", "dags/team/two.py")
    path = list(sys.path)
    assert run_dag(file, dag_id="one").xcom("work") == 1
    assert (sys.path, "AIRFLOW__CORE__DAGS_FOLDER" in os.environ) == (path, True)
    with pytest.raises(DagError, match=r"two.py holds several DAGs; give dag_id, one of one, two"):
        run_dag(file)
    with pytest.raises(DagError, match=r"two.py has no DAG 'three'; give dag_id, one of one, two"):
        run_dag(file, dag_id="three")


def test_a_dag_made_here_runs(run_dag):
    """An operator could only be tested by way of a file."""
    with DAG("here", schedule=None) as dag:
        task(lambda: 42, task_id="answer")()
    run = run_dag(dag)
    assert run.xcom("answer") == 42
    assert run_dag(dag, logical_date=None).state == "success"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere_to_be_found", "nowhere_to_be_found"),
        ("uncalled", "holds no DAG; is the function that @dag decorates called"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(run_dag, written, text, words):
    """A broken file would look like a DAG that is missing."""
    with pytest.raises(DagError, match=words):
        run_dag(written(text))


def test_what_is_no_dag_is_refused(run_dag, tmp_path):
    """Whoever gives a function, or mistypes a path, would read about Airflow's insides."""
    with pytest.raises(DagError, match="is no DAG; give a DAG file, or call the function that @dag decorates"):
        run_dag(lambda: None)
    with pytest.raises(DagError, match="there is no DAG file .*dags/etl.py or .*dags/etl.py"):
        run_dag("dags/etl.py")


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T06:00:00+02:00", datetime(2026, 1, 1, 4, tzinfo=UTC)),
        (date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, 6), datetime(2026, 1, 1, 6, tzinfo=UTC)),
        (datetime(2026, 1, 1, 6, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 1, 1, 4, tzinfo=UTC)),
        (None, None),
    ],
)
def test_dates_are_read_as_people_write_them(given, moment):
    """A run would be of another day."""
    assert _moment(given) == moment
