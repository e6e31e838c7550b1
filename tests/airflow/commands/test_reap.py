"""`reap`: which jobs it stops, what it prints, and how it ends."""

from __future__ import annotations

import argparse
import importlib
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_bacalhau.commands.reap import duration, states_in_database
from airflow_provider_bacalhau.lifecycle.reap import TaskKey

CALL = ("reap", "--conn-id", "bacalhau_default")


@pytest.fixture
def bacalhau_stub_flags():
    """Time there stands still."""
    return ("--clock", "virtual", "--s3", "off")


def test_t21_only_what_nobody_waits_for_is_stopped(estate, command):
    """A job would run for ever because its task died, or a healthy one would be stopped (T21)."""
    cases = importlib.import_module("left_behind")
    orphans, kept = estate.leave(cases.ORPHANS), estate.leave(cases.KEPT)
    estate.stub.clock.advance("2h")
    young = estate.leave({"young": {"state": "failed"}, "young and gone": {"state": cases.NO_ROW}})
    status, out, err = command(*CALL)
    assert (status, out.count("STOP  "), out.splitlines()[-1]) == (
        3, len(orphans), f"{len(orphans)} to stop. Nothing was done; add --yes."
    ), err
    assert estate.alive(orphans) == sorted(cases.ORPHANS)
    status, out, err = command(*CALL, "--yes")
    assert (status, out.splitlines()[-1]) == (0, f"{len(orphans)} stopped."), err
    assert estate.alive(orphans) == []
    assert estate.alive(kept) == sorted(cases.KEPT)
    assert estate.alive(young) == ["young", "young and gone"]
    assert command(*CALL, "--yes")[0] == 0, "nothing is left over"


def test_the_plan_says_who_why_and_since_when(estate, command):
    """An admin could not tell what is about to be stopped, and would not dare to."""
    now = datetime.now(UTC).replace(hour=3, minute=12)
    estate.row(("etl", "run-1", "clean", 4), "failed", try_number=3, ended=now - timedelta(days=2))
    estate.row(("etl", "run-1", "train"), "deferred")
    jobs = [estate.job(("etl", "run-1", "clean", 4), namespace="etl"), estate.job(("etl", "run-1", "train"))]
    estate.stub.clock.advance("26h")
    jobs.append(estate.job(("old", "run-1", "load")))
    estate.stub.clock.advance("5m")
    status, out, _ = command(*CALL, "--older-than", "90m")
    short = [job[:10] for job in jobs]
    assert (status, out.splitlines()) == (3, [
        "deployment prod eu, all namespaces: 3 jobs with our labels, 3 alive",
        f"KEEP  {short[1]}  etl.train      running 26h  task is deferred (try 1)",
        f"STOP  {short[0]}  etl.clean[4]   running 26h  task failed {now - timedelta(days=2):%Y-%m-%d} 03:12 (try 3 of 3)",
        f"ASK   {short[2]}  old.load       running 5m   run not found; younger than 1h30m",
        "1 to stop. Nothing was done; add --yes.",
    ])


def test_a_stop_is_repeated_until_the_job_is_seen_ended(estate, command):
    """A lost stop would be told as done, and the job would run on."""
    estate.row(("etl", "run-1", "clean"), "failed")
    job = estate.job(("etl", "run-1", "clean"))
    estate.stub.clock.advance("2h")
    estate.stub.fault("DELETE", "*/jobs/*", "status", status=200, body='{"EvaluationID": "lost"}', times=2)
    status, out, _ = command(*CALL, "--yes")
    assert (status, out.splitlines()[-1]) == (0, "1 stopped.")
    (stopped,) = estate.stub.jobs()
    assert (stopped["ID"], stopped["State"]["StateType"]) == (job, "Stopped")
    assert stopped["State"]["Message"].endswith(".0 reaped")


def test_never_more_than_the_limit(estate, command):
    """A first run on an old cluster would stop more than its admin wanted to try."""
    for name in ("a", "b", "c"):
        estate.row(("etl", "run-1", name), "failed")
        estate.job(("etl", "run-1", name))
        estate.stub.clock.advance("2h")
    assert command(*CALL, "--limit", "2")[1].splitlines()[-1] == (
        "3 to stop, at most 2 at a time. Nothing was done; add --yes."
    )
    status, out, _ = command(*CALL, "--limit", "2", "--yes")
    assert (status, out.splitlines()[-1]) == (3, "2 of 3 stopped, at most 2 at a time.")
    assert [job["State"]["StateType"] for job in estate.stub.jobs()] == ["Stopped", "Stopped", "Running"]


