"""Worlds for the scheduler to look at: plain values."""

from __future__ import annotations


from typing import Any

import pytest

from orchestrator_stub.domain.events import Evaluation
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, Network, Resources, SpecConfig, Task, Timeouts
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.plan import Plan
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.scheduler.decide import decide
from orchestrator_stub.scheduler.snapshot import Look, Snapshot
from orchestrator_stub.scheduler.workers import Workers

GB = 1_000_000_000
NOW = 1_000_000 * GB


class World:
    """Builds jobs, nodes and executions, and asks the scheduler."""

    now = NOW

    def job(self, kind: str = "batch", count: int = 1, **changes: Any) -> Job:
        """A stored job that was created a second ago."""
        task = Task(
            "main",
            changes.pop("engine", SpecConfig("docker")),
            publisher=changes.pop("publisher", SpecConfig()),
            resources=changes.pop("resources", Resources("500m", "1gb")),
            network=Network("None"),
            timeouts=changes.pop("timeouts", Timeouts()),
            input_sources=changes.pop("inputs", ()),
        )
        values: dict[str, Any] = {
            "state": JobState.PENDING,
            "version": 1,
            "create_time": NOW - GB,
            "tasks": (task,),
        }
        return Job("j-1", "a", "default", kind, 0, count, **(values | changes))

    def node(self, number: int = 1, **changes: Any) -> Node:
        """A node with 2 cores and 16 GB, all free."""
        capacity = changes.pop("capacity", Capacity(2.0, 16 * GB, 100 * GB, 0))
        values: dict[str, Any] = {
            "engines": ("docker", "wasm"),
            "publishers": ("local", "s3"),
            "storage_sources": ("urldownload", "inline"),
            "labels": {"zone": f"z{number}", "a": "b"},
            "capacity": capacity,
            "available": capacity,
        }
        return Node(f"n-0000000{number}-0000-4000-8000-00000000000{number}", **(values | changes))

    def execution(self, job: Job, node: Node, compute: ComputeState, **changes: Any) -> Execution:
        """An execution of the job on the node."""
        values: dict[str, Any] = {
            "id": f"e-{node.id[9]}-{compute}-{changes.get('partition', 0)}",
            "desired": DesiredState.STOPPED if compute.is_terminal else DesiredState.PENDING,
            "modify_time": NOW - GB,
        }
        values |= changes
        return Execution(
            namespace="default",
            eval_id="",
            node_id=node.id,
            job_id=job.id,
            job=job,
            job_version=values.pop("job_version", job.version),
            compute=compute,
            **values,
        )

    def decide(self, job: Job, nodes: list[Node], executions: list[Execution] | None = None, **more: Any) -> Plan:
        """The scheduler's plan."""
        release = RELEASES[more.get("release", "1.9.3")]
        seen = (job, tuple(executions or ()), Workers(nodes), release, more.get("now", NOW))
        snapshot = Snapshot(
            *seen, in_touch=more.get("in_touch"), busy_nodes_refuse=more.get("busy_nodes_refuse", True)
        )
        return decide(Look(snapshot, Evaluation("ev-1", job.id, more.get("trigger", "job-register"))))


@pytest.fixture
def world() -> World:
    """A maker of worlds."""
    return World()



