"""How the released programs talk: their requests byte by byte, their reading of answers and of log sockets.

Fact sheet 2.3, 8.4, 9.2, 11; one connection a command, headers in the order of Go's client.
"""

from __future__ import annotations

import base64
import http.client
import json
import urllib.parse
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from go_types import DecodeError, Optional, Read, flag, int64, log_frame, map_of, struct, text, untyped, word
from programs import Program
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

API = "/api/v1"
INSTANCE, INSTALLATION = "0035969ec53f6e7f", "1a2b3c4d-0000-4000-8000-000000000000"
_ERROR = struct(
    {
        "Status": int64,
        "Message": text,
        "RequestID": text,
        "Code": text,
        "Component": text,
        "Hint": Optional(text),
        "Details": Optional(map_of(text)),
    }
)
_REQUIREMENT = struct({"type": word("challenge", "ask"), "params": map_of(untyped)})
_METHODS = struct({"NextToken": text, "Methods": map_of(_REQUIREMENT)})
_SIGNED_IN = struct(
    {"Authentication": struct({"success": flag, "reason": Optional(text), "token": Optional(text)})}
)


@cache
def user_key() -> rsa.RSAPrivateKey:
    """The user's key, which the programs make once and keep in their folder."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Refused(Exception):
    """An answer other than 200: its status and the fields of its error."""

    def __init__(self, status: int, fields: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {fields.get('Message', '')}")
        self.status = status
        self.fields = fields


class NoSignIn(Exception):
    """The server offers no way to sign in that the program knows."""


class BrokenLog(Exception):
    """A log socket ended with an error frame or not with Close 1000."""


def marshal(value: Any) -> bytes:
    """JSON as Go's encoder writes it."""
    written = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written.encode() + b"\n"


def path_escape(name: str) -> str:
    """A part of a path as Go escapes it."""
    return urllib.parse.quote(name, safe="$&+:=@-_.~")


