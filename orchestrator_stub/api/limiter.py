"""How many requests a client may make (fact sheet 2.1, item 5): a token bucket for each address.

Time is real, since it is the client's own: a stub whose clock stands still would refuse for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

FORGOTTEN_AFTER = 180.0
"""Seconds without a request after which an address begins anew (the servers' web framework)."""
MOST = 10_000
"""Addresses that are remembered; the one that was silent longest goes first. A header can name any number of them."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What an address has left."""

    tokens: float
    filled_at: float
    """Seconds, on the limiter's clock."""


def spend(bucket: Bucket | None, rate: int, now: float) -> tuple[Bucket, bool]:
    """One request: what is left after it, and whether it may go on. A bucket holds one second's worth.

    :param bucket: None for an address that is new.
    :param rate: requests per second.
    """
    tokens = float(rate)
    if bucket is not None:
        tokens = min(tokens, bucket.tokens + max(0.0, now - bucket.filled_at) * rate)
    allowed = tokens >= 1
    return Bucket(tokens - allowed, now), allowed


class Limiter:
    """Remembers the addresses."""

    def __init__(self, rate: int, now: Callable[[], float]) -> None:
        """`rate`: requests per second and address, more than 0. `now`: seconds, never going back."""
        self._rate = rate
        self._now = now
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def allows(self, address: str) -> bool:
        """Whether a request of this address may go on; it counts in any case."""
        now = self._now()
        self._buckets[address], allowed = spend(self._buckets.get(address), self._rate, now)
        self._buckets.move_to_end(address)  # the order is that of the last requests
        self._forget(now)
        return allowed

    def _forget(self, now: float) -> None:
        """Who was silent so long that a new bucket is as good, and who is too many."""
        while True:
            oldest = next(iter(self._buckets))
            if len(self._buckets) <= MOST and now - self._buckets[oldest].filled_at <= FORGOTTEN_AFTER:
                return
            del self._buckets[oldest]


def address_of(headers: Mapping[bytes, bytes], peer: str) -> str:
    """Whose request it is, as the servers' web framework sees it: it believes proxies' headers first.

    :param headers: by lower-case name. `peer`: the address at the other end of the connection.
    """
    forwarded = headers.get(b"x-forwarded-for", b"")
    if forwarded:
        first, comma, _ = forwarded.partition(b",")
        named = _bare(first.strip()) if comma and first else forwarded
    else:
        named = _bare(headers.get(b"x-real-ip", b""))
    return named.decode("latin-1") or peer


def _bare(address: bytes) -> bytes:
    return address.removeprefix(b"[").removesuffix(b"]")
