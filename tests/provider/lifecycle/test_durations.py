"""Durations and moments as people read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bacalhau.lifecycle.durations import moment, seconds_of, spoken


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "?"),
        (0, "0s"),
        (0.44, "0.4s"),
        (9.96, "10s"),
        (59.6, "1m00s"),
        (2_472, "41m12s"),
        (7_500, "2h05m"),
        (-1, "0s"),
    ],
)
def test_spoken(seconds, text):
    """`2472.0` seconds tell nobody anything."""
    assert spoken(seconds) == text


def test_seconds_and_moments():
    """Arguments come as numbers or timedeltas, handles carry UTC."""
    assert (seconds_of(5), seconds_of(timedelta(minutes=1)), seconds_of(None)) == (5, 60.0, None)
    assert moment(0.5) == "1970-01-01T00:00:00.500000+00:00"
    assert moment(None) is None