class Wire:
    """The requests of one program, signed in or not."""

    def __init__(self, url: str, program: Program, *, credential: tuple[str, str] | None = None) -> None:
        """`credential`: scheme and value that the environment gave; nobody signs in then (fact sheet 9.6)."""
        self._host = url.removeprefix("http://")
        self._program = program
        self._from_environment = credential is not None
        self._credential = credential
        self._key = user_key()
        self.sent: list[str] = []
        """Method and address of every request, in their order."""

    def get(self, path: str, read: Read, query: Mapping[str, Any] | None = None, *, open_door: bool = False) -> Any:
        """Ask; `open_door`: without signing in."""
        if not open_door:
            self._sign_in()
        return self._decoded("GET", path, read, query or {}, None)

    def write(self, method: str, path: str, read: Read, body: Mapping[str, Any], namespace: str = "") -> Any:
        """Change something: the credential stands in the body as well (fact sheet 1.3)."""
        self._sign_in()
        base = {"Namespace": namespace, "Credential": self._credential_fields(), "IdempotencyToken": ""}
        query = {"namespace": namespace} if namespace else {}
        return self._decoded(method, path, read, query, base | dict(body))

    def logs(self, path: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All messages of a log socket until it is closed with 1000.

        :raises BrokenLog: an error frame came, or another end.
        """
        self._sign_in()
        address = _address(path, query)
        self.sent.append(f"GET {address}")
        lines = []
        headers = {name: value for name, value in self._headers(None).items() if name != "User-Agent"}
        with connect(
            f"ws://{self._host}{address}",
            additional_headers=headers,
            user_agent_header=None,
            compression=None,
            ping_interval=None,
            proxy=None,
        ) as socket:
            try:
                while True:
                    lines.append(self._log_message(socket.recv(timeout=30)))
            except ConnectionClosed as end:
                if end.rcvd is None or end.rcvd.code != 1000:
                    raise BrokenLog(f"closed by {end.rcvd}") from end
        return lines

    @staticmethod
    def _log_message(message: str | bytes) -> dict[str, Any]:
        if not isinstance(message, str) or not message.endswith("\n"):
            raise DecodeError(f"a text frame with a final newline expected, got {message!r:.100}")
        frame = log_frame(json.loads(message), "log")
        if frame.get("error"):
            raise BrokenLog(frame["error"])
        return frame["value"]

    def _sign_in(self) -> None:
        """Get a token by signing the server's phrase, once (fact sheet 9.1, 9.2)."""
        if self._credential is not None:
            return
        methods = self._decoded("GET", f"{API}/auth", _METHODS, {}, None)["Methods"]
        known = [name for name, method in methods.items() if method["type"] == "challenge"]
        if not known:
            raise NoSignIn(str(methods))
        phrase = base64.b64decode(methods[known[0]]["params"]["InputPhrase"], validate=True)
        body = {"Namespace": "", "Credential": None, "Name": known[0], "MethodData": self.proof(phrase)}
        answer = self._decoded("POST", f"{API}/auth/{known[0]}", _SIGNED_IN, {}, body)["Authentication"]
        if not answer["success"] or not answer["token"]:
            raise NoSignIn(answer.get("reason", ""))
        self._credential = ("Bearer", answer["token"])

    def proof(self, phrase: bytes) -> str:
        """What shows that the key's owner read the phrase: a signature and the public key."""
        signature = self._key.sign(phrase, padding.PKCS1v15(), hashes.SHA256())
        public = self._key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        parts = {"PhraseSignature": _base64(signature), "PublicKey": _base64(public)}
        return _base64(marshal(parts).rstrip())

    def _credential_fields(self) -> dict[str, Any] | None:
        if self._credential is None:
            return None
        return {"Scheme": self._credential[0], "Value": self._credential[1], "Params": None}

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"User-Agent": "Go-http-client/1.1"}
        if body is not None:
            headers["Content-Length"] = str(len(body))
        headers["Accept-Encoding"] = "gzip"
        if self._credential is not None:
            headers["Authorization"] = " ".join(self._credential)
        if body is not None:
            headers["Content-Type"] = "application/json"
        return headers | {
            "X-Bacalhau-Arch": "amd64",
            "X-Bacalhau-Build-Date": "1970-01-01 00:00:00 +0000 UTC",
            "X-Bacalhau-Build-Os": "linux",
            "X-Bacalhau-Git-Commit": "a" * 40,
            "X-Bacalhau-Git-Version": f"v{self._program.release}",
            "X-Bacalhau-Installationid": INSTALLATION,
            "X-Bacalhau-Instanceid": INSTANCE,
        }

    def _decoded(
        self, method: str, path: str, read: Read, query: Mapping[str, Any], body: Mapping[str, Any] | None
    ) -> Any:
        address = _address(path, query)
        self.sent.append(f"{method} {address}")
        content = None if body is None else marshal(body)
        status, answer = self._exchange(method, address, content)
        if status != 200:
            raise Refused(status, self._error(status, answer))
        if not answer:
            raise DecodeError(f"{method} {address}: got 0 byte response")
        return read(json.loads(answer), f"{method} {path}")

    def _exchange(self, method: str, address: str, content: bytes | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.putrequest(method, address, skip_accept_encoding=True)
            for name, value in self._headers(content).items():
                connection.putheader(name, value)
            connection.endheaders(content)
            answer = connection.getresponse()
            self._check_headers(answer)
            return answer.status, answer.read()
        finally:
            connection.close()

    def _check_headers(self, answer: http.client.HTTPResponse) -> None:
        """What the program takes the server's release from, and how it reads the body."""
        if answer.headers["Content-Type"] != "application/json":
            raise DecodeError(f"Content-Type {answer.headers['Content-Type']}")
        said = answer.headers["X-Bacalhau-Git-Version"]
        if answer.status == 200 and said != f"v{self._program.release}":
            raise DecodeError(f"the server says that it is {said}")

    @staticmethod
    def _error(status: int, answer: bytes) -> dict[str, Any]:
        fields = json.loads(answer)
        if "Authentication" in fields:
            return _SIGNED_IN(fields, "sign-in")["Authentication"]
        if _ERROR(fields, "error")["Status"] != status:
            raise DecodeError(f"status {status} with {fields}")
        return fields


def _address(path: str, query: Mapping[str, Any]) -> str:
    encoded = urllib.parse.urlencode(sorted((key, value) for key, value in query.items() if value not in ("", 0)))
    return f"{path}?{encoded}" if encoded else path


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
