"""Amounts as users write them and as released servers print them."""

from __future__ import annotations

import re

_CPU = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)(m?)", re.ASCII)
_BYTES = re.compile(r"([\d.,]+)([a-z]*)", re.ASCII)
_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtpe", start=1):
    _UNITS |= {_letter: 1000**_power, f"{_letter}b": 1000**_power}
    _UNITS |= {f"{_letter}i": 1024**_power, f"{_letter}ib": 1024**_power}

_SPAN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(d|h|ms|m|s)", re.ASCII)
_SPANS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PRINTED = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def tidy(text: str) -> str:
    """A resource text as servers keep it: lower case without blanks ("2 GB" -> "2gb"; FINDINGS 3)."""
    return text.lower().replace(" ", "").replace("\n", "")


def parse_cpu(text: str) -> float:
    """Cores of "500m", "0.5" or "2"; may be negative.

    :raises ValueError: not a quantity.
    """
    match = _CPU.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return float(match[1]) / (1000 if match[2] else 1)


def parse_bytes(text: str) -> int:
    """Bytes of "512mb" (powers of 1000), "1gi" (powers of 1024) or a plain number, in lower case without blanks.

    :raises ValueError: not a quantity.
    """
    match = _BYTES.fullmatch(text)
    if match is None or match[2] not in _UNITS:
        raise ValueError(text)
    amount = float(match[1].replace(",", "")) * _UNITS[match[2]]
    if amount >= 2**64:
        raise ValueError(text)
    return int(amount)


def parse_gpu(text: str) -> int:
    """A number of devices.

    :raises ValueError: not an unsigned 64 bit number.
    """
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**64:
        raise ValueError(text)
    return int(text)


def parse_duration(text: str) -> float:
    """Seconds of "40m", "1h30m", "1.5s" or "500ms"; d = days. A number needs its unit.

    :raises ValueError: not a duration.
    """
    parts = _SPAN.findall(text)
    if not parts or "".join(amount + unit for amount, unit in parts) != text:
        raise ValueError(text)
    return sum(float(amount) * _SPANS[unit] for amount, unit in parts)


def duration_text(seconds: int) -> str:
    """A duration as released servers print it: 0 -> "0s", 100 -> "1m40s", 3600 -> "1h0m0s"."""
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{sign}{hours}h{minutes}m{left}s"
    return f"{sign}{minutes}m{left}s" if minutes else f"{sign}{left}s"


def bytes_text(amount: int) -> str:
    """Bytes as released servers print them: 20_000_000_000 -> "20 GB", 1_500 -> "1.5 kB"."""
    if amount < 10:
        return f"{amount} B"
    power = min((len(str(amount)) - 1) // 3, len(_PRINTED) - 1)
    value = int(amount / 1000**power * 10 + 0.5) / 10
    return f"{value:.0f} {_PRINTED[power]}" if value >= 10 else f"{value:.1f} {_PRINTED[power]}"
