"""The server's own web page, as its requests arrive: a browser's, passed on by the page's proxy (fact sheet 12.2).

The proxy listens on port 8438, keeps the browser's Host and Origin, and adds X-Forwarded-For.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

from websockets.sync.client import connect

API = "/api/v1"
PAGE = "localhost:8438"


class Browser:
    """One open page."""

    def __init__(self, url: str, page: str = PAGE) -> None:
        """`url`: of the API; `page`: host and port that the user typed."""
        self._host = url.removeprefix("http://")
        self._page = page

    def fetch(self, method: str, path: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        """Status, decoded body and headers of a request that the page's scripts make."""
        content = None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.putrequest(method, f"{API}{path}", skip_host=True, skip_accept_encoding=True)
            for name, value in self._headers(method, content).items():
                connection.putheader(name, value)
            connection.endheaders(content)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text), dict(answer.headers)
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """What a page shows; anything but 200 would be an error message on it."""
        status, fields, _ = self.fetch("GET", path)
        assert status == 200, fields
        return fields

    def logs(self, job_id: str) -> list[dict[str, Any]]:
        """The log tab: messages until the socket is closed; only Close 1000 is no error there."""
        with connect(
            f"ws://{self._host}{API}/orchestrator/jobs/{job_id}/logs?follow=true",
            origin=f"http://{self._page}",  # type: ignore[arg-type]
            additional_headers={"X-Forwarded-For": "127.0.0.1", "Cache-Control": "no-cache"},
            compression="deflate",  # every browser offers it
            ping_interval=None,
            proxy=None,
        ) as socket:
            assert "Sec-WebSocket-Extensions" not in socket.response.headers  # type: ignore[union-attr]
            return [json.loads(message) for message in socket]

    def _headers(self, method: str, content: bytes | None) -> dict[str, str]:
        headers = {
            "Host": self._page,
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0",
        }
        if content is not None:
            headers |= {"Content-Length": str(len(content)), "Content-Type": "application/json"}
        if method != "GET":  # browsers name the page's own origin only where something is changed
            headers["Origin"] = f"http://{self._page}"
        return headers | {
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "Accept-Language": "en-GB,en;q=0.9",
            "Cookie": "theme=dark",
            "Referer": f"http://{self._page}/jobs",
            "Sec-Fetch-Dest": "empty",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Site": "same-origin",
            "X-Forwarded-For": "127.0.0.1",
        }
