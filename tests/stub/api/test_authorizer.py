"""Who may go on, in each release's words (golden 41, FINDINGS 1 rows 8.3 and 9.4)."""

from __future__ import annotations

import base64
import json

import pytest

from orchestrator_stub.api.authorizer import Authorizer
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.user import User

KEY = "a-key-of-20-characters"
USERS = (
    User("Admin", "admin", "admin:password", capabilities=(("read:*",), ("write:job",))),
    User(api_key=KEY, capabilities=(("read:job",),)),
)
JOBS = "/api/v1/orchestrator/jobs"


def basic(text):
    """A header with a name and a password."""
    return b"Basic " + base64.b64encode(text.encode())


def part(value):
    """A part of a JSON web token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def refusal(authorization, *, release="1.9.3", method="GET", path=JOBS):
    """What a request with this header gets."""
    return Authorizer(USERS, RELEASES[release]).refusal(method, path, authorization)


@pytest.mark.parametrize("header", [basic("admin:admin:password"), basic("ADMIN:admin:password"), f"Bearer {KEY}".encode()])
def test_who_is_known_and_may_goes_on(header):
    """A client that real servers serve would be refused: names count without case, a password may hold a colon."""
    assert refusal(header) is None


def test_open_paths_need_nobody():
    """Health checks and the first request of a client would be refused."""
    assert refusal(None, path="/api/v1/agent/alive") is None
    assert refusal(b"garbage", method="POST", path="/api/v1/auth/x") is None


WEB_TOKEN = b"Bearer " + b".".join([part({"alg": "RS256"}), part({"sub": "x"}), b"signature"])
STRANGERS = [
    (None, "Missing Authorization header", "missing authorization header"),
    (b"", "unsupported authentication method", "unsupported authentication method"),
    (b"Bearer", "unsupported authentication method", "unsupported authentication method"),
    (b"bearer " + KEY.encode(), "unsupported authentication method", "unsupported authentication method"),
    (b"Token " + KEY.encode(), "unsupported authentication method", "unsupported authentication method"),
    (b"Bearer wrong", "invalid API key", "authentication failed: invalid API key"),
    (b"Bearer " + KEY[:-1].encode(), "invalid API key", "authentication failed: invalid API key"),
    (b"Bearer  " + KEY.encode(), "invalid API key", "authentication failed: invalid API key"),
    (b"Bearer aaa.bbb.ccc", "invalid API key", "authentication failed: invalid API key"),
    (b"Bearer \xff.\xff.\xff", "invalid API key", "authentication failed: invalid API key"),
    (WEB_TOKEN, "OAuth2 authentication not configured on server", "JWT authorization not configured"),
    (
        basic("admin:wrong"),
        "invalid basic auth credentials",
        "authentication failed: invalid basic auth credentials",
    ),
    (
        basic("other:admin:password"),
        "invalid basic auth credentials",
        "authentication failed: invalid basic auth credentials",
    ),
    (
        basic("admin"),
        "invalid basic auth credentials format",
        "authentication failed: invalid basic auth credentials format",
    ),
    (
        b"Basic !!!",
        "failed to decode basic auth credentials",
        "authentication failed: failed to decode basic auth credentials: illegal base64 data at input byte 0",
    ),
]


@pytest.mark.parametrize(("header", "reason", "words"), STRANGERS)
def test_strangers_are_told_why_in_the_release_s_way(header, reason, words):
    """A client that reads the reason, or the status, would see another one than on a real server."""
    error = refusal(header)
    assert (error.status, error.code, error.component, error.message) == (
        401,
        "Unauthorized",
        "Authorizer",
        "Request Unauthorized",
    )
    assert error.details == {"reason": reason}
    early = refusal(header, release="1.7.0")
    assert (early.status, early.code, early.component, early.message) == (500, "InternalError", "APIServer", words)
    assert not early.details


@pytest.mark.parametrize(
    ("method", "path", "name", "header", "needed"),
    [
        ("PUT", "/api/v1/orchestrator/nodes/n-1", "Admin", basic("admin:admin:password"), "write:node"),
        ("GET", "/nope", "Admin", basic("admin:admin:password"), "write:node"),
        ("HEAD", JOBS, "API key ending in ...cters", f"Bearer {KEY}".encode(), "write:job"),
    ],
)
def test_who_is_known_but_may_not_is_told_what_is_missing(method, path, name, header, needed):
    """A user with too few rights would be let in, or would not learn which right is missing."""
    reason = f"user '{name}' does not have the required capability '{needed}'"
    error = refusal(header, method=method, path=path)
    assert (error.status, error.code, error.details) == (403, "Forbidden", {"reason": reason})
    early = refusal(header, method=method, path=path, release="1.7.0")
    assert (early.status, early.message) == (500, reason)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a", 0),
        ("abc", 0),
        ("abcde", 4),
        ("ab=", 3),
        ("abc==", 4),
        ("=", 0),
        ("a===", 1),
        ("abcd=", 4),
        ("ab=c", 2),
        ("ab==x", 4),
        ("ab==ab==", 4),
        ("YWJjZA=", 7),
        ("abc!", 3),
        ("ab=!", 2),
    ],
)
def test_the_first_wrong_byte_is_where_go_s_decoder_finds_it(text, place):
    """1.7.0 names the place; it would name another one (values from Go's encoding/base64)."""
    words = refusal(f"Basic {text}".encode(), release="1.7.0").message
    assert words.endswith(f"illegal base64 data at input byte {place}")


def test_no_refusal_shows_a_secret():
    """A password would stand in a client's error, and so in its log."""
    for header, *_ in STRANGERS:
        error = refusal(header)
        assert "admin:password" not in f"{error.message} {error.details}"
        assert KEY not in f"{error.message} {error.details}"
