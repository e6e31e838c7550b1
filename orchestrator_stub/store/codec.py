"""What is kept as text: jobs, executions, history and nodes, each a JSON list whose places are fixed.

The places are the format: who adds a field or moves one raises FORMAT. A job is kept in two parts, since what was
submitted never changes within a version and where it stands changes often.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from sys import intern
from typing import Any

from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.job import (
    Constraint,
    InputSource,
    Job,
    Network,
    Port,
    Resources,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.states import ComputeState, Connection, DesiredState, JobState, Membership

FORMAT = 1
"""Of the rows below and the tables they stand in."""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be kept")


_text = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_plain).encode
_STATES: Mapping[str, JobState | ComputeState] = {
    **{f"j{state}": state for state in JobState},
    **{f"c{state}": state for state in ComputeState},
}


# Jobs.


def spec_text(job: Job) -> str:
    """What was submitted: all of a job that is the same for the life of a version."""
    return _text(
        [
            job.id,
            job.name,
            job.namespace,
            job.type,
            job.priority,
            job.count,
            [[c.key, c.operator, c.values] for c in job.constraints],
            job.meta,
            job.labels,
            [_task_row(task) for task in job.tasks],
            job.version,
            job.create_time,
        ]
    )


def standing_text(job: Job) -> str:
    """Where a job stands: the rest of it."""
    return _text(_standing(job))


def _standing(job: Job) -> list[Any]:
    return [job.state, job.message, job.state_details, job.revision, job.modify_time]


def job_of(spec: str, standing: str) -> Job:
    """The job of `spec_text` and `standing_text`."""
    row = json.loads(spec)
    job = Job(
        id=row[0],
        name=row[1],
        namespace=intern(row[2]),
        type=intern(row[3]),
        priority=row[4],
        count=row[5],
        constraints=tuple(Constraint(key, operator, tuple(values)) for key, operator, values in row[6]),
        meta=row[7],
        labels=row[8],
        tasks=tuple(_task(each) for each in row[9]),
        version=row[10],
        create_time=row[11],
    )
    return _standing_as(job, json.loads(standing))


def _standing_as(job: Job, row: list[Any]) -> Job:
    state, message, details, revision, modify_time = row
    return replace(
        job,
        state=JobState(state),
        message=message,
        state_details=details,
        revision=revision,
        modify_time=modify_time,
    )


def _task_row(task: Task) -> list[Any]:
    wants, network, limits = task.resources, task.network, task.timeouts
    return [
        task.name,
        _config_row(task.engine),
        _config_row(task.publisher),
        task.env,
        task.meta,
        [[*_config_row(each.source), each.target, each.alias] for each in task.input_sources],
        [[path.name, path.path] for path in task.result_paths],
        [wants.cpu, wants.memory, wants.disk, wants.gpu],
        [
            network.type,
            network.domains,
            [[port.name, port.static, port.target, port.host_network] for port in network.ports],
        ],
        [limits.execution, limits.queue, limits.total],
    ]


def _task(row: list[Any]) -> Task:
    kind, domains, ports = row[8]
    return Task(
        name=row[0],
        engine=SpecConfig(*row[1]),
        publisher=SpecConfig(*row[2]),
        env=row[3],
        meta=row[4],
        input_sources=tuple(
            InputSource(SpecConfig(source, params), target, alias) for source, params, target, alias in row[5]
        ),
        result_paths=tuple(ResultPath(*each) for each in row[6]),
        resources=Resources(*row[7]),
        network=Network(kind, tuple(domains), tuple(Port(*port) for port in ports)),
        timeouts=Timeouts(*row[9]),
    )


def _config_row(config: SpecConfig) -> list[Any]:
    return [config.type, config.params]


# Executions.


def execution_text(execution: Execution) -> str:
    """All of an execution but its job, of which only where it stood is kept."""
    output = execution.output
    return _text(
        [
            execution.id,
            execution.namespace,
            execution.eval_id,
            execution.node_id,
            execution.job_id,
            execution.job_version,
            execution.partition,
            execution.desired,
            execution.desired_message,
            execution.compute,
            execution.compute_message,
            execution.compute_details,
            _config_row(execution.published),
            output
            and [
                output.stdout,
                output.stdout_truncated,
                output.stderr,
                output.stderr_truncated,
                output.exit_code,
                output.error,
            ],
            execution.revision,
            execution.create_time,
            execution.modify_time,
            _standing(execution.job),
        ]
    )


def execution_of(text: str, versions: Mapping[int, Job]) -> Execution:
    """The execution of `execution_text`; `versions`: of its job, by number. Raises KeyError without its own."""
    row = json.loads(text)
    job = versions[row[5]]
    return Execution(
        id=row[0],
        namespace=intern(row[1]),
        eval_id=row[2],
        node_id=intern(row[3]),
        job_id=job.id if row[4] == job.id else row[4],
        job=_standing_as(job, row[17]),
        job_version=row[5],
        partition=row[6],
        desired=DesiredState(row[7]),
        desired_message=intern(row[8]),
        compute=ComputeState(row[9]),
        compute_message=intern(row[10]),
        compute_details=row[11],
        published=SpecConfig(*row[12]),
        output=RunOutput(*row[13]) if row[13] is not None else None,
        revision=row[14],
        create_time=row[15],
        modify_time=row[16],
    )


# History.


def history_text(item: HistoryItem) -> str:
    """A line of history but for its job and its number."""
    event = item.event
    return _text(
        [
            item.time,
            item.job_version,
            item.execution_id,
            item.node_id,
            event and [event.topic, event.message, event.details],
            _state_word(item.previous),
            _state_word(item.new),
            item.revision,
            item.comment,
        ]
    )


def history_of(text: str, job_id: str, seq: int) -> HistoryItem:
    """The line of `history_text`."""
    time, version, execution_id, node_id, event, previous, new, revision, comment = json.loads(text)
    return HistoryItem(
        seq,
        time,
        job_id,
        version,
        intern(execution_id),
        intern(node_id),
        Event(intern(event[0]), intern(event[1]), event[2]) if event is not None else None,
        _STATES[previous] if previous else None,
        _STATES[new] if new else None,
        revision,
        comment,
    )


def _state_word(state: JobState | ComputeState | None) -> str:
    """Jobs and executions share words, so the word says whose it is."""
    if state is None:
        return ""
    return f"j{state}" if isinstance(state, JobState) else f"c{state}"


# Nodes.


def node_text(node: Node) -> str:
    """All of a node but its id."""
    return _text(
        [
            node.is_compute,
            node.labels,
            node.engines,
            node.publishers,
            node.storage_sources,
            _capacity_row(node.capacity),
            _capacity_row(node.available),
            node.running,
            node.enqueued,
            _capacity_row(node.queue_used),
            node.membership,
            node.connection,
            node.last_heartbeat,
            node.connected_since,
            node.disconnected_since,
            node.address,
            node.last_error,
        ]
    )


def node_of(node_id: str, text: str) -> Node:
    """The node of `node_text`."""
    row = json.loads(text)
    return Node(
        id=node_id,
        is_compute=row[0],
        labels=row[1],
        engines=tuple(row[2]),
        publishers=tuple(row[3]),
        storage_sources=tuple(row[4]),
        capacity=Capacity(*row[5]),
        available=Capacity(*row[6]),
        running=row[7],
        enqueued=row[8],
        queue_used=Capacity(*row[9]),
        membership=Membership(row[10]),
        connection=Connection(row[11]),
        last_heartbeat=row[12],
        connected_since=row[13],
        disconnected_since=row[14],
        address=row[15],
        last_error=row[16],
    )


def _capacity_row(capacity: Capacity) -> list[float]:
    return [capacity.cpu, capacity.memory, capacity.disk, capacity.gpu]
