"""Times as text."""

from __future__ import annotations

from datetime import UTC, datetime

_SECOND = 1_000_000_000


def rfc3339(moment: int, digits: int = 9) -> str:
    """A time in unix nanoseconds as `2025-01-01T00:00:00.123Z`, in UTC, with so many digits of the second (cut off)."""
    seconds, rest = divmod(moment, _SECOND)
    part = f".{f'{rest:09d}'[:digits]}" if digits else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{part}Z"
