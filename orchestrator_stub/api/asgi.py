"""ASGI's words, as types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

TRANSPORT = "orchestrator_stub.transport"
"""Scope extension: the asyncio transport of the connection."""
REPLY = "orchestrator_stub.reply"
"""Scope extension: the conversation about one HTTP request, a `reply.Reply`."""
EFFECT = "orchestrator_stub.effect"
"""Key of the scope: the `exchange.Effect` that whoever answers fills in."""
