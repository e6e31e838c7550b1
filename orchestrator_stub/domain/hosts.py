"""What a host name in a URL says about where it is (pure; nothing is looked up)."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_LONGEST = 255
"""Characters of a host's name (RFC 1035); longer ones are not worth keeping."""


def is_loopback(host: str) -> bool:
    """True for `localhost`, names below it, and loopback addresses (brackets allowed)."""
    return len(host) <= _LONGEST and _is_loopback(host)


@lru_cache(maxsize=1024)  # each request asks, and most ask the same
def _is_loopback(host: str) -> bool:
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def is_link_local(host: str) -> bool:
    """True for addresses where clouds keep the credentials of their machines; no job gets there."""
    address = _address(host.strip("[]"))
    return address is not None and address.is_link_local


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
