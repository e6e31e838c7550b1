"""The door of the emulated surface: limits, who may ask, headers and errors of released servers (fact sheet 2.1)."""

from __future__ import annotations

import asyncio
import logging
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from orchestrator_stub.api.asgi import Message, Receive, Send
from orchestrator_stub.api.authorizer import Authorizer
from orchestrator_stub.api.client_version import HEADER, refusal
from orchestrator_stub.api.exchange import JSON_TYPE, TOO_LARGE, Answer, Request, own_headers
from orchestrator_stub.api.limiter import Limiter, address_of
from orchestrator_stub.api.logs_ws import LogSockets
from orchestrator_stub.api.looks import Looks
from orchestrator_stub.api.routes import API, Routes
from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import HandlerHangError, HandlerPanicError, OrchestratorError
from orchestrator_stub.domain.user import User
from orchestrator_stub.engine.orchestrator import Orchestrator
from orchestrator_stub.wire.answers import (
    error_fields,
    no_such_route,
    too_many_requests,
    unreadable_body,
    wrong_method,
)
from orchestrator_stub.wire.gojson import dumps

LARGEST_BODY = 10_000_000
"""Bytes; one more is a 413 (FINDINGS 1 row 2.1)."""
LONGEST_HANDLER_S = 30
"""Seconds that a handler may take (fact sheet 2.1, item 6)."""
_PLAIN = "text/plain; charset=utf-8"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_ANY_METHOD = "GET,HEAD,PUT,PATCH,POST,DELETE"
_CHANGING = f"{API}/orchestrator/"
"""Below are the answers that clients wait for; all others never change."""
_LETTERS = bytes(ord(string.ascii_letters[number % 52]) for number in range(256))
"""Turns random bytes into the letters of request ids that servers make up."""
_LOG = logging.getLogger(__name__)


def build_routes(
    orchestrator: Orchestrator,
    *,
    cors: bool = False,
    address: Callable[[], tuple[str, int]] = lambda: ("127.0.0.1", 1234),
    users: Sequence[User] = (),
    rate_limit: int = 0,
    now: Callable[[], float] = time.monotonic,
) -> Api:
    """The application that answers like the orchestrator's release.

    `cors`: show the recorded answers to web pages of any origin. `address`: host and port for /agent/config.
    `users`: who may ask (none = everybody). `rate_limit`: requests per second and client, 0 = no limit; `now`: the
    limiter's clock, in seconds, never going back.
    """
    return Api(
        orchestrator,
        Routes(orchestrator, address, users),
        cors=cors,
        authorizer=Authorizer(users, orchestrator.release) if users else None,
        limiter=Limiter(rate_limit, now) if rate_limit else None,
        routes_of=lambda earlier: Routes(earlier, address, users),
    )


