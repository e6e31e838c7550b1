"""The emulated surface as one small ASGI application: routes, limits, headers and errors of the released servers.

The router is a few dictionary look-ups instead of a framework: one look at a job costs little more than its JSON.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from orchestrator_stub.api import challenge
from orchestrator_stub.api.agent import TEXT, AgentRoutes, AuthRoutes, LegacyRoutes
from orchestrator_stub.api.asgi import Message, Receive, Send
from orchestrator_stub.api.client_version import HEADER, refusal
from orchestrator_stub.api.exchange import JSON_TYPE, Answer, Handler, Request, own_headers
from orchestrator_stub.api.jobs import JobRoutes
from orchestrator_stub.api.logs_ws import LogSockets, plain_log_answer
from orchestrator_stub.api.nodes import NodeRoutes
from orchestrator_stub.domain.errors import HandlerPanicError, OrchestratorError
from orchestrator_stub.engine.orchestrator import Orchestrator
from orchestrator_stub.wire.answers import error_fields, no_such_route
from orchestrator_stub.wire.gojson import dumps

LARGEST_BODY = 10_000_000
"""Bytes; one more is a 413 (FINDINGS 1 row 2.1)."""
_API = "/api/v1"
_JOBS = f"{_API}/orchestrator/jobs"
_NODES = f"{_API}/orchestrator/nodes"
_REWRITTEN = ("/peers", "/node_info", "/version", "/healthz", "/id", "/livez")
_LOG = logging.getLogger(__name__)


def build_routes(
    orchestrator: Orchestrator,
    *,
    cors: bool = False,
    address: Callable[[], tuple[str, int]] = lambda: ("127.0.0.1", 1234),
) -> Api:
    """The application that answers like the orchestrator's release.

    `cors`: show the recorded answers to web pages of any origin. `address`: host and port for /agent/config.
    """
    return Api(orchestrator, cors=cors, address=address)


class Api:
    """ASGI application of one orchestrator."""

    def __init__(
        self, orchestrator: Orchestrator, *, cors: bool, address: Callable[[], tuple[str, int]]
    ) -> None:
        self._release = orchestrator.release
        self._cors = cors
        self._own_headers = own_headers(orchestrator.release)
        self._sockets = LogSockets(orchestrator)
        self._jobs = JobRoutes(orchestrator)
        self._nodes = NodeRoutes(orchestrator)
        self._static = self._static_routes(orchestrator, address)
        self._of_job: dict[tuple[str, str], Callable[[Request, str], Answer]] = {
            ("GET", ""): self._jobs.describe,
            ("DELETE", ""): self._jobs.stop,
            ("GET", "history"): self._jobs.history,
            ("GET", "executions"): self._jobs.executions,
            ("GET", "results"): self._jobs.results,
            ("GET", "logs"): plain_log_answer,
        }
        if self._release.unique_names:
            self._of_job["GET", "versions"] = self._jobs.versions
            self._of_job["PUT", "rerun"] = self._jobs.rerun
        self._of_node: dict[tuple[str, str], Callable[[Request, str], Answer]] = {
            ("GET", ""): self._nodes.describe,
            ("PUT", ""): self._nodes.update,
        }

    def _static_routes(
        self, orchestrator: Orchestrator, address: Callable[[], tuple[str, int]]
    ) -> dict[tuple[str, str], Handler]:
        agent = AgentRoutes(orchestrator, address)
        auth = AuthRoutes(orchestrator, secrets.token_bytes(32))
        routes: dict[tuple[str, str], Handler] = {
            ("PUT", _JOBS): self._jobs.submit,
            ("POST", _JOBS): self._jobs.submit,
            ("GET", _JOBS): self._jobs.list,
            ("GET", _NODES): self._nodes.list,
            ("GET", f"{_API}/agent/alive"): agent.alive,
            ("GET", f"{_API}/agent/version"): agent.version,
            ("GET", f"{_API}/agent/node"): agent.node,
            ("GET", f"{_API}/agent/config"): agent.config,
            ("GET", f"{_API}/agent/debug"): agent.debug,
            ("GET", f"{_API}/auth"): auth.list,
            ("GET", f"{_API}/auth/{challenge.METHOD}"): auth.describe,
            ("POST", f"{_API}/auth/{challenge.METHOD}"): auth.login,
        }
        if self._release.license_answer:
            routes["GET", f"{_API}/agent/license"] = agent.license
        if self._release.auth_config:
            routes["GET", f"{_API}/agent/authconfig"] = agent.auth_config
        if not self._release.legacy_routes:
            for path, target in (("/", "version"), ("/version", "version"), ("/livez", "alive")):
                routes["GET", path] = _redirect(f"{_API}/agent/{target}")
            return routes
        legacy = LegacyRoutes(orchestrator, agent)
        return routes | {
            ("GET", "/"): legacy.root,
            ("GET", f"{_API}/node_info"): agent.node,
            ("POST", f"{_API}/version"): legacy.version,
            ("GET", f"{_API}/id"): legacy.id,
            ("GET", f"{_API}/livez"): legacy.alive,
            ("POST", f"{_API}/compute/debug"): legacy.compute_debug,
            ("POST", f"{_API}/requester"): legacy.requester,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, one log socket, or the server's start and end (which need nothing here)."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._sockets.serve(Request(scope, self._release), receive, send)
        else:
            await _lifespan(receive, send)

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        request = Request(scope, self._release)
        if request.method == "OPTIONS" and self._cors:
            await _send(send, 204, _preflight(request), b"")
            return
        try:
            answer = await self._answer(request, receive)
        except OrchestratorError as error:
            answer = self._error(error, request)
        except ConnectionAbortedError:
            return
        except Exception:  # whatever breaks is told to the log, never to the client
            _LOG.exception("%s %s failed", request.method, request.path)
            answer = self._error(HandlerPanicError(), request)
        await _send(send, answer.status, self._headers(answer, request), self._body(answer, request))

    async def _answer(self, request: Request, receive: Receive) -> Answer:
        length = request.length
        if length is not None and length > LARGEST_BODY:
            return self._error(OrchestratorError(413, "Request Entity Too Large"), request, own_headers_=False)
        if length != 0:
            request.body = await _read_body(receive)
        if length is None:
            return self._chunked(request)
        too_old = refusal(request.headers.get(HEADER, b""), self._release)
        if too_old is not None:
            return Answer(too_old[1], too_old[0])
        return self._route(request)

    def _route(self, request: Request) -> Answer:
        path = request.path
        if path.startswith(_JOBS + "/"):
            answer = self._below(request, path[len(_JOBS) + 1 :], self._of_job)
        elif path.startswith(_NODES + "/"):
            answer = self._below(request, path[len(_NODES) + 1 :], self._of_node)
        else:
            answer = None
        if answer is not None:
            return answer
        if self._release.legacy_routes:
            path = _legacy_path(path)
        handler = self._static.get((request.method, path))
        if handler is not None:
            return handler(request)
        content_type = TEXT if self._release.legacy_routes and _is_first_api(path) else JSON_TYPE
        if request.method == "HEAD" and not path.startswith(f"{_API}/"):
            content_type = ""
        return self._error(no_such_route(self._release), request, content_type)

    @staticmethod
    def _below(
        request: Request, rest: str, routes: dict[tuple[str, str], Callable[[Request, str], Answer]]
    ) -> Answer | None:
        ref, slash, tail = rest.partition("/")
        handler = routes.get((request.method, tail)) if ref and (tail or not slash) else None
        return handler(request, ref) if handler is not None else None

    def _chunked(self, request: Request) -> Answer:
        """A body without announced length is refused by the authorizer of every release (fact sheet 2.5)."""
        if self._release.authorizer_texts:
            error = OrchestratorError(
                500,
                "unexpected authorization error",
                component="Authorizer",
                hint="Please check orchestrator logs for more details",
            )
        else:
            error = OrchestratorError(500, f"read {len(request.body)} but was expecting -1")
        return self._error(error, request, own_headers_=False)

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
        if self._cors and b"origin" in request.headers:
            headers.append((b"access-control-allow-origin", b"*"))
        headers.append((b"x-request-id", request.headers.get(b"x-request-id") or secrets.token_hex(16).encode()))
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


def _redirect(target: str) -> Handler:
    return lambda _: Answer(status=301, text="", content_type="", headers={"location": target})


def _legacy_path(path: str) -> str:
    """Paths of the first API: some got their prefix later, and all of /requester is one route (fact sheet 1.1)."""
    if path in _REWRITTEN or path.startswith("/requester/"):
        path = _API + path
    return f"{_API}/requester" if path.startswith(f"{_API}/requester/") else path


def _is_first_api(path: str) -> bool:
    """Whether an unknown path counts to the first API, whose 404 is text/plain (golden 02)."""
    group, slash, _ = path.removeprefix(f"{_API}/").partition("/")
    if not path.startswith(f"{_API}/") or group in ("agent", "orchestrator"):
        return False
    return not (group == "auth" and slash) and path != f"{_API}/requester"


def _preflight(request: Request) -> list[tuple[bytes, bytes]]:
    """What a server tells a browser that asks before it calls (golden 04)."""
    headers = [
        (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"GET,HEAD,PUT,PATCH,POST,DELETE"),
    ]
    wanted = request.headers.get(b"access-control-request-headers")
    return [*headers, (b"access-control-allow-headers", wanted)] if wanted else headers


async def _read_body(receive: Receive) -> bytes:
    """The whole body; bytes beyond the limit are dropped (what announces more never gets here)."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
        part = message.get("body", b"")
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = [] if status == 204 else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers + length})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "lifespan.startup.complete"})
