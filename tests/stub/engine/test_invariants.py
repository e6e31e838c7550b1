"""What holds for every job whatever happens to it: random clusters, programs, stops and updates, by seed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Constraint, Resources, Timeouts
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.states import DesiredState, JobState
from orchestrator_stub.domain.transitions import derived_state
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery, NodeQuery

OUTCOMES: list[dict[str, Any]] = [
    {},
    {"after": 3.0},
    {"fail": "broke"},
    {"after": 2.0, "fail": "broke late"},
    {"hang": True},
    {"refuse": "no such image"},
]


def submit_something(cluster: Any, luck: random.Random, number: int) -> None:
    """A random job; some are updates of earlier ones."""
    kind = luck.choice(["batch", "batch", "batch", "ops", "service", "daemon"])
    count = luck.choice([0, 1, 1, 2, 4]) if kind in ("batch", "service") else None
    limits = Timeouts(execution=luck.choice([0, 5]), queue=luck.choice([0, 100]), total=luck.choice([0, 200]))
    cluster.runner.outcome = type(cluster.runner.outcome)(**luck.choice(OUTCOMES))
    try:
        cluster.submit(
            f"{kind}-{luck.randrange(number + 1)}",
            kind=kind,
            count=count,
            priority=luck.randrange(3),
            meta={"n": str(number)},
            constraints=luck.choice([(), (), (Constraint("zone", "in", ("z1", "z2")),)]),
            task_resources=Resources(cpu=luck.choice(["500m", "1", "2", "5"])),
            task_timeouts=limits,
        )
    except OrchestratorError as refused:
        assert refused.status < 500, refused.message


def check(cluster: Any) -> None:
    """Everything that must hold between two requests."""
    orchestrator = cluster.orchestrator
    for job in orchestrator.list_jobs(JobQuery()).items:
        executions = orchestrator.executions(job.id, ExecutionQuery(all_versions=True)).items
        history = orchestrator.history(job.id, HistoryQuery(all_versions=True, limit=10_000)).items
        assert [item.seq for item in history] == list(range(1, len(history) + 1))
        assert [item.time for item in history] == sorted(item.time for item in history)
        live = [e for e in executions if e.is_live and e.desired is not DesiredState.STOPPED]
        places = [(e.partition, e.node_id if job.type in ("ops", "daemon") else "") for e in live]
        assert len(places) == len(set(places)), "two live executions of one partition"
        if job.state.is_terminal:
            assert live == []
        elif orchestrator.release.job_running_shown and job.state is not JobState.QUEUED:
            assert derived_state(job, executions) is job.state
        assert all(e.desired is DesiredState.STOPPED for e in executions if not e.is_live)
    for node in orchestrator.list_nodes(NodeQuery(limit=100)).items:
        assert node.available.cpu >= 0
        assert node.available.cpu <= node.capacity.cpu


@pytest.mark.parametrize("release", ["docs", "1.5.2", "1.6.5", "1.7.0", "1.9.3"])
@pytest.mark.parametrize("seed", range(6))
async def test_random_lives(build: Any, release: str, seed: int) -> None:
    """Broken: sequence numbers, states, partitions or capacities do not add up after some course of events."""
    luck = random.Random(seed)
    cluster = build(release, nodes=luck.choice([1, 3]))
    for number in range(25):
        submit_something(cluster, luck, number)
        check(cluster)
        if luck.random() < 0.5:
            await cluster.advance(luck.choice([0.5, 2, 30]), step=2)
        jobs = cluster.orchestrator.list_jobs(JobQuery(limit=1000)).items
        if jobs and luck.random() < 0.3:
            job = luck.choice(jobs)
            if job.state not in (JobState.COMPLETED, JobState.FAILED):
                cluster.orchestrator.stop_job(job.id, "random")
        check(cluster)
    for job in cluster.orchestrator.list_jobs(JobQuery(limit=1000)).items:
        if not job.state.is_terminal:
            cluster.orchestrator.stop_job(job.id, "end")
    await cluster.advance(61, step=61)  # every node has spoken of all its figures
    check(cluster)
    for node in cluster.orchestrator.list_nodes(NodeQuery(limit=100)).items:
        assert (node.available, node.running, node.enqueued) == (node.capacity, 0, 0)
        assert node.queue_used == Capacity()
    assert not list((cluster.folder / "runs").glob("*")), "a run's folder was left behind"
