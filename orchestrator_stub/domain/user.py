"""Who may use the API, where that is asked, and what each may do (1.7+, fact sheet 9.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

_SHOWN_OF_A_KEY = 5
_RESOURCES = {
    "/api/v1/auth": "",
    "/api/v1/version": "",
    "/api/v1/agent": "agent",
    "/api/v1/agent/alive": "",
    "/api/v1/agent/version": "",
    "/api/v1/agent/authconfig": "",
    "/api/v1/orchestrator/jobs": "job",
    "/api/v1/orchestrator/nodes": "node",
}
"""Beginning of a path -> whose resource it is, "" for what is open to all; the longest one counts."""
_LONGEST_FIRST = sorted(_RESOURCES, key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class User:
    """One API user: with a password or with a key. Neither shows in its `repr`."""

    alias: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    capabilities: tuple[tuple[str, ...], ...] = ()
    """Groups of actions such as `read:*` or `write:job`, as the configuration groups them."""

    @property
    def shown_name(self) -> str:
        """How servers name the user in refusals (golden 41; a nameless key's end is all that tells it from others)."""
        return self.alias or self.username or f"API key ending in ...{self.api_key[-_SHOWN_OF_A_KEY:]}"

    def may(self, capability: str) -> bool:
        """Whether one of the user's actions covers `read:...` or `write:...`."""
        verb = "read:*" if capability.startswith("read:") else "write:*"
        return any(action in ("*", capability, verb) for group in self.capabilities for action in group)


def needed_capability(method: str, path: str) -> str:
    """What a request needs; "" when it is open to all.

    Only GET reads; a path that belongs to no resource needs `write:node` even to be read (FINDINGS 1 row 9.4).

    :param path: decoded, without query.
    """
    for beginning in _LONGEST_FIRST:
        if path.startswith(beginning):
            resource = _RESOURCES[beginning]
            if not resource:
                return ""
            return f"{'read' if method == 'GET' else 'write'}:{resource}"
    return "write:node"
