"""Who may use the API, where that is asked (1.7+, fact sheet 9.4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """One API user: with a password or with a key."""

    alias: str
    """How servers name the user in refusals."""
    username: str = ""
    password: str = ""
    """Plain or bcrypt."""
    api_key: str = ""
    capabilities: tuple[str, ...] = ()
    """Actions such as `read:*` or `write:job`."""