def test_a_namespace_of_the_connection_is_the_only_one(estate, command, monkeypatch):
    """An admin of one namespace would see and stop jobs of others."""
    estate.row(("etl", "run-1", "clean"), "failed")
    estate.row(("etl", "run-1", "load"), "failed")
    inside, outside = estate.job(("etl", "run-1", "clean"), namespace="etl"), estate.job(("etl", "run-1", "load"))
    estate.stub.clock.advance("2h")
    monkeypatch.setenv("AIRFLOW_CONN_ETL", estate.stub.url.replace("http://", "bacalhau://") + "/?namespace=etl")
    status, out, _ = command("reap", "--conn-id", "etl", "--yes")
    assert (status, out.splitlines()[0]) == (0, "deployment prod eu, namespace etl: 1 job with our labels, 1 alive")
    assert estate.alive({inside: "inside", outside: "outside"}) == ["outside"]


def test_without_a_deployment_it_refuses(estate, command, monkeypatch):
    """Two Airflows that nobody named would stop each other's jobs."""
    monkeypatch.delenv("AIRFLOW__BACALHAU__DEPLOYMENT")
    estate.run("etl", "run-1", "running")
    status, out, err = command(*CALL, "--yes")
    assert (status, out) == (1, "")
    assert "set `deployment` in the connection's Extra, or in [bacalhau]" in err.splitlines()[-1]


def test_a_job_that_does_not_end_is_told(estate, command, monkeypatch):
    """A script would take a job for stopped that runs on."""
    monkeypatch.setattr("airflow_provider_bacalhau.jobs.reaping.INSISTENCE", 0.0)
    estate.row(("etl", "run-1", "clean"), "failed")
    job = estate.job(("etl", "run-1", "clean"))
    estate.stub.clock.advance("2h")
    estate.stub.fault("DELETE", "*/jobs/*", "status", status=500, body="{}", times=0)
    status, out, _ = command(*CALL, "--yes")
    assert status == 1
    assert out.splitlines()[-2].startswith(f"{job[:10]} could not be stopped: ")
    assert out.splitlines()[-1] == "0 of 1 stopped."


def test_a_database_without_any_run_is_not_believed(estate, command):
    """In a shell without the scheduler's settings every job of production would look left over, and be stopped."""
    job = estate.job(("etl", "run-1", "clean"))
    estate.stub.clock.advance("2h")
    status, out, err = command(*CALL, "--yes")
    assert (status, out) == (1, "")
    assert "has not a single run" in err.splitlines()[-1]
    assert estate.alive({job: "job"}) == ["job"]


def test_a_database_that_cannot_be_read_is_one_sentence(estate, command):
    """The user would see a traceback of SQLAlchemy's, with the database's address in it."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    with create_session() as session:
        session.execute(text("PRAGMA foreign_keys=OFF"))
        session.execute(text("DROP TABLE dag_run"))
    status, out, err = command(*CALL)
    assert (status, out) == (1, "")
    assert "Airflow's database cannot be read (OperationalError)" in err.splitlines()[-1]


def test_many_runs_are_asked_for_in_parts(estate, monkeypatch):
    """A database refuses a question with thousands of runs in it."""
    monkeypatch.setattr("airflow_provider_bacalhau.commands.reap.CHUNK", 2)
    keys = [TaskKey(dag, f"run-{number}", "clean", -1) for dag in ("a", "b") for number in range(5)]
    for key in keys[::2]:
        estate.row(key, "failed", max_tries=4)
    sights = states_in_database(keys)
    assert [sights[key].missing for key in keys] == ["", "run"] * 5
    assert {(one.state, one.try_number, one.tries) for one in sights.values() if not one.missing} == {("failed", 1, 5)}


@pytest.mark.parametrize(
    ("words", "says"),
    [((), "required: --conn-id"), ((*CALL[1:], "--older-than", "soon"), "'soon' is no duration; give one such as"),
     ((*CALL[1:], "--limit", "-1"), "'-1' is no number of jobs")],
)
def test_wrong_usage_is_exit_2(command, words, says):
    """A typo would stop more than was meant."""
    status, out, err = command("reap", *words)
    assert (status, out) == (2, "")
    assert says in err


def test_durations_are_read():
    """An hour would be taken for a second."""
    assert [duration(text) for text in ("90s", "30m", "1h", "1h30m", "2d", "45")] == [90, 1800, 3600, 5400, 172_800, 45]
    for text in ("", "h", "1 h", "-1h", "1w", "1h30"):
        with pytest.raises(argparse.ArgumentTypeError):
            duration(text)


def test_the_help_says_what_the_age_counts_from(command):
    """An admin would think that a task's end counts."""
    assert "made less than this ago" in " ".join(command("reap", "--help")[1].split())
