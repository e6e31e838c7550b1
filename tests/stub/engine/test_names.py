"""Unique names, updates and versions (1.8+, fact sheet 4.7; scenario 34): what exactly-once submission relies on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Constraint, Resources, SpecConfig
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery

UNIQUE = ["1.8.0", "1.9.3"]


@pytest.mark.parametrize("release", UNIQUE)
async def test_same_name_and_spec_is_refused_and_names_the_job(build: Any, release: str) -> None:
    """Broken: a repeated submission makes a second job, or does not say which job is there."""
    cluster = build(release)
    job = cluster.submit("epoch-slot")
    await cluster.settle()
    with pytest.raises(OrchestratorError) as refused:
        cluster.submit("epoch-slot")
    error = refused.value
    text = f"no changes detected for new job spec. Job Name: 'epoch-slot', Job Id: '{job}'"
    assert (error.status, error.code, error.component, error.message) == (500, "", "Bacalhau", text)
    assert error.hint == "Use the --force flag to override this warning"
    assert len(cluster.orchestrator.list_jobs(JobQuery()).items) == 1
    assert len(cluster.runner.works) == 1


@pytest.mark.parametrize("release", ["1.5.2", "1.6.5", "1.7.0", "docs"])
async def test_before_18_a_name_is_no_more_than_a_name(build: Any, release: str) -> None:
    """Broken: old releases refuse or update a job of the same name."""
    cluster = build(release)
    assert cluster.submit("same") != cluster.submit("same")


async def test_changed_spec_is_a_new_version_of_the_same_job(build: Any) -> None:
    """Broken: an update makes a new job, or its version, revision, history or creation differ from the recorded ones."""
    cluster = build()
    job = cluster.submit("n")
    await cluster.settle()
    created = cluster.orchestrator.get_job(job).create_time
    assert cluster.submit("n", meta={"a": "b"}) == job
    await cluster.settle()
    stored = cluster.orchestrator.get_job(job)
    assert (stored.version, stored.revision, stored.state, stored.create_time) == (2, 6, JobState.COMPLETED, created)
    assert cluster.story(job)[0] == "Job updated"
    assert len(cluster.story(job)) == 6
    assert len(cluster.story(job, all_versions=True)) == 12
    first = cluster.orchestrator.history(job, HistoryQuery()).items[0]
    assert (first.seq, first.job_version) == (7, 2)
    one = cluster.orchestrator.get_job(job, version=1)
    assert (one.version, one.revision, one.state) == (1, 3, JobState.COMPLETED)
    assert [v.version for v in cluster.orchestrator.versions(job)] == [1, 2]
    assert len(cluster.orchestrator.executions(job, ExecutionQuery()).items) == 1
    assert len(cluster.orchestrator.executions(job, ExecutionQuery(all_versions=True)).items) == 2
    with pytest.raises(OrchestratorError, match=f"job version 9 not found for job {job}"):
        cluster.orchestrator.get_job(job, version=9)


async def test_force_repeats_an_unchanged_job(build: Any) -> None:
    """Broken: Force does not override "no changes detected"."""
    cluster = build()
    spec = cluster.job("n")
    job = cluster.orchestrator.submit(spec).job_id
    await cluster.settle()
    assert cluster.orchestrator.submit(spec, force=True).job_id == job
    assert cluster.orchestrator.get_job(job).version == 2


async def test_update_of_a_live_job_replaces_its_execution(build: Any) -> None:
    """Broken: the old version runs on beside the new one."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("n")
    await cluster.settle()
    cluster.submit("n", meta={"a": "b"})
    await cluster.settle()
    executions = cluster.orchestrator.executions(job, ExecutionQuery(all_versions=True)).items
    assert [(cluster.orchestrator.release.compute_number(e.compute), e.job_version) for e in executions] == [
        (11, 1),
        (5, 2),
    ]
    assert executions[0].compute_message == "Execution stopped for job update"
    assert cluster.runner.killed == [executions[0].id]
    assert cluster.state(job) is JobState.RUNNING
    history = cluster.orchestrator.history(job, HistoryQuery(version=2)).items
    assert "Execution stopped for job update" in [item.event.message for item in history]
    assert {item.job_version for item in history} == {2}


async def test_an_update_of_a_job_that_runs_everywhere_keeps_its_count(build: Any) -> None:
    """Broken: a daemon that is updated as a batch job would carry that one's count."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("d", kind="daemon", count=None)
    await cluster.settle()
    cluster.submit("d", kind="batch", count=3)
    assert cluster.orchestrator.get_job(job).count == 0


async def test_a_failed_job_can_be_repaired_by_an_update(build: Any) -> None:
    """Broken: a failed name is blocked for ever (scenario 34, failing-fixed)."""
    cluster = build()
    job = cluster.submit("f", constraints=(Constraint("nolabel", "=", ("x",)),))
    assert cluster.state(job) is JobState.FAILED
    assert cluster.submit("f") == job
    await cluster.settle()
    stored = cluster.orchestrator.get_job(job)
    assert (stored.state, stored.version, stored.revision) == (JobState.COMPLETED, 2, 5)


async def test_an_update_with_another_type_is_decided_once_as_that_type(build: Any) -> None:
    """Broken: the job changes its type, or the update runs nothing (scenario 34, type-change: revision 12, not 11)."""
    cluster = build()
    job = cluster.submit("n")
    await cluster.settle()
    cluster.submit("n", kind="ops", count=None)
    await cluster.settle()
    stored = cluster.orchestrator.get_job(job)
    assert (stored.type, stored.count, stored.version, stored.revision) == ("batch", 0, 2, 6)


async def test_results_are_those_of_the_latest_version(build: Any) -> None:
    """Broken: an update's results are mixed with those before it."""
    cluster = build()
    for number in (1, 2):
        job = cluster.submit("n", meta={"n": str(number)}, task_publisher=SpecConfig("fake"))
        await cluster.settle()
    latest = cluster.orchestrator.executions(job, ExecutionQuery()).items[0]
    assert [r.params["Name"] for r in cluster.orchestrator.results(job)] == [latest.id]


