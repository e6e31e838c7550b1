"""What the doctor looks at around here."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest

from airflow_provider_bacalhau.client.config import ConnectionOptions
from airflow_provider_bacalhau.commands import surroundings
from airflow_provider_bacalhau.models.node import Node
from airflow_provider_bacalhau.version_compat import trigger_has_on_kill


def visit(publishers=("local",), **options):
    """As much of a visit as these checks read."""
    node = Node(id="n-1", engines=["docker"], publishers=list(publishers), membership="APPROVED", connection="CONNECTED")
    return SimpleNamespace(options=ConnectionOptions(**options), nodes=[node])


def test_s3_results_need_a_connection_to_read_with(monkeypatch):
    """A job would publish and no task could read it."""
    monkeypatch.delenv("AIRFLOW_CONN_AWS_DEFAULT", raising=False)
    results, link = surroundings.results(visit(["s3"]))
    assert (results.level, "add connection aws_default" in results.text) == ("warn", True)
    assert (link.level, "webui_url" in link.text) == ("warn", True)
    assert next(surroundings.results(visit())).level == "ok"
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", "aws://")
    results, link = surroundings.results(visit(["s3"], aws_conn_id="lake", webui_url="http://web"))
    assert (results.level, results.text) == ("ok", "s3 is read through connection lake; 1 nodes publish to it")
    assert (link.level, link.text) == ("ok", "http://web")


def test_this_airflow_is_told_with_what_it_weakens():
    """A user of 3.1 would count on what came with 3.3."""
    (one,) = surroundings.airflow(visit())
    assert one.level == ("ok" if trigger_has_on_kill() else "warn")


def test_missing_extras_are_told(monkeypatch):
    """The first published result would tell."""
    amazon, stub = surroundings.extras(visit())
    assert (amazon.level, stub.text) == ("ok", "installed")
    monkeypatch.setattr(surroundings, "AMAZON", "no-such-distribution")
    assert next(surroundings.extras(visit())).level == "warn"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("BACALHAU__LATE_SUBMIT_GRACE", "5", "late_submit_grace is below 35 s"),
        ("SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC", "60", "notices too late"),
        ("SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC", "200", "below two heartbeats"),
    ],
)
def test_times_that_do_not_fit_are_told(monkeypatch, name, value, says):
    """A setting that was lowered for a test would make duplicates in production."""
    assert next(surroundings.settings(visit())).level == "ok"
    monkeypatch.setenv(f"AIRFLOW__{name}", value)
    (one,) = surroundings.settings(visit())
    assert (one.level, says in one.text) == ("warn", True)


@pytest.fixture
def table(monkeypatch, tmp_path):
    """Airflow's own table of heartbeats, alone in a database."""
    from airflow import settings
    from airflow.jobs.job import Job
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    engine = create_engine(f"sqlite:///{tmp_path}/airflow.db")
    monkeypatch.setattr(settings, "Session", sessionmaker(bind=engine))
    yield lambda: Job.__table__.create(engine)
    engine.dispose()


def test_a_triggerer_is_alive_while_its_heartbeat_is_fresh(table):
    """Deferred tasks would wait for a triggerer that is dead."""
    from airflow.jobs.job import Job
    from airflow.utils.session import create_session

    table()
    (one,) = surroundings.triggerer(needed=False)
    assert (one.level, "none is alive" in one.text) == ("warn", True)
    assert [each.level for each in surroundings.triggerer(needed=True)] == ["FAIL"]
    now = datetime.datetime.now(datetime.UTC)
    with create_session() as session:
        for age, host in ((0, "alive-1"), (3600, "dead-1")):
            job = Job(job_type="TriggererJob", state="running", latest_heartbeat=now - datetime.timedelta(seconds=age))
            job.hostname = host
            session.add(job)
    (one,) = surroundings.triggerer(needed=True)
    assert (one.level, one.text) == ("ok", "alive on alive-1")


def test_a_machine_without_the_database_says_so(table):
    """A worker would report that all triggerers are dead."""
    (one,) = surroundings.triggerer(needed=True)
    assert (one.level, "does not see Airflow's database" in one.text) == ("warn", True)
