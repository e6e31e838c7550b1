"""What is kept as text comes back as it was."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

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
from orchestrator_stub.store.codec import (
    execution_of,
    execution_text,
    history_of,
    history_text,
    job_of,
    node_of,
    node_text,
    spec_text,
    standing_text,
)

PARAMS = {"Image": "a:1", "n": 1, "big": 10**30, "f": -0.0, "e": 1e300, "no": None, "yes": True, "l": [{"x": []}], "": "\U0001f600\x00é"}
TASK = Task(
    name="main",
    engine=SpecConfig("docker", PARAMS),
    publisher=SpecConfig("s3", {}),
    env={"A": "1"},
    meta={"m": "2"},
    input_sources=(InputSource(SpecConfig("inline"), "/in", "it"), InputSource(SpecConfig("s3", {"Key": "k"}), "/b")),
    result_paths=(ResultPath("out", "/out"),),
    resources=Resources("1", "2Gb", "3Gb", "4"),
    network=Network("HTTP", ("a.example", "b.example"), (Port("p", 1, 2, "net"),)),
    timeouts=Timeouts(1, 2, 3),
)
JOB = Job(
    id="j-1",
    name="name",
    namespace="team",
    type="batch",
    priority=-7,
    count=3,
    constraints=(Constraint("k", "in", ("a", "b")), Constraint("e", "exists")),
    meta={"a/b": "c"},
    labels={"l": ""},
    tasks=(TASK, replace(TASK, name="second")),
    state=JobState.FAILED,
    message="because",
    state_details={"d": "e"},
    version=2,
    revision=9,
    create_time=1_795_531_875_494_976_244,
    modify_time=1_795_531_875_494_976_245,
)
EXECUTION = Execution(
    id="e-1",
    namespace="team",
    eval_id="ev",
    node_id="n-1",
    job_id="j-1",
    job=replace(JOB, state=JobState.QUEUED, message="", state_details={}, revision=4, modify_time=5),
    job_version=2,
    partition=1,
    desired=DesiredState.STOPPED,
    desired_message="ended",
    compute=ComputeState.COMPLETED,
    compute_message="Running",
    compute_details={"x": "y"},
    published=SpecConfig("s3", {"Bucket": "b"}),
    output=RunOutput("out", True, "err\ufffd", True, 137, "oops"),
    revision=6,
    create_time=7,
    modify_time=8,
)
ITEM = HistoryItem(
    seq=3,
    time=4,
    job_id="j-1",
    job_version=2,
    execution_id="e-1",
    node_id="n-1",
    event=Event("Topic", "message", {"IsError": "true"}),
    previous=JobState.RUNNING,
    new=ComputeState.COMPLETED,
    revision=5,
    comment="why",
)
NODE = Node(
    id="n-1",
    is_compute=False,
    labels={"zone": "a"},
    engines=("docker",),
    publishers=("s3",),
    storage_sources=("inline",),
    capacity=Capacity(1.5, 2, 3, 4),
    available=Capacity(0.5, 1, 2, 3),
    running=1,
    enqueued=2,
    queue_used=Capacity(0.25, 1, 1, 1),
    membership=Membership.REJECTED,
    connection=Connection.DISCONNECTED,
    last_heartbeat=1,
    connected_since=2,
    disconnected_since=3,
    address="a:1",
    last_error="gone",
)


def again_job(job):
    """Through text and back."""
    return job_of(spec_text(job), standing_text(job))


def again_execution(execution):
    """Through text and back, with the version of its job that it was placed for."""
    return execution_of(execution_text(execution), {JOB.version: JOB})


@pytest.mark.parametrize("value", [JOB, TASK, TASK.network, JOB.constraints[0], EXECUTION, EXECUTION.output, ITEM, NODE])
def test_the_values_below_have_something_in_every_field(value):
    """A field that is added to a job, an execution, a line of history or a node could be lost at a restart unseen."""
    bare = {
        field.name
        for field in dataclasses.fields(value)
        if field.compare and field.default is not dataclasses.MISSING and getattr(value, field.name) == field.default
    }
    bare |= {
        field.name
        for field in dataclasses.fields(value)
        if field.default_factory is not dataclasses.MISSING and getattr(value, field.name) == field.default_factory()
    }
    assert bare == set()


def test_a_job_comes_back():
    """A job would be another one after a restart."""
    assert again_job(JOB) == JOB
    assert str(again_job(JOB).task.engine.params) == str(PARAMS), "the order of keys and the sign of zero too"


def test_a_job_without_anything_comes_back():
    """What was not given would be given after a restart."""
    bare = Job("j-2", "n", "default", "ops", 0, None, tasks=(Task("t", SpecConfig("wasm")),))
    assert again_job(bare) == bare
    assert again_job(bare).task.engine.params is None


def test_an_execution_comes_back_with_the_job_as_it_was_when_it_was_placed():
    """Execution lists of 1.8 and later show the job; it would show what became of it later."""
    assert again_execution(EXECUTION) == EXECUTION
    assert again_execution(EXECUTION).job.tasks is JOB.tasks, "else each execution has its own copy in memory"


def test_an_execution_that_has_done_nothing_comes_back():
    """An execution without output would get one."""
    bare = Execution("e-2", "team", "ev", "n-1", "j-1", replace(JOB, state=JobState.PENDING), 2)
    assert again_execution(bare) == bare


@pytest.mark.parametrize(
    "item",
    [
        ITEM,
        replace(ITEM, event=None, previous=ComputeState.COMPLETED, new=JobState.COMPLETED),
        HistoryItem(1, 2, "j-1", 1, event=Event("t", "m")),
        replace(ITEM, previous=None, new=None),
    ],
)
def test_history_comes_back(item):
    """A line of history would change; jobs and executions share words, and one would be taken for the other."""
    found = history_of(history_text(item), "j-1", item.seq)
    assert found == item
    assert (type(found.previous), type(found.new)) == (type(item.previous), type(item.new))


def test_a_node_comes_back():
    """A node would lose its labels or its membership."""
    assert node_of("n-1", node_text(NODE)) == NODE
    assert node_of("n-2", node_text(Node("n-2"))) == Node("n-2")


def test_what_cannot_be_kept_is_not_kept_as_something_else():
    """A value that is no JSON would come back as another one."""
    with pytest.raises(TypeError, match="set cannot be kept"):
        spec_text(replace(JOB, meta={"a": {1}}))