async def test_names_live_in_namespaces(build: Any) -> None:
    """Broken: the same name in another namespace is an update."""
    cluster = build()
    one, other = cluster.submit("n"), cluster.submit("n", namespace="team")
    assert one != other
    assert cluster.orchestrator.get_job("n").id == one
    assert cluster.orchestrator.get_job("n", "team").id == other
    with pytest.raises(OrchestratorError, match="job not found: n"):
        cluster.orchestrator.get_job("n", "nowhere")


async def test_what_does_not_count_as_a_change(build: Any) -> None:
    """Broken: case of resources or submitted times make a new version."""
    cluster = build()
    cluster.submit("n", task_resources=Resources(memory="1gb"))
    spec = replace(cluster.job("n", task_resources=Resources(memory="1GB")), create_time=5, revision=7)
    with pytest.raises(OrchestratorError, match="no changes detected"):
        cluster.orchestrator.submit(spec)


async def test_new_label_key_in_an_update_fails_when_strict(build: Any) -> None:
    """Broken: the fault of 1.8+ shows by default, or not under --strict (FINDINGS 1, row 4.7)."""
    for strict in (False, True):
        cluster = build(strict=strict)
        job = cluster.submit("n")
        await cluster.settle()
        if strict:
            with pytest.raises(OrchestratorError, match="Internal server error"):
                cluster.submit("n", labels={"new": "x"})
            assert cluster.orchestrator.get_job(job).version == 1
            cluster.submit("other", labels={"new": "x"})
        assert cluster.submit("n", labels={"new": "x"}) == job


async def test_rerun(build: Any) -> None:
    """Broken: a rerun is no new version, or is allowed while the job waits (fact sheet 4.7)."""
    cluster = build()
    job = cluster.submit("n")
    await cluster.settle()
    answer = cluster.orchestrator.rerun(job)
    assert (answer.job_id, answer.job_version) == (job, 2)
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED
    event = cluster.orchestrator.history(job, HistoryQuery()).items[0].event
    assert (event.message, event.details) == ("Job rerun requested", {"Reason": "job rerun"})
    with pytest.raises(OrchestratorError, match="job not found: nope") as refused:
        cluster.orchestrator.rerun("nope")
    assert refused.value.status == 400


async def test_given_id_of_a_service_is_kept(build: Any) -> None:
    """Broken: services cannot choose their id, or a taken one is overwritten (fact sheet 4.6)."""
    cluster = build("1.7.0", outcome={"hang": True})
    assert cluster.submit("a", kind="service", id="my-service") == "my-service"
    with pytest.raises(OrchestratorError, match="job already exists: my-service") as refused:
        cluster.submit("a", kind="service", id="my-service")
    assert refused.value.status == 409


@pytest.mark.parametrize(
    ("given", "status", "text"),
    [
        ("my-serv", 409, "job already exists: my-serv"),
        ("my-service", 500, "multiple jobs found for id my-service"),
        ("my-service/x", 404, "job not found: my-service/x"),
        ("a/", 400, "bucket name required"),
        (" ", 400, "missing job ID\njob ID contains a space"),
    ],
)
async def test_a_given_id_is_looked_up_like_any_other(build: Any, given: str, status: int, text: str) -> None:
    """Broken: an id that a released server refuses is taken, or refused in other words (released 1.5.2 and 1.9.3)."""
    cluster = build("1.7.0", outcome={"hang": True})
    cluster.submit("a", kind="service", id="my-service")
    if status == 500:
        cluster.submit("a", kind="service", id="my-service-2")
    with pytest.raises(OrchestratorError) as refused:
        cluster.submit("a", kind="service", id=given)
    assert (refused.value.status, refused.value.message) == (status, text)


async def test_a_comparison_changes_nothing(build: Any) -> None:
    """Broken: a dry run updates the job, starts it again, or makes one."""
    cluster = build()
    job = cluster.submit("n")
    await cluster.settle()
    before = cluster.orchestrator.get_job(job)
    stored, prepared = cluster.orchestrator.diff(cluster.job("n", priority=5))
    await cluster.settle()
    assert stored == before == cluster.orchestrator.get_job(job)
    assert (prepared.job.priority, prepared.warnings) == (5, ())
    assert len(cluster.orchestrator.list_jobs(JobQuery()).items) == 1
    assert len(cluster.runner.works) == 1


async def test_a_comparison_needs_a_job_of_that_name_and_namespace(build: Any) -> None:
    """Broken: a dry run is told against a stranger's job (golden 36)."""
    cluster = build()
    cluster.submit("n")
    for spec, name in ((cluster.job("other"), "other:default"), (cluster.job("n", namespace="else"), "n:else")):
        with pytest.raises(OrchestratorError) as refused:
            cluster.orchestrator.diff(spec)
        error = refused.value
        text = f"job name index not found: {name}"
        assert (error.status, error.code, error.component, error.message) == (404, "NotFound", "JobStore", text)
