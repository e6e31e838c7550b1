"""The routes of the agent, of login, and those that only the first servers had."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator_stub.api import challenge
from orchestrator_stub.api.exchange import Answer, Request
from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.user import User
from orchestrator_stub.engine.orchestrator import NodeQuery, Orchestrator
from orchestrator_stub.wire import schema
from orchestrator_stub.wire.answers import no_license
from orchestrator_stub.wire.config import config_fields
from orchestrator_stub.wire.node import running_fields, version_fields
from orchestrator_stub.wire.shapes import shapes_of

_MIGRATION = (
    "This endpoint is deprecated. See the migration guide at "
    "https://docs.bacalhau.org/references/cli-reference/command-migration for more information"
)
TEXT = "text/plain"


class AgentRoutes:
    """Handlers of `/api/v1/agent/...`."""

    def __init__(
        self, orchestrator: Orchestrator, address: Callable[[], tuple[str, int]], users: Sequence[User] = ()
    ) -> None:
        self._orchestrator = orchestrator
        self._users = users
        self._release = orchestrator.release
        self._shapes = shapes_of(orchestrator.release)
        self._address = address

    def alive(self, _: Request) -> Answer:
        """GET /agent/alive."""
        return Answer({"Status": "OK"})

    def version(self, _: Request) -> Answer:
        """GET /agent/version."""
        return Answer(version_fields(self._release))

    def node(self, _: Request) -> Answer:
        """GET /agent/node: the node that answers."""
        return Answer(self._shapes.own_node(self._orchestrator.own_node()))

    def config(self, _: Request) -> Answer:
        """GET /agent/config."""
        computes = self._orchestrator.own_node().is_compute
        return Answer(config_fields(self._release, *self._address(), users=self._users, computes=computes))

    def debug(self, _: Request) -> Answer:
        """GET /agent/debug: free form; the nodes are what there is to see."""
        nodes = self._orchestrator.list_nodes(NodeQuery(limit=1_000_000)).items
        fields = {"DiscoveredNodes": [self._shapes.node(node) for node in nodes]}
        if self._orchestrator.own_node().is_compute:
            fields = {"ActiveJobs": self.active_jobs(), **fields}
        return Answer(fields)

    def active_jobs(self) -> list[dict[str, Any]]:
        """What runs on the node that answers."""
        return [running_fields(*running) for running in self._orchestrator.active()]

    def license(self, _: Request) -> Answer:
        """GET /agent/license: none is installed."""
        raise no_license(self._release)

    def auth_config(self, _: Request) -> Answer:
        """GET /agent/authconfig (1.7+): single sign-on is not configured."""
        return Answer({"Version": "1.0.0", "Config": {}})


class LegacyRoutes:
    """What the first API still answers up to 1.6."""

    def __init__(self, orchestrator: Orchestrator, agent: AgentRoutes) -> None:
        self._orchestrator = orchestrator
        self._agent = agent

    def root(self, request: Request) -> Answer:
        """GET /: the version, as text/plain."""
        return Answer(self._agent.version(request).fields, content_type=TEXT)

    def version(self, request: Request) -> Answer:
        """POST /api/v1/version."""
        return Answer({"build_version_info": self._agent.version(request).fields})

    def id(self, _: Request) -> Answer:
        """GET /api/v1/id."""
        return Answer(text=self._orchestrator.node_id, content_type=TEXT)

    def alive(self, _: Request) -> Answer:
        """GET /api/v1/livez."""
        return Answer(text="OK", content_type=TEXT)

    def compute_debug(self, _: Request) -> Answer:
        """POST /api/v1/compute/debug."""
        return Answer({"ActiveJobs": self._agent.active_jobs(), "jobsCompleted": 0})

    def requester(self, _: Request) -> Answer:
        """POST /api/v1/requester/...: gone."""
        return Answer(_MIGRATION, 410)


class AuthRoutes:
    """Handlers of `/api/v1/auth...`."""

    def __init__(self, orchestrator: Orchestrator, secret: bytes, *, with_users: bool = False) -> None:
        """`with_users`: nobody can log in, since users have passwords and keys (golden 41)."""
        self._orchestrator = orchestrator
        self._secret = secret
        self._with_users = with_users

    def list(self, _: Request) -> Answer:
        """GET /auth."""
        methods = {challenge.METHOD: challenge.requirement(self._orchestrator.node_id)}
        return Answer({"NextToken": "", "Methods": {} if self._with_users else methods})

    def describe(self, _: Request) -> Answer:
        """GET /auth/clientkey."""
        return Answer(challenge.requirement(self._orchestrator.node_id))

    def login(self, request: Request) -> Answer:
        """POST /auth/clientkey: a token for whoever can sign."""
        fields = request.bound((), schema.AUTHENTICATE)
        node_id = self._orchestrator.node_id
        try:
            data = base64.b64decode(fields.get("MethodData") or "", validate=True)
            proof = json.loads(data)
        except (binascii.Error, ValueError, RecursionError) as wrong:
            raise OrchestratorError(500, f"invalid authentication data: {wrong}") from wrong
        try:
            client = challenge.client_of(proof, node_id)
        except challenge.ChallengeError as wrong:
            return Answer({"Authentication": {"success": False, "reason": str(wrong)}}, 401)
        now = self._orchestrator.clock.peek() // SECOND
        token = challenge.token_for(client, node_id, now, self._secret)
        return Answer({"Authentication": {"success": True, "token": token}})
