"""Descriptions of nodes from plain values."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.plain import PlainError
from orchestrator_stub.domain.shape import Behaviour, NodeShape
from orchestrator_stub.domain.shapereading import REFUSED, parse_cluster, parse_shape


def only(**given):
    """The one node of a description."""
    (shape,) = parse_shape(given)
    return shape


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ({}, NodeShape()),
        ({"cpu": "500m", "memory": "64 GB", "disk": "1Ti"}, NodeShape("", {}, 0.5, 64 * 10**9, 2**40)),
        ({"cpu": 0, "memory": 0, "gpu": "2"}, NodeShape("", {}, 0.0, 0, gpu=2)),
        ({"memory": 64_000_000_000}, NodeShape(memory=64 * 10**9)),
        ({"engines": [], "publishers": ["s3", "s3"]}, NodeShape(engines=(), publishers=("s3",))),
        ({"name": None, "engines": None}, NodeShape()),
        ({"name": "n-1.eu_West"}, NodeShape("n-1.eu_West")),
        ({"behaviour": {"slow": "1.5s", "lossy": 1}}, NodeShape(behaviour=Behaviour(1.5, 1.0))),
        ({"behaviour": {"slow": 2, "rejecting": True}}, NodeShape(behaviour=Behaviour(2.0, rejecting=REFUSED))),
        ({"behaviour": {"rejecting": "no"}}, NodeShape(behaviour=Behaviour(rejecting="no"))),
        ({"behaviour": {"rejecting": False}}, NodeShape()),
        ({"name": "a", "count": 1}, NodeShape("a")),
    ],
)
def test_what_is_understood(given, shape):
    """A node would be another one than was described."""
    assert only(**given) == shape


def test_a_group_has_numbered_names():
    """Nodes of a group would have one name, or none."""
    assert [shape.name for shape in parse_shape({"name": "a", "count": 3})] == ["a-1", "a-2", "a-3"]
    assert parse_shape({"count": 2}) == [NodeShape(), NodeShape()]


def test_what_is_not_said_is_as_usual():
    """A node that is described by its name would have no cores, or a GPU that nobody spoke of."""
    usual = Capacity(16.0, 64, 500, 1)
    assert NodeShape("a").capacity(usual) == Capacity(16.0, 64, 500, 0)
    assert NodeShape("a", cpu=0.0, memory=1, disk=2, gpu=3).capacity(usual) == Capacity(0.0, 1, 2, 3)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([], "a node is a mapping with the keys name, count"),
        ({"name": 7}, "name: 7 is no text: put it into quotes"),
        ({"name": "a b"}, "name: a b is no name; give letters, digits"),
        ({"name": ""}, "name:  is no name"),
        ({"name": "x" * 300}, "..."),
        ({"count": 0}, "count: 0 is no number of nodes; give 1 to 1000"),
        ({"count": True}, "count: true is no number"),
        ({"count": None}, "count: null is no number"),
        ({"labels": ["a"]}, "labels: give a mapping of keys to texts"),
        ({"labels": {"zone": 1}}, "labels.zone: 1 is no text: put it into quotes"),
        ({"labels": {"zone": None}}, "labels.zone: null is no text"),
        ({"labels": {1: "a"}}, "labels.1: the key of a label is a text"),
        ({"cpu": "many"}, "cpu: many is no number of cores; give one such as 8, 0.5 or 500m"),
        ({"cpu": -1}, "cpu: -1 is no number of cores"),
        ({"cpu": True}, "cpu: true is no number of cores"),
        ({"cpu": float("inf")}, "cpu: Infinity is no number of cores"),
        ({"memory": 64}, "memory: 64 is next to nothing; give it a unit, such as 64GB"),
        ({"memory": "64"}, "memory: 64 is next to nothing"),
        ({"memory": 1.5}, "memory: 1.5 is no amount of bytes"),
        ({"memory": -(10**9)}, "is no amount of bytes"),
        ({"disk": "9999999EB"}, "disk: 9999999EB is no amount of bytes"),
        ({"gpu": 1.5}, "gpu: 1.5 is no number of GPUs; give a whole one, such as 2"),
        ({"gpu": "9" * 5000}, "is no number of GPUs"),
        ({"engines": "docker"}, "engines: give a list of names, such as [docker, wasm]"),
        ({"publishers": [1]}, "publishers: give a list of names, such as [s3, local]"),
        ({"behaviour": "slow"}, "behaviour: give a mapping with the keys slow, lossy and rejecting"),
        ({"behaviour": {"lazy": 1}}, "behaviour.lazy: unknown key; known are slow, lossy and rejecting"),
        ({"behaviour": {"slow": "5"}}, "behaviour.slow: 5 is no duration; give seconds, or a text such as \"40m\""),
        ({"behaviour": {"slow": float("nan")}}, "behaviour.slow: NaN is no duration"),
        ({"behaviour": {"lossy": "half"}}, "behaviour.lossy: half is no share"),
        ({"behaviour": {"lossy": -0.1}}, "give a number from 0 to 1"),
        ({"behaviour": {"rejecting": ""}}, "give true, false, or the text of the refusal"),
        ({"behaviour": {"rejecting": 1}}, "behaviour.rejecting: 1: give true, false"),
    ],
)
def test_what_is_wrong_is_named(given, text):
    """Somebody would have to guess what is wrong with a description."""
    with pytest.raises(PlainError) as wrong:
        parse_shape(given)
    assert text in str(wrong.value)


def test_the_way_to_what_is_wrong_leads_into_the_cluster():
    """The line in the file could not be found."""
    with pytest.raises(PlainError) as wrong:
        parse_cluster({"nodes": [{}, {"behaviour": {"lossy": 2}}]})
    assert wrong.value.path == ("nodes", 1, "behaviour", "lossy")
    with pytest.raises(PlainError, match="a cluster is a mapping") as wrong:
        parse_cluster([{}])
    assert wrong.value.path == ()
