"""Which handler answers a request: the routes of each release, and what stands where there is none.

A few dictionary look-ups instead of a framework: one look at a job costs little more than its JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator_stub.api import challenge
from orchestrator_stub.api.agent import TEXT, AgentRoutes, AuthRoutes, LegacyRoutes
from orchestrator_stub.api.exchange import JSON_TYPE, Answer, Handler, Request
from orchestrator_stub.api.jobs import JobRoutes
from orchestrator_stub.api.logs_ws import plain_log_answer
from orchestrator_stub.api.nodes import NodeRoutes
from orchestrator_stub.domain.user import User
from orchestrator_stub.engine.orchestrator import Orchestrator

API = "/api/v1"
_JOBS = f"{API}/orchestrator/jobs"
_NODES = f"{API}/orchestrator/nodes"
_REDIRECTED = {"/": "version", "/version": "version", "/livez": "alive"}
_GROUPS, _FIRST_GROUPS = ("agent", "orchestrator", "auth"), ("requester", "compute")
_GONE = ("list", "states", "results", "events", "submit", "cancel", "debug")
_GONE_TO_READ = ("nodes", "websocket/events")
_REWRITTEN = tuple(
    path.encode()
    for path in (
        "/peers",
        "/node_info",
        "/healthz",
        "/id",
        "/livez",
        "/requester/logs",
        *(f"/requester/{name}" for name in (*_GONE, *_GONE_TO_READ)),
    )
)
"""Ends of addresses that the first API knew without its prefix. Servers look for them at the end of any address,
query and all; only /version is looked for as a whole (pkg/publicapi/server.go of 1.6.5)."""
Below = Callable[[Request, str], Answer]


class Routes:
    """The routes of one orchestrator's release."""

    def __init__(
        self, orchestrator: Orchestrator, address: Callable[[], tuple[str, int]], users: Sequence[User]
    ) -> None:
        """`address`: host and port for /agent/config."""
        self._release = orchestrator.release
        self._jobs = JobRoutes(orchestrator)
        self._nodes = NodeRoutes(orchestrator)
        self._agent = AgentRoutes(orchestrator, address, users)
        self._static = self._jobs_and_nodes() | self._of_agent() | self._of_auth(orchestrator, users)
        self._static |= self._of_first_api(orchestrator) if self._release.legacy_routes else {}
        self._of_job: dict[tuple[str, str], Below] = {
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
            self._static["PUT", f"{_JOBS}/diff"] = self._jobs.diff
        self._of_node: dict[str, Below] = {"GET": self._nodes.describe, "PUT": self._nodes.update}

    def answer(self, request: Request) -> Answer | None:
        """The answer of the route that a request asks for; None when there is no such route.

        :raises OrchestratorError: the handler refuses.
        """
        path = self.path_of(request)
        handler = self._static.get((request.method, path))
        if handler is not None:
            return handler(request)
        if path.startswith(_JOBS + "/"):
            ref, slash, tail = path[len(_JOBS) + 1 :].partition("/")
            below = self._of_job.get((request.method, tail)) if tail or (ref and not slash) else None
            return below(request, ref) if below is not None else None
        if path.startswith(_NODES + "/"):
            ref = path[len(_NODES) + 1 :]  # nothing follows a node's id, so that slashes count to it
            below = self._of_node.get(request.method) if ref else None
            return below(request, ref) if below is not None else None
        if request.method == "GET" and self.methods_of(request):
            location = f"{API}/agent/{_REDIRECTED[path]}"
            return Answer(status=301, text="", content_type="", headers={"location": location})
        return None

    def path_of(self, request: Request) -> str:
        """The path that the routes see."""
        if not self._release.legacy_routes:
            return request.path
        if request.target == b"/version":
            return f"{API}/version"
        if request.target.endswith(_REWRITTEN):
            end = next(end for end in _REWRITTEN if request.target.endswith(end))
            return API + end.decode()
        return request.path

    def methods_of(self, request: Request) -> str:
        """What `Allow` says about a path outside the groups, where methods count; "" for all others."""
        return "OPTIONS, GET" if not self._release.legacy_routes and request.path in _REDIRECTED else ""

    def missing_type(self, request: Request) -> str:
        """Media type of the 404 where there is no route, "" for none: what the path's group sets for all its answers.

        Up to 1.6 the groups of the first API, whose answers are plain text, catch what no other group does (golden 02).
        """
        path = self.path_of(request)
        is_old = self._release.legacy_routes
        group, slash, _ = path.removeprefix(f"{API}/").partition("/") if path.startswith(f"{API}/") else ("", "", "")
        if group in (_GROUPS + _FIRST_GROUPS if is_old else _GROUPS) and (slash or group != "auth" or not is_old):
            return JSON_TYPE
        if is_old and (path in ("/", API) or path.startswith(("//", f"{API}/"))):
            return TEXT
        return "" if request.method == "HEAD" else JSON_TYPE

    def _jobs_and_nodes(self) -> dict[tuple[str, str], Handler]:
        return {
            ("PUT", _JOBS): self._jobs.submit,
            ("POST", _JOBS): self._jobs.submit,
            ("GET", _JOBS): self._jobs.list,
            ("GET", _NODES): self._nodes.list,
        }

    def _of_agent(self) -> dict[tuple[str, str], Handler]:
        agent = self._agent
        routes: dict[str, Handler] = {
            "alive": agent.alive,
            "version": agent.version,
            "node": agent.node,
            "config": agent.config,
            "debug": agent.debug,
        }
        if self._release.license_answer:
            routes["license"] = agent.license
        if self._release.auth_config:
            routes["authconfig"] = agent.auth_config
        return {("GET", f"{API}/agent/{name}"): handler for name, handler in routes.items()}

    def _of_auth(self, orchestrator: Orchestrator, users: Sequence[User]) -> dict[tuple[str, str], Handler]:
        auth = AuthRoutes(orchestrator, orchestrator.ids.source("tokens").randbytes(32), with_users=bool(users))
        routes: dict[tuple[str, str], Handler] = {("GET", f"{API}/auth"): auth.list}
        if not users:
            routes["GET", f"{API}/auth/{challenge.METHOD}"] = auth.describe
            routes["POST", f"{API}/auth/{challenge.METHOD}"] = auth.login
        return routes

    def _of_first_api(self, orchestrator: Orchestrator) -> dict[tuple[str, str], Handler]:
        legacy = LegacyRoutes(orchestrator, self._agent)
        gone = [("POST", name) for name in _GONE] + [("GET", name) for name in _GONE_TO_READ]
        return {
            ("GET", "/"): legacy.root,
            ("GET", f"{API}/node_info"): self._agent.node,
            ("POST", f"{API}/version"): legacy.version,
            ("GET", f"{API}/id"): legacy.id,
            ("GET", f"{API}/livez"): legacy.alive,
            ("POST", f"{API}/compute/debug"): legacy.compute_debug,
            **{(method, f"{API}/requester/{name}"): legacy.requester for method, name in gone},
        }
