"""Which jobs outlived their tasks, and how that is told."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bacalhau.lifecycle import reap
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef, parse_stop_reason, stamp
from airflow_provider_bacalhau.lifecycle.reap import Outcome, Plan, Sight, TaskKey
from airflow_provider_bacalhau.models.job import Job

NOW = 1_767_323_520.0  # 2026-01-02 03:12 UTC
HOUR = 3_600.0
FINAL = ("success", "failed", "skipped", "upstream_failed", "removed")


def job(name="clean", *, number=1, age=26 * HOUR, state="Running", lifetime="task", dag="etl", **changes):
    """A job of a task, made so many seconds ago."""
    ref = TaskRef("prod-eu", dag, "run-1", name)
    wire = stamp({"Type": "batch"}, ref=ref, epoch=Epoch(7, 0, 2), slot=1, lifetime=lifetime, fp="f")
    known = {"labels": wire["Labels"], "meta": wire["Meta"], "create_time": int((NOW - age) * 1e9), "state": state}
    return Job(id=f"j-{number:08x}-0000-4000-8000-000000000000", **(known | changes))


def line(one, sight, older_than=HOUR):
    """Its line."""
    return reap.judge(one, sight, older_than=older_than, now=NOW)


def test_the_plan_reads_as_people_expect_it():
    """Whoever reads it would have to guess what belongs to what, and scripts would break."""
    jobs = [
        job("train", number=0x1A2B3C4D, age=2 * HOUR),
        job("serve", number=0x77AA01EE, age=9 * 24 * HOUR, lifetime="detached"),
        job("clean", number=0x9F8E7D6C),
        job("load", number=0xABCDABCD, age=300, dag="old"),
    ]
    key = reap.task_of
    sights = {
        key(jobs[0]): Sight(state="deferred", try_number=1, tries=3),
        key(jobs[2]): Sight(state="failed", ended_at=NOW - 60, try_number=3, tries=3),
        key(jobs[3]): Sight(missing="run"),
    }
    plan = reap.plan_for(
        jobs, sights, deployment="prod-eu", namespace="etl", stored=214, older_than=HOUR, now=NOW
    )
    assert [*plan.told(), *Outcome(plan, done=False).told("add --yes")] == [
        "deployment prod-eu, namespace etl: 214 jobs with our labels, 4 alive",
        "KEEP  j-77aa01ee  etl.serve   running 9d   detached",
        "KEEP  j-1a2b3c4d  etl.train   running 2h   task is deferred (try 1)",
        "STOP  j-9f8e7d6c  etl.clean   running 26h  task failed 03:11 (try 3 of 3)",
        "ASK   j-abcdabcd  old.load    running 5m   run not found; younger than 1h",
        "1 to stop. Nothing was done; add --yes.",
    ]


@pytest.mark.parametrize("state", FINAL)
def test_a_task_that_is_over_leaves_its_job_to_be_stopped(state):
    """The job would run for ever."""
    assert line(job(), Sight(state=state)).word == "STOP"
    assert line(job(age=HOUR - 1), Sight(state=state)).word == "ASK", "its task may just be stopping it"
    assert line(job(age=HOUR), Sight(state=state)).word == "STOP"


@pytest.mark.parametrize("missing", ["run", "task"])
def test_a_task_that_is_gone_leaves_its_job_to_be_stopped(missing):
    """The jobs of a deleted run or DAG would run for ever."""
    assert line(job(), Sight(missing=missing)).word == "STOP"
    assert line(job(age=60), Sight(missing=missing)).word == "ASK"


STATES = st.sampled_from([*FINAL, None, "running", "deferred", "queued", "scheduled", "up_for_retry", "restarting",
                          "up_for_reschedule", "awaiting_input", "a state of a later Airflow"])
SIGHTS = st.none() | st.builds(Sight, missing=st.sampled_from(["", "run", "task"]), state=STATES,
                               run_state=st.sampled_from([None, "queued", "running", "success", "failed"]))


@given(sight=SIGHTS, age=st.floats(0, 1e6), older_than=st.floats(0, 1e6), lifetime=st.sampled_from(["task", "detached", "", "x"]),
       meta=st.booleans())
def test_only_what_is_certain_is_stopped(sight, age, older_than, lifetime, meta):
    """A healthy job would be stopped because of a state that nobody thought of."""
    one = job(age=age)
    one = job(age=age, labels={**one.labels, "airflow-lifetime": lifetime}, **({} if meta else {"meta": {}}))
    found = line(one, sight if meta else None, older_than)
    over = sight is not None and (bool(sight.missing) or sight.state in FINAL)
    if found.word == "STOP":
        assert lifetime == "task" and meta and over and age >= older_than - 1e-3
    elif lifetime == "task" and meta and over:
        assert found.word == "ASK" and "younger than" in found.reason and age <= older_than + 1e-3
    if lifetime == "detached":
        assert (found.word, found.reason) == ("KEEP", "detached")


def test_why_is_told_in_words():
    """An admin would not know what to do about a job that is left alone."""
    cases = [
        (job(), Sight(state="running", try_number=2, tries=3), "task is running (try 2)"),
        (job(), Sight(run_state="running"), "task waits for its turn"),
        (job(), Sight(run_state="failed"), "task was cleared, but its run is over (failed)"),
        (job(), Sight(state="success", ended_at=NOW - 3 * 24 * HOUR), "task succeeded 2025-12-30 03:12"),
        (job(), Sight(state="failed", try_number=4, tries=3), "task failed (try 4)"),
        (job(), Sight(missing="task"), "its run has no such task"),
        (job(), None, "Airflow says nothing of its task"),
        (job(meta={}), None, "its Meta names no task"),
        (job(labels={"airflow-key": "k"}), None, "its labels do not say whether it may outlive its task"),
    ]
    assert [line(one, sight).reason for one, sight, _ in cases] == [text for *_, text in cases]


def test_what_airflow_is_asked_about():
    """A detached or ended job would cost a question, or a mapped task would be asked about as its sibling."""
    mapped = job().meta | {"airflow-map-index": "3"}
    jobs = [job(), job(), job(meta=mapped), job(lifetime="detached"), job(state="Completed"), job(meta={}),
            job(meta=job().meta | {"airflow-map-index": "x"})]
    assert reap.keys_of(jobs) == [TaskKey("etl", "run-1", "clean", -1), TaskKey("etl", "run-1", "clean", 3)]
    assert [key.title for key in reap.keys_of(jobs)] == ["etl.clean", "etl.clean[3]"]


def test_a_deployment_is_compared_as_it_is():
    """Two deployments whose labels are folded to the same text would stop each other's jobs."""
    assert (reap.selector("prod/eu"), reap.selector("ü")) == ("airflow-deployment=prod-eu", "airflow-key")
    assert reap.is_ours(job(), "prod-eu")
    assert not reap.is_ours(job(), "prod/eu")
    assert not reap.is_ours(job(labels={}), "prod-eu")


