"""JSON over one kept HTTP connection to a running stub, by the standard library alone."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any

PATIENCE = 60.0
"""Seconds for an answer: advancing a clock may have to wait for real work."""
USER_AGENT = "bacalhau-stub-handle"
"""The journal tells requests of a handle from those of the code under test by it."""


class StubError(Exception):
    """The stub refused a request, in its own words; `status` is HTTP's, 0 when there was no answer."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Exchange:
    """Requests to one stub, one after the other; threads may share it."""

    def __init__(self, url: str, *, token: str = "", ca_file: str = "") -> None:
        """`url`: of the stub. `token`: its `--control-token`. `ca_file`: what its certificate is checked by."""
        self.url = url.rstrip("/")
        self._parts = urllib.parse.urlsplit(self.url)
        self._headers = {"User-Agent": USER_AGENT} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON of a page. `query`: parameters, without those that are None or "". Raises StubError."""
        asked = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        return self.send("GET", f"{path}?{urllib.parse.urlencode(asked)}" if asked else path)

    def send(self, method: str, target: str, body: Any = None) -> Any:
        """The JSON that answers a request.

        :param target: path with query.
        :param body: plain values, None for no body.
        :raises StubError: refused, or nobody answers there.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if data is None else {"Content-Type": "application/json"})
        with self._lock:
            status, raw = self._exchange(method, target, data, headers)
        try:
            answer = json.loads(raw) if raw else None
        except ValueError:
            raise StubError(f"{self.url}{target} answered no JSON ({status}); is this a stub?", status) from None
        if status >= 400:
            told = answer if isinstance(answer, dict) else {}
            raise StubError(str(told.get("error") or told.get("Message") or f"{method} {target}: {status}"), status)
        return answer

    def close(self) -> None:
        """Give the connection up."""
        with self._lock:
            self._drop()

    def _exchange(self, method: str, target: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        for is_kept in (self._connection is not None, False):
            connection = self._connection = self._connection or self._connect()
            try:
                connection.request(method, target, data, headers)
                answer = connection.getresponse()
                raw = answer.read()
            except (http.client.HTTPException, OSError) as error:
                self._drop()
                # A connection that was kept may have been ended meanwhile; then nothing was heard of the request.
                if not (is_kept and isinstance(error, http.client.RemoteDisconnected | ConnectionError)):
                    raise StubError(f"no stub answers at {self.url}: {error}") from None
            else:
                return answer.status, raw
        raise AssertionError("the second round returns or raises")

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "127.0.0.1", self._parts.port
        if self._parts.scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=PATIENCE)
        context = ssl.create_default_context(cafile=self._ca_file or None)
        return http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
