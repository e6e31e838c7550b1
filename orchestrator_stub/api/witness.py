"""Who sees every request to the emulated surface: faults befall it here, and the journal is written (design 4, 5).

`/stub/` never comes by.
"""

from __future__ import annotations

import re
import urllib.parse

from orchestrator_stub.api.asgi import EFFECT, REPLY, ASGIApp, Message, Receive, Send
from orchestrator_stub.api.exchange import Effect
from orchestrator_stub.engine.orchestrator import Orchestrator

_HANDSHAKES = {"websocket.accept": 101, "websocket.close": 403}
"""Status of a log socket by the first message to its client; any other names its own."""
_JOB = re.compile(r"/api/v1/orchestrator/jobs/(?!diff$)([^/]+)")
_MOST_KNOWN = 10_000
"""Paths and clients that are kept only once: who waits asks for the same thing again and again."""


class Witness:
    """ASGI layer in front of the orchestrator's surface."""

    def __init__(self, app: ASGIApp, orchestrator: Orchestrator) -> None:
        self._app = app
        self._orchestrator = orchestrator
        self._powers = orchestrator.powers
        self._append = orchestrator.powers.journal.append
        self._now = orchestrator.clock.peek
        self._paths: dict[str, tuple[str, tuple[str, ...]]] = {}
        """Paths that name the same jobs whatever happens, and these."""
        self._clients: dict[bytes, bytes] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request or log socket; the server's start and end pass through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        arrived = self._now()
        effect = scope[EFFECT] = Effect()
        try:
            if self._powers.faults is None and scope["type"] == "http":
                await self._app(scope, receive, send)
            else:
                await self._closely(scope, receive, send, arrived)
        finally:
            self._note(scope, effect, arrived)

    async def _closely(self, scope: Message, receive: Receive, send: Send, arrived: int) -> None:
        """A log socket, or a request that something may go wrong with."""
        effect: Effect = scope[EFFECT]
        if scope["type"] == "websocket":
            send = self._noting(scope, send, arrived)
        faults = self._powers.faults
        if faults is not None:
            from orchestrator_stub.api.faults import Affair, befall, facts_of  # hardly any stub has faults

            standing = faults.take(facts_of(scope))
            if standing is not None:
                effect.fault = standing.title
                affair = Affair(self._app, scope, receive, send, standing, faults.luck)
                await befall(affair, self._orchestrator, lambda: self._note(scope, effect, arrived))
                return
        await self._app(scope, receive, send)

    def _noting(self, scope: Message, send: Send, arrived: int) -> Send:
        """`send` of a log socket, which is an entry of the journal once it is accepted or refused."""
        effect: Effect = scope[EFFECT]

        async def noting(message: Message) -> None:
            if not effect.is_noted:
                effect.status = _HANDSHAKES.get(message["type"]) or message["status"]
                self._note(scope, effect, arrived)
            await send(message)

        return noting

    def _note(self, scope: Message, effect: Effect, arrived: int) -> None:
        """Write the entry; a second call does nothing."""
        if effect.is_noted:
            return
        effect.is_noted = True
        headers = effect.headers or dict(reversed(scope["headers"]))
        client = headers.get(b"user-agent") or (scope.get("client") or ("",))[0].encode()
        path, jobs = self._paths.get(scope["path"]) or self._named(scope)
        extensions = scope.get("extensions")
        reply = extensions.get(REPLY) if extensions else None
        self._append(
            (
                arrived,
                scope["method"],
                path,
                scope["query_string"],
                0 if reply is not None and reply.has_left else effect.status,
                self._clients.get(client) or self._kept(client),
                effect.request_id or headers.get(b"x-request-id", b""),
                effect.jobs or jobs,
                effect.fault,
                effect.runner,
                effect.submission,
            )
        )

    def _named(self, scope: Message) -> tuple[str, tuple[str, ...]]:
        """The path of a request and the job that it names, whatever became of it."""
        path: str = scope["path"]
        found = _JOB.match(path)
        if found is not None:
            query = scope["query_string"]
            namespace = urllib.parse.parse_qs(query.decode("latin-1")).get("namespace", [""])[0] if query else ""
            jobs = self._orchestrator.overview.named(found[1], namespace)
            if jobs != (found[1],):
                return path, jobs  # of a name or a part of an id, which may be another job's tomorrow
        else:
            jobs = ()
        if len(self._paths) >= _MOST_KNOWN:
            self._paths.clear()
        self._paths[path] = path, jobs
        return path, jobs

    def _kept(self, client: bytes) -> bytes:
        if len(self._clients) >= _MOST_KNOWN:
            self._clients.clear()
        return self._clients.setdefault(client, client)
