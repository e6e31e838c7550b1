"""Dates in the notation that the servers' language uses: the layout is an example date, Jan 2, 2006 15:04:05 (pure)."""

from __future__ import annotations

import re
from datetime import datetime

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October")
MONTHS = (*_MONTHS, "November", "December")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKENS = {
    "2006": ("year", r"\d{4}", 4),
    "06": ("short_year", r"\d{2}", 2),
    "January": ("month_name", "|".join(MONTHS), 0),
    "Jan": ("short_month", "|".join(month[:3] for month in MONTHS), 0),
    "01": ("month", r"\d{2}", 2),
    "Monday": ("day_name", "|".join(DAYS), 0),
    "Mon": ("short_day", "|".join(day[:3] for day in DAYS), 0),
    "02": ("day", r"\d{2}", 2),
    "_2": ("spaced_day", r" ?\d{1,2}", 0),
    "15": ("hour", r"\d{1,2}", 2),
    "03": ("half_hour", r"\d{2}", 2),
    "04": ("minute", r"\d{2}", 2),
    "05": ("second", r"\d{2}", 2),
    "PM": ("half", "AM|PM", 0),
    "1": ("plain_month", r"\d{1,2}", 1),
    "2": ("plain_day", r"\d{1,2}", 1),
    "3": ("plain_half_hour", r"\d{1,2}", 1),
    "4": ("plain_minute", r"\d{1,2}", 1),
    "5": ("plain_second", r"\d{1,2}", 1),
}
"""Piece of a layout -> name, pattern of its value, digits it is written with (0 = as it is)."""
_PIECES = re.compile("|".join(re.escape(token) for token in _TOKENS))


def canonical_date(layout: str, text: str) -> str | None:
    """The date as the layout writes it; None when the text is no such date."""
    pieces = _PIECES.findall(layout)
    pattern = _PIECES.sub("\0", layout)
    parts = [re.escape(part) for part in pattern.split("\0")]
    expression = parts[0]
    for piece, rest in zip(pieces, parts[1:], strict=True):
        expression += f"({_TOKENS[piece][1]}){rest}"
    match = re.fullmatch(expression, text)
    if match is None:
        return None
    values = dict(zip((_TOKENS[piece][0] for piece in pieces), match.groups(), strict=True))
    if not _exists(values):
        return None
    written = iter(match.groups())
    return _PIECES.sub(lambda found: _rewritten(found[0], next(written)), layout)


def _rewritten(piece: str, value: str) -> str:
    digits = _TOKENS[piece][2]
    if piece == "_2":
        return value.strip().rjust(2)
    return str(int(value)).zfill(digits) if digits else value


def _exists(values: dict[str, str]) -> bool:
    """Whether it is a date of the calendar and a time of the clock."""

    def number(*names: str, default: int) -> int:
        return next((int(values[name]) for name in names if name in values), default)

    month = number("month", "plain_month", default=1)
    for name, length in (("month_name", None), ("short_month", 3)):
        if name in values:
            month = [each[:length] for each in MONTHS].index(values[name]) + 1
    half = number("half_hour", "plain_half_hour", default=1)
    try:
        datetime(  # noqa: DTZ001 - only asked whether it exists
            number("year", default=2000 + number("short_year", default=0)) or 1,
            month,
            number("day", "plain_day", "spaced_day", default=1),
            number("hour", default=0),
            number("minute", "plain_minute", default=0),
            number("second", "plain_second", default=0),
        )
    except ValueError:
        return False
    return 0 <= half <= 12
