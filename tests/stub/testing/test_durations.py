"""How long, in the ways that people write it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator_stub.testing.durations import in_seconds, on_the_wire


@pytest.mark.parametrize(
    ("given", "seconds"), [(4, 4.0), (0.5, 0.5), ("40m", 2400.0), ("1h30m", 5400.0), (timedelta(days=1), 86_400.0)]
)
def test_every_spelling_is_understood(given, seconds):
    """A test would have to count seconds by itself."""
    assert in_seconds(given) == seconds


def test_what_is_no_duration_is_refused():
    """A clock would be moved by nothing at all."""
    with pytest.raises(ValueError, match="'40' is no duration: give seconds, a timedelta, or text"):
        in_seconds("40")


def test_text_is_left_to_the_stub():
    """A script would not read as it was written."""
    assert [on_the_wire(each) for each in ("40m", 4, timedelta(minutes=1))] == ["40m", 4, 60.0]
