"""Page tokens (fact sheet 7.1): base64url without padding of `sortBy:Y|N:limit:offset`."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_LARGEST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class PageToken:
    """Where a list goes on."""

    offset: int
    limit: int = 0
    order_by: str = ""
    reverse: bool = False

    def __str__(self) -> str:
        text = f"{self.order_by}:{'Y' if self.reverse else 'N'}:{self.limit}:{self.offset}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_token(text: str) -> PageToken:
    """Raises ValueError with the servers' text."""
    try:
        if not _ALPHABET.fullmatch(text):
            raise ValueError
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        raise ValueError(f"failed to decode paging token: invalid paging token: {text}") from None
    parts = decoded.split(":")
    if len(parts) != 4:
        raise ValueError(f"invalid number of parts: invalid paging token: {text}")
    numbers = [_unsigned(part) for part in parts[2:]]
    if None in numbers:
        raise ValueError(f"malformed token: invalid paging token: {text}")
    return PageToken(numbers[1] or 0, numbers[0] or 0, parts[0], parts[1] == "Y")


def _unsigned(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    number = int(digits or "0") if len(digits) <= 10 else _LARGEST + 1
    return number if number <= _LARGEST else None
