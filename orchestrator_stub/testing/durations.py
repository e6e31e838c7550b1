"""How long, as people write it: seconds, a timedelta, or text such as "40m", "1h30m", "500ms"."""

from __future__ import annotations

from datetime import timedelta

from orchestrator_stub.domain.quantity import parse_duration

Duration = float | str | timedelta


def in_seconds(duration: Duration) -> float:
    """As a number. Raises ValueError for text that is no duration."""
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if not isinstance(duration, str):
        return float(duration)
    try:
        return parse_duration(duration)
    except ValueError:
        wanted = 'seconds, a timedelta, or text such as "40m", "1h30m", "500ms"'
        raise ValueError(f"{duration!r} is no duration: give {wanted}") from None


def on_the_wire(duration: Duration) -> float | str:
    """As a script holds it: seconds, or the text as it is."""
    return duration.total_seconds() if isinstance(duration, timedelta) else duration
