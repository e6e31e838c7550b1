"""Durations and moments as arguments take them and as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def seconds_of(value: float | timedelta | None) -> float | None:
    """Seconds of a number or timedelta; None stays None."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def spoken(seconds: float | None) -> str:
    """`41m12s`, `2h05m`, `0.4s`; `?` while unknown."""
    if seconds is None:
        return "?"
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}".removesuffix(".0") + "s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours}h{left:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def moment(epoch_seconds: float | None) -> str | None:
    """ISO 8601 in UTC; None while unknown."""
    return None if epoch_seconds is None else datetime.fromtimestamp(epoch_seconds, UTC).isoformat()
