"""The protocol class that uvicorn serves with: HTTP as uvicorn's own, the log socket as the released servers do it.

Only `Upgrade: websocket`, spelled exactly so, on a log path becomes a socket. Pings stay unanswered (FINDINGS 1 row
11.2). Each scope carries the connection's transport, so that a fault can cut it without a byte.
"""

from __future__ import annotations

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from orchestrator_stub.api.asgi import TRANSPORT, Message

_LOG_PATH = re.compile(rb"/api/v1/orchestrator/jobs/[^/]+/logs(?:\?.*)?", re.DOTALL)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with another idea of what an upgrade is."""

    def on_message_begin(self) -> None:
        """A new request on this connection."""
        super().on_message_begin()
        scope: Message = dict(self.scope)
        scope["extensions"] = {TRANSPORT: self.transport}
        self.scope.update(scope)  # type: ignore[typeddict-item]  # scopes carry extensions of any name

    def _get_upgrade(self) -> bytes | None:
        """The value of `Upgrade` as it was sent, when `Connection` says so too."""
        found = dict(self.headers)
        tokens = [token.strip().lower() for token in found.get(b"connection", b"").split(b",")]
        return found.get(b"upgrade") if b"upgrade" in tokens else None

    def _should_upgrade(self) -> bool:
        """Whether this request becomes a log socket."""
        if self._get_upgrade() != b"websocket" or self.scope.get("method") != "GET":
            return False
        if _LOG_PATH.fullmatch(self.url) is None:
            return False
        from orchestrator_stub.api.socket import opened

        return opened(self.url, self.headers) is not None

    def _unsupported_upgrade_warning(self) -> None:
        """Such a request is answered like any other; what follows it on the connection cannot be read."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to a socket of its own."""
        from orchestrator_stub.api.socket import LogSocket, opened

        self.connections.discard(self)
        handshake = opened(self.url, self.headers)
        assert handshake is not None  # that is why it is an upgrade
        socket = LogSocket(self.config, self.server_state, self.app_state, handshake)
        self.transport.set_protocol(socket)
        socket.begin(self.transport, self.url, self.headers)