def test_a_stop_is_older_than_every_attempt():
    """An attempt that needs the job after all would take the stop for a newer try's, and give up."""
    assert parse_stop_reason(line(job(), Sight(state="failed")).stop_reason) == (7, 0, "reaped")
    assert line(job(labels={}), None).stop_reason == "airflow 0.0 reaped"


def plan(words):
    """A plan with a line for each word, the first one the oldest."""
    lines = [
        reap.Line(word, f"j-{number:08x}-0000-4000-8000-000000000000", "default", "etl.clean", "Running", 1e6 - number,
                  "because", "airflow 7.0 reaped")
        for number, word in enumerate(words)
    ]
    return Plan("prod", "*", len(lines), tuple(reversed(lines)))


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(plan(["KEEP", "ASK"]), done=True), ["Nothing to stop."]),
        (Outcome(plan(["STOP", "STOP"]), done=False, limit=1),
         ["2 to stop, at most 1 at a time. Nothing was done; add --yes."]),
        (Outcome(plan(["STOP"]), done=True, stopped=("a",)), ["1 stopped."]),
        (Outcome(plan(["STOP", "STOP"]), done=True, stopped=("a",), failed={"j-b": "no answer"}),
         ["j-b could not be stopped: no answer", "1 of 2 stopped."]),
        (Outcome(plan(["STOP", "STOP"]), done=True, stopped=("a",), limit=1), ["1 of 2 stopped, at most 1 at a time."]),
    ],
)
def test_the_last_line_says_what_was_done(outcome, told):
    """A dry run would look like the real thing."""
    assert outcome.told("add --yes") == told


def test_the_oldest_comes_first():
    """A limit would spare the job that has wasted most."""
    ages = [one.age for one in plan(["STOP", "KEEP", "STOP"]).of("STOP")]
    assert ages == sorted(ages, reverse=True)


def test_plain_values_are_bounded_but_all_are_counted():
    """An XCom would grow with the cluster."""
    value = Outcome(plan(itertools.chain(["STOP"] * 150, ["KEEP"] * 150)), done=False).to_plain()
    assert (value["stop"], value["keep"], value["alive"], len(value["lines"])) == (150, 150, 300, 200)
    assert value == json.loads(json.dumps(value))
