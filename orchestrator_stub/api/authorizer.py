"""Whether a request may go on: API users and what they may do (1.7+, fact sheet 9.4, golden 41).

The decision is a pure function of the request's line and its Authorization header.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Sequence
from typing import Any

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.user import User, needed_capability
from orchestrator_stub.wire.answers import forbidden, unauthorized

_JWT_PARTS = 3
_DIGITS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_PAD = ord("=")


class _DeniedError(Exception):
    """Nobody is known by these credentials: the reason as 1.8 and later give it, and the words of 1.7."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.words = words


def _failed(reason: str, detail: str = "") -> _DeniedError:
    return _DeniedError(reason, f"authentication failed: {reason}{detail}")


class Authorizer:
    """Knows the users of a stub. Made only where there are some: everybody may do everything otherwise."""

    def __init__(self, users: Sequence[User], release: Release) -> None:
        self._logins = {user.username.lower(): user for user in users if not user.api_key}
        self._keys = [user for user in users if user.api_key]
        self._release = release

    def refusal(self, method: str, path: str, authorization: bytes | None) -> OrchestratorError | None:
        """Why a request may not go on; None when it may.

        :param path: decoded, without query.
        :param authorization: the header's value, None when there is none.
        """
        needed = needed_capability(method, path)
        if not needed:
            return None
        try:
            user = self._user(authorization)
        except _DeniedError as denied:
            return unauthorized(self._release, denied.reason, denied.words)
        return None if user.may(needed) else forbidden(self._release, user.shown_name, needed)

    def _user(self, authorization: bytes | None) -> User:
        if authorization is None:
            raise _DeniedError("Missing Authorization header", "missing authorization header")
        scheme, blank, credentials = authorization.partition(b" ")
        if blank and scheme == b"Basic":
            return self._with_password(credentials)
        if blank and scheme == b"Bearer":
            if _is_web_token(credentials):
                raise _DeniedError("OAuth2 authentication not configured on server", "JWT authorization not configured")
            return self._with_key(credentials)
        raise _DeniedError(*["unsupported authentication method"] * 2)

    def _with_password(self, credentials: bytes) -> User:
        fault = _fault(credentials)
        if fault is not None:
            raise _failed("failed to decode basic auth credentials", f": illegal base64 data at input byte {fault}")
        name, colon, password = base64.b64decode(credentials).partition(b":")
        if not colon:
            raise _failed("invalid basic auth credentials format")
        user = self._logins.get(name.decode("utf-8", "replace").lower())
        if user is None or not hmac.compare_digest(user.password.encode(), password):
            raise _failed("invalid basic auth credentials")
        return user

    def _with_key(self, key: bytes) -> User:
        found = [user for user in self._keys if hmac.compare_digest(user.api_key.encode(), key)]
        if not found:
            raise _failed("invalid API key")
        return found[0]


def _is_web_token(token: bytes) -> bool:
    """Whether a bearer's token looks like a JSON web token: the first two of its three parts are JSON objects."""
    parts = token.split(b".")
    return len(parts) == _JWT_PARTS and all(isinstance(_value(part), dict) for part in parts[:2])


def _value(part: bytes) -> Any:
    try:
        return json.loads(base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return None


def _fault(text: bytes) -> int | None:
    """Where Go's decoder of base 64 stops; None when it does not. It reads groups of four, padded."""
    place = filled = 0
    while place < len(text):
        if text[place] in _DIGITS:
            place, filled = place + 1, (filled + 1) % 4
            continue
        if text[place] != _PAD or filled < 2:
            return place
        if filled == 2:
            place += 1
            if place == len(text):
                return place
            if text[place] != _PAD:
                return place - 1
        place += 1
        return place if place < len(text) else None
    return place - filled if filled else None
