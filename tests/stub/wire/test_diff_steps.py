"""Calls that nest deeper than Python's stack."""

from __future__ import annotations

import pytest

from orchestrator_stub.wire.diff_steps import result_of


def depth(value):
    """How deep a list nests."""
    return 1 + (yield depth(value[0])) if value else 0


def test_calls_nest_deeper_than_the_stack():
    """Deep parameters of a job would break the request."""
    value = []
    for _ in range(20_000):
        value = [value]
    assert result_of(depth(value)) == 20_000


def test_an_error_of_an_inner_call_is_not_lost():
    """A fault would be taken for a result."""

    def outer():
        return (yield inner())

    def inner():
        raise ValueError("inner")
        yield

    with pytest.raises(ValueError, match="inner"):
        result_of(outer())
