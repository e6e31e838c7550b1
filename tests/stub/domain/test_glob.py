"""Patterns as users write them."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.glob import glob


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("etl-*", "etl-7", True),
        ("etl-*", "my-etl-7", False),
        ("*", "", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("train[3]", "train[3]", True),
        ("train[3]", "train3", False),
        ("a.c", "abc", False),
        ("A*", "abc", False),
        ("a*c", "a\nc", True),
        ("", "x", False),
    ],
)
def test_two_signs_mean_something(pattern, text, fits):
    """A mapped task's brackets, or a dot, would match what nobody meant."""
    assert (glob(pattern).fullmatch(text) is not None) is fits