class Api:
    """ASGI application of one orchestrator."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        routes: Routes,
        *,
        cors: bool,
        authorizer: Authorizer | None,
        limiter: Limiter | None,
        routes_of: Callable[[Orchestrator], Routes],
    ) -> None:
        """`routes_of`: the routes to an orchestrator as it was, for answers that are stale on purpose."""
        self._orchestrator = orchestrator
        self._release = orchestrator.release
        self._clock = orchestrator.clock
        self._routes = routes
        self._pace = orchestrator.pace
        self._looks = Looks()
        self._random_bytes = orchestrator.ids.source("request ids").randbytes
        self._sockets = LogSockets(orchestrator)
        self._own_headers = own_headers(orchestrator.release)
        self._cors = cors
        self._authorizer = authorizer
        self._limiter = limiter
        self._routes_of = routes_of

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, one log socket, or the server's start and end (which need nothing here)."""
        if scope["type"] == "http":
            await self._http(Request(scope, self._release), receive, send)
        elif scope["type"] == "websocket":
            await self._socket(Request(scope, self._release), receive, send)
        else:
            await _lifespan(receive, send)

    async def _http(self, request: Request, receive: Receive, send: Send) -> None:
        if request.method == "OPTIONS":
            await self._preflight(request, send)
            return
        try:
            holds = self._orchestrator.holds_answers
            if holds:
                await self._orchestrator.before_answer(wrote=False)
            answer: Answer | None = await self._answer(request, receive)
            if request.method not in _READING and self._orchestrator.holds_answers:
                await self._orchestrator.before_answer(wrote=True)
            if self._pace.follows_clients and answer is not None:
                answer = await self._for_waiting(answer, request)
        except OrchestratorError as error:
            answer = self._error(error, request)
        except HandlerHangError:
            answer = await self._time_limit(receive)
        except ConnectionAbortedError:
            return
        except Exception:  # whatever breaks is told to the log, never to the client
            _LOG.exception("%s %s failed", request.method, request.path)
            answer = self._error(HandlerPanicError(), request)
        if answer is not None:
            await _send(send, answer.status, self._headers(answer, request), self._body(answer, request), request)

    async def _socket(self, request: Request, receive: Receive, send: Send) -> None:
        answer = self._refused(request) or self._too_old(request)
        if answer is None:
            await self._sockets.serve(request, receive, send)
            return
        await receive()
        headers = self._headers(answer, request)
        await send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": self._body(answer, request)})

    async def _answer(self, request: Request, receive: Receive) -> Answer:
        refused = self._refused(request)
        if refused is not None:
            return refused
        length = request.length
        if length != 0:
            await _read_body(request, receive)
        if self._authorizer is None and (length is None or request.fault):
            problem = request.fault or f"read {len(request.body)} but was expecting -1"
            return self._early(unreadable_body(self._release, problem), request)
        too_old = self._too_old(request)
        if too_old is not None:
            return too_old
        answer = self._routes_for(request).answer(request)
        return answer if answer is not None else self._missing(request)

    def _routes_for(self, request: Request) -> Routes:
        past = request.effect.past
        return self._routes if past is None else self._routes_of(past())

    async def _for_waiting(self, answer: Answer, request: Request) -> Answer:
        """The same answer; for a client that is seen waiting what is true once time has moved, if anything moves it."""
        if request.method != "GET" or answer.status != 200 or not request.path.startswith(_CHANGING):
            return answer
        answer = replace(answer, body=self._body(answer, request))
        if not self._looks.is_same(request.target, answer.body or b"") or not await self._pace.jump():
            return answer
        again = self._routes_for(request).answer(request) or answer
        again = replace(again, body=self._body(again, request))
        self._looks.is_same(request.target, again.body or b"")
        return again

    def _refused(self, request: Request) -> Answer | None:
        """What is refused before anybody reads a body: too much of it, too often, by the wrong people."""
        length = request.length
        if length is not None and length > LARGEST_BODY:
            return self._early(OrchestratorError(413, "Request Entity Too Large"), request)
        if self._limiter is not None and not self._limiter.allows(address_of(request.headers, request.peer)):
            return self._early(too_many_requests(), request)
        if self._authorizer is None:
            return None
        credentials = request.headers.get(b"authorization")
        refused = self._authorizer.refusal(request.method, request.full_path, credentials)
        return None if refused is None else self._early(refused, request)

    def _too_old(self, request: Request) -> Answer | None:
        found = refusal(request.headers.get(HEADER, b""), self._release)
        return None if found is None else Answer(found[1], found[0])

    def _missing(self, request: Request) -> Answer:
        """The answer where there is no route."""
        methods = self._routes.methods_of(request)
        if not methods:
            return self._error(no_such_route(self._release), request, self._routes.missing_type(request))
        answer = self._error(wrong_method(), request, "" if request.method == "HEAD" else JSON_TYPE)
        return replace(answer, headers={"allow": methods})

    async def _time_limit(self, receive: Receive) -> Answer | None:
        """Wait as long as a server lets a handler take; None when the client does not."""
        over = asyncio.Event()
        timer = self._clock.call_at(self._clock.now() + LONGEST_HANDLER_S * SECOND, over.set)
        waits = [asyncio.ensure_future(over.wait()), asyncio.ensure_future(_disconnected(receive))]
        try:
            first = asyncio.ensure_future(asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED))
            await self._pace.pass_time_until(first)
        finally:
            timer.cancel()
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        if not over.is_set():
            return None
        return Answer(status=503, text="Server Timeout!", content_type=_PLAIN, own_headers=False)

    def _early(self, error: OrchestratorError, request: Request) -> Answer:
        """An error of a layer before the one that says what serves, and before any group of routes."""
        return self._error(error, request, "" if request.method == "HEAD" else JSON_TYPE, own_headers_=False)

    def _error(
        self, error: OrchestratorError, request: Request, content_type: str = JSON_TYPE, *, own_headers_: bool = True
    ) -> Answer:
        shown = own_headers_ and not isinstance(error, HandlerPanicError)
        fields = error_fields(error, request.header("x-request-id"))
        return Answer(fields, error.status, content_type=content_type, own_headers=shown)

    def _headers(self, answer: Answer, request: Request) -> list[tuple[bytes, bytes]]:
        headers = [(b"vary", b"Origin")]
        if answer.content_type:
            headers.append((b"content-type", answer.content_type.encode()))
        if self._cors and request.headers.get(b"origin"):
            headers.append((b"access-control-allow-origin", b"*"))
        own_id = request.headers.get(b"x-request-id") or self._random_bytes(32).translate(_LETTERS)
        headers.append((b"x-request-id", own_id))
        request.effect.request_id = own_id
        headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        if answer.own_headers:
            headers += self._own_headers
        return headers

    def _body(self, answer: Answer, request: Request) -> bytes:
        if request.method == "HEAD":
            return b""
        if answer.body is not None:
            return answer.body
        if answer.text is not None:
            return answer.text.encode("utf-8", "replace")
        pretty = self._release.page_shapes or "pretty" in request.query
        return dumps(answer.fields, pretty=pretty, escape_html=answer.escape_html)

    async def _preflight(self, request: Request, send: Send) -> None:
        """What a server tells a browser that asks before it calls (golden 04); no permission unless `cors`."""
        if request.path == "*":  # a question about the server, which net/http answers itself
            await _send(send, 200, [], b"", request)
            return
        methods = self._routes.methods_of(request)
        headers = [(b"allow", methods.encode())] if methods else []
        if not self._cors or not request.headers.get(b"origin"):
            await _send(send, 204, [(b"vary", b"Origin"), *headers], b"", request)
            return
        headers += [
            (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
            (b"access-control-allow-origin", b"*"),
            (b"access-control-allow-methods", (methods or _ANY_METHOD).encode()),
        ]
        wanted = request.headers.get(b"access-control-request-headers")
        if wanted:
            headers.append((b"access-control-allow-headers", wanted))
        await _send(send, 204, headers, b"", request)


async def _read_body(request: Request, receive: Receive) -> None:
    """Read the body; what is behind the limit is not, and where it stops early the request knows why.

    :raises ConnectionAbortedError: the client is gone.
    """
    parts: list[bytes] = []
    size, more = 0, True
    while more and not request.fault:
        message = await receive()
        if message["type"] == "http.disconnect":
            request.fault = message.get("reason", "")
            if not request.fault:
                raise ConnectionAbortedError
            break
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            request.fault = TOO_LARGE
        parts.append(part)
        more = message.get("more_body", False)
    request.body = b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, request: Request
) -> None:
    request.effect.status = status
    if status != 204 and request.method != "HEAD":
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "lifespan.startup.complete"})
