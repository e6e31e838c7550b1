"""The calls of `/agent`, which need no credential (but `/agent/node` on servers with API users)."""

from __future__ import annotations

from airflow_provider_bacalhau.client.call import Call
from airflow_provider_bacalhau.models.base import fold
from airflow_provider_bacalhau.models.node import Node
from airflow_provider_bacalhau.models.responses import Version

AGENT = "/api/v1/agent"


def alive() -> Call[bool]:
    """Whether the server says OK."""
    return Call("ask if the server lives", "GET", f"{AGENT}/alive", lambda data, _: fold(data).get("status") == "OK")


def version() -> Call[Version]:
    """What the server announces about itself."""
    return Call("read the server's version", "GET", f"{AGENT}/version", lambda data, _: Version.read(data))


def node() -> Call[Node]:
    """The node that answers: with `Info` in 1.5.2, flat since 1.6."""
    return Call("read the server's node", "GET", f"{AGENT}/node", lambda data, _: Node.read(data))
