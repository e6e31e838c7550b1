"""Who may talk to the stub at all.

A real server answers any web page's preflight with `*`; copied faithfully, any page in a browser could run programs
and read files here. So each request needs a Host that is this machine (or allowed) and, if it has an Origin, one
that is (design 4, safety). The rule is pure; the middleware only applies it.
"""

from __future__ import annotations

import hmac
import json
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator_stub.api.asgi import ASGIApp, Message, Receive, Send
from orchestrator_stub.domain.hosts import is_loopback


@dataclass(frozen=True, slots=True)
class Doors:
    """What is let in besides loopback."""

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    any_origin: bool = False
    """True where the recorded CORS answers are shown, which is only where nothing on this machine can be reached."""
    token: str = field(default="", repr=False)
    """Opens `/stub/` to other machines; "" = to none."""
    pages: frozenset[str] = frozenset()
    """Paths that the token opens without being sent: a browser can send it only once it has the page."""

    def refusal(self, host: str, origin: str, peer: str, path: str, authorization: str = "") -> str:
        """Why a request is refused, as one sentence; "" when it is welcome.

        :param peer: address of who asks; "" when it is this process
        :param authorization: value of that header, which only strangers at `/stub/` need
        """
        name = urllib.parse.urlsplit(f"//{host}").hostname or "" if host else ""
        if not (is_loopback(name) or name in {h.lower() for h in self.hosts}):
            return f"Host {host!r} is not this machine; start the stub with --allow-host {name or 'NAME'} to allow it"
        if origin and not self.any_origin and origin not in self.origins:
            page = urllib.parse.urlsplit(origin)
            is_own = page.netloc.lower() == host.lower()  # of an allowed Host, so it is the board's
            if not is_own and not is_loopback(page.hostname or ""):
                return f"Origin {origin!r} is a foreign page; start the stub with --allow-origin {origin} to allow it"
        if is_own_page(path) and peer and not is_loopback(peer):
            return "" if self.token and path in self.pages else self._refusal_of_stranger(authorization)
        return ""

    def _refusal_of_stranger(self, authorization: str) -> str:
        if not self.token:
            return "/stub/ answers this machine only; start the stub with --control-token TOKEN to let others in"
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return "/stub/ answers other machines only with the header Authorization: Bearer TOKEN (--control-token)"
        if not hmac.compare_digest(given.strip().encode("latin-1"), self.token.encode("latin-1")):
            return "that is not the token of this stub's --control-token"
        return ""


def is_own_page(path: str) -> bool:
    """Whether a path is the stub's own, not the emulated server's."""
    return path.startswith("/stub") and (len(path) == 5 or path[5] == "/")


class Guard:
    """ASGI middleware that turns strangers away with 403 before anything reads their request."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let the request through or answer it."""
        if scope["type"] in ("http", "websocket"):
            host, origin = _headers(scope["headers"])
            client, path = scope.get("client"), scope["path"]
            authorization = _authorization(scope["headers"]) if is_own_page(path) else ""
            refusal = self._doors.refusal(host, origin, client[0] if client else "", path, authorization)
            if refusal:
                await _refuse(scope, send, refusal)
                return
        await self._app(scope, receive, send)


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    host = origin = ""
    for name, value in headers:
        if name == b"host":
            host = value.decode("latin-1")
        elif name == b"origin":
            origin = value.decode("latin-1")
    return host, origin


def _authorization(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == b"authorization"), "")


async def _refuse(scope: Message, send: Send, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text[:120]})
        return
    body = json.dumps({"error": text}).encode() + b"\n"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
