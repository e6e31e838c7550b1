"""A call is a value."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_bacalhau.client.call import Call


def test_a_call_is_frozen_and_repeatable_unless_said_otherwise():
    """A call could change between two attempts, or a write be repeated because nobody said that it must not."""
    call = Call("read", "GET", "/x", lambda data, _: data)
    assert (call.idempotent, call.query, call.body, call.recover) == (True, (), None, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        call.path = "/y"
