"""Which nodes can take a job, and the words for those that cannot."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.lifecycle.matching import constraint_text, holds, match, outlook, requested
from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN
from airflow_provider_bacalhau.models.capabilities import Capabilities
from airflow_provider_bacalhau.models.node import Capacity, Node

NEW, OLD = Capabilities.from_version("v1.9.3"), Capabilities.from_version("v1.5.2")
BIG = Capacity(cpu=8.0, memory=32 * 10**9, disk=10**12, gpu=0)


def node(number=0, **changes):
    """A node without GPU in the EU that has all of its resources free."""
    full = changes.pop("full", BIG)
    values = {
        "engines": ["docker"],
        "publishers": ["local", "s3"],
        "storage_sources": ["inline", "s3"],
        "membership": "APPROVED",
        "connection": "CONNECTED",
        "labels": {"region": "eu"},
        "max_capacity": full,
        "available_capacity": full,
    }
    return Node(id=f"n-{number}", **values | changes)


def job(*, kind="batch", count=1, constraints=(), **task):
    """A docker job."""
    return {
        "Type": kind,
        "Count": count,
        "Constraints": list(constraints),
        "Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "a:1"}}, **task}],
    }


GPU = {"Resources": {"GPU": "1"}}
EU = {"Key": "region", "Operator": "=", "Values": ["eu"]}


def test_the_sentence_of_the_contract():
    """A user would learn that a job does not fit, but not why."""
    nodes = [node(i) for i in range(11)] + [node(11, labels={"region": "us"}, full=BIG.model_copy(update={"gpu": 8}))]
    found = match(job(constraints=[EU], **GPU), nodes, NEW)
    assert str(found) == "0 of 12 nodes match (11 without GPU, 1 not region=eu)"
    assert str(match(job(), nodes, NEW)) == "12 of 12 nodes match"
    assert str(match(job(), nodes[:1], NEW)) == "1 of 1 node match"


@pytest.mark.parametrize(
    ("changes", "task", "reason"),
    [
        ({"membership": "PENDING"}, {}, "not approved yet"),
        ({"membership": "REJECTED"}, {}, "rejected"),
        ({"connection": "DISCONNECTED"}, {}, "disconnected"),
        ({"engines": ["wasm"]}, {}, "without docker"),
        ({"publishers": ["local"]}, {"Publisher": {"Type": "S3"}}, "without publisher S3"),
        ({}, {"InputSources": [{"Source": {"Type": "ipfs"}}]}, "without ipfs inputs"),
        ({"full": BIG.model_copy(update={"gpu": 1})}, {"Resources": {"GPU": "2"}}, "with fewer than 2 GPUs"),
        ({}, {"Resources": {"CPU": "8500m"}}, "with less than 8.5 CPU"),
        ({}, {"Resources": {"Memory": "32Gi"}}, "with less than 34.36GB memory"),
        ({}, {"Resources": {"Disk": "2TB"}}, "with less than 2TB disk"),
    ],
)
def test_each_lack_has_its_words(changes, task, reason):
    """The number of nodes would be right and the reason wrong."""
    assert match(job(**task), [node(**changes)], NEW).reasons == (reason,)


@pytest.mark.parametrize("kind", ["Docker", " docker "])
def test_kinds_are_compared_as_the_server_does(kind):
    """A job that runs would be called impossible."""
    task = {"Engine": {"Type": kind}, "Publisher": {"Type": ""}, "InputSources": [{"Source": {"Type": "S3"}}]}
    assert match(job(**task), [node()], NEW).matching == 1


def test_a_job_that_asks_for_nothing_gets_the_servers_defaults():
    """A node with a quarter of a core would be counted."""
    assert requested(job(), NEW) == Capacity(cpu=0.5, memory=512_000_000)
    assert requested(job(), OLD).memory == 1_000_000_000
    small = node(full=BIG.model_copy(update={"memory": 700_000_000}))
    assert (match(job(), [small], NEW).matching, match(job(), [small], OLD).matching) == (1, 0)


def test_what_only_a_run_knows_leaves_no_node_out():
    """A template in a constraint would make every DAG impossible."""
    unknown = {"Key": "region", "Operator": "=", "Values": [UNKNOWN]}
    task = {"Resources": {"Memory": UNKNOWN, "GPU": UNKNOWN}, "Publisher": {"Type": UNKNOWN}}
    assert match(job(constraints=[unknown], **task), [node()], NEW).matching == 1


@pytest.mark.parametrize(
    ("operator", "values", "with_eu", "without"),
    [
        ("in", ["eu", "us"], True, False),
        ("notin", ["eu"], False, True),
        ("=", ["eu"], True, False),
        ("==", ["us"], False, False),
        ("!=", ["eu"], False, True),
        ("exists", [], True, False),
        ("!", [], False, True),
        ("gt", ["3"], False, False),
    ],
)
def test_constraints_hold_as_kubernetes_reads_them(operator, values, with_eu, without):
    """Nodes would be counted that the scheduler leaves out, or the other way round."""
    one = {"Key": "region", "Operator": operator, "Values": values}
    assert (holds(one, {"region": "eu"}), holds(one, {})) == (with_eu, without)


def test_numbers_are_compared_as_numbers():
    """`cores>9` would hold for "10" only by luck."""
    assert holds({"Key": "n", "Operator": "gt", "Values": ["9"]}, {"n": "10"})
    assert holds({"Key": "n", "Operator": "lt", "Values": ["10"]}, {"n": "9"})
    assert not holds({"Key": "n", "Operator": "gt", "Values": ["9"]}, {"n": "many"})


def test_a_wish_leaves_no_node_out():
    """A favoured region would be taken for a demand."""
    assert match(job(constraints=[{**EU, "Key": "favour_region", "Values": ["us"]}]), [node()], NEW).matching == 1


@pytest.mark.parametrize(
    ("constraint", "text"),
    [
        (("region", "in", ["eu", "us"]), "region in (eu,us)"),
        (("spot", "!", []), "!spot"),
        (("gpu", "exists", []), "gpu"),
        (("cores", "gt", ["4"]), "cores>4"),
        (("region", "!=", ["eu"]), "region!=eu"),
    ],
)
def test_constraints_are_shown_as_they_are_written(constraint, text):
    """A user would not recognise the own constraint."""
    assert constraint_text(dict(zip(("Key", "Operator", "Values"), constraint, strict=True))) == text


def busy(count):
    """Nodes where nothing is free."""
    return [node(i, available_capacity=Capacity()) for i in range(count)]


def test_a_busy_node_is_no_failure_but_on_a_server_that_refuses_for_it():
    """A full cluster would be called a wrong one, or 1.5.2's refusal would come as a surprise."""
    one = job()
    assert outlook(one, match(one, busy(2), NEW), NEW).level == "ok"
    assert outlook(one, match(one, busy(2), NEW), NEW).text == "2 of 2 nodes match, 0 free now: it would wait"
    old = outlook(one, match(one, busy(2), OLD), OLD)
    assert (old.level, old.text[-17:]) == ("warn", "set queue_timeout")
    patient = job(Timeouts={"QueueTimeout": 600})
    assert outlook(patient, match(patient, busy(2), OLD), OLD).level == "ok"


def test_more_executions_than_nodes_is_a_failure_that_names_expand():
    """The server's own reason for it is empty (FINDINGS 3)."""
    many = job(count=20)
    found = outlook(many, match(many, [node(i) for i in range(12)], NEW), NEW)
    assert found.level == "FAIL"
    assert found.text.startswith("12 of 12 nodes match, but count=20:")
    assert ".expand()" in found.text


@pytest.mark.parametrize(
    ("kind", "timeouts", "level"),
    [("batch", {}, "FAIL"), ("service", {}, "FAIL"), ("ops", {"QueueTimeout": 9}, "FAIL"), ("daemon", {}, "warn"), ("batch", {"QueueTimeout": 9}, "warn")],
)
def test_what_no_node_at_all_means_depends_on_the_job(kind, timeouts, level):
    """A daemon waits for its first node and does not fail."""
    one = job(kind=kind, Timeouts=timeouts, **GPU)
    assert outlook(one, match(one, [node()], NEW), NEW).level == level
