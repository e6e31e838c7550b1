"""Dates are read by the layouts that the servers' language uses."""

from __future__ import annotations

import pytest

from orchestrator_stub.inputs.go_time import canonical_date


@pytest.mark.parametrize(
    ("layout", "text", "date"),
    [
        ("2006-01-02", "2025-03-09", "2025-03-09"),
        ("2006/01", "2025/12", "2025/12"),
        ("20060102T150405", "20250309T235959", "20250309T235959"),
        ("2006-1-2", "2025-03-9", "2025-3-9"),
        ("Jan 02 06", "Feb 28 25", "Feb 28 25"),
        ("2006-01-02", "2025-02-30", None),
        ("2006-01-02", "2025-13-01", None),
        ("2006-01-02", "logs-2025-0", None),
        ("2006-01-02T15", "2025-01-01T24", None),
    ],
)
def test_dates(layout, text, date):
    """Objects would go to other partitions than on a real server."""
    assert canonical_date(layout, text) == date
