"""Who may talk to the stub at all."""

from __future__ import annotations

import json

import pytest

from orchestrator_stub.api.guard import Doors, Guard


@pytest.mark.parametrize("host", ["127.0.0.1:1234", "localhost", "LOCALHOST:80", "[::1]:1234", "a.localhost", "127.8.9.1"])
def test_this_machine_is_let_in(host):
    """Users could not reach their own stub."""
    assert Doors().refusal(host, "", "127.0.0.1", "/api/v1/agent/alive") == ""


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:1234", "10.0.0.7:1234", "", "localhost.evil.example"])
def test_a_foreign_host_is_refused_and_the_flag_named(host):
    """A DNS name that a web page points at 127.0.0.1 would reach the api."""
    text = Doors().refusal(host, "", "127.0.0.1", "/api/v1/agent/alive")
    assert "--allow-host" in text


def test_an_allowed_host_is_let_in_whatever_its_port_and_case():
    """Airflow in a container could not reach the stub."""
    assert Doors(hosts=("Stub.Internal",)).refusal("stub.internal:1234", "", "10.1.2.3", "/api/v1/agent/alive") == ""


def test_a_foreign_web_page_is_refused():
    """Any page in the user's browser could run programs here."""
    assert "--allow-origin" in Doors().refusal("localhost:1234", "https://evil.example", "127.0.0.1", "/")
    assert Doors().refusal("localhost:1234", "http://localhost:8080", "127.0.0.1", "/") == ""
    assert Doors(origins=("https://ui.example",)).refusal("localhost", "https://ui.example", "127.0.0.1", "/") == ""
    assert Doors().refusal("localhost", "null", "127.0.0.1", "/") != ""


def test_where_nothing_can_be_reached_any_origin_is_answered():
    """The recorded CORS answers could not be shown."""
    assert Doors(any_origin=True).refusal("localhost:1234", "https://example.com", "127.0.0.1", "/") == ""


def test_the_stubs_own_pages_answer_this_machine_only():
    """An allowed host name would open the control surface to the network."""
    doors = Doors(hosts=("stub.internal",))
    assert "this machine only" in doors.refusal("stub.internal", "", "10.1.2.3", "/stub/info")
    assert "--control-token" in doors.refusal("stub.internal", "", "10.1.2.3", "/stub", "Bearer x")
    assert doors.refusal("stub.internal", "", "127.0.0.1", "/stub/info") == ""
    assert doors.refusal("stub.internal", "", "10.1.2.3", "/stubborn") == ""


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        ("", "Authorization: Bearer TOKEN"),
        ("Basic VDo=", "Authorization: Bearer TOKEN"),
        ("Bearer t", "not the token"),
        ("Bearer ", "not the token"),
        ("Bearer TT", "not the token"),
        ("Bearer \u00fc", "not the token"),
        ("Bearer T", ""),
        ("bearer  T", ""),
    ],
)
def test_the_token_opens_the_stubs_own_pages_to_other_machines(authorization, words):
    """Tests in a container could not control the stub; or anybody on the network could."""
    doors = Doors(hosts=("stub.internal",), token="T")
    refusal = doors.refusal("stub.internal", "", "10.1.2.3", "/stub/clock", authorization)
    assert (words in refusal) if words else refusal == ""
    assert "TT" not in refusal
    assert doors.refusal("stub.internal", "", "127.0.0.1", "/stub/clock", authorization) == ""


def test_a_token_opens_nothing_else():
    """A web page that guesses no Host could use it, or a log show it."""
    doors = Doors(token="T0ken")
    assert "--allow-host" in doors.refusal("evil.example", "", "10.1.2.3", "/stub/clock", "Bearer T0ken")
    assert "--allow-origin" in doors.refusal("localhost", "https://evil.example", "127.0.0.1", "/stub/clock", "Bearer T0ken")
    assert "T0ken" not in repr(doors)


async def test_a_refused_request_never_reaches_the_application():
    """The effect would happen although the answer says no."""
    reached, sent = [], []

    async def application(scope, receive, send):
        reached.append(scope["path"])

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/x", "headers": [(b"host", b"evil.example")], "client": ("127.0.0.1", 5)}
    await Guard(application, Doors())(scope, None, send)
    assert reached == []
    assert sent[0]["status"] == 403
    assert "evil.example" in json.loads(sent[1]["body"])["error"]


async def test_a_refused_socket_is_closed():
    """Log streams would be open to web pages, which may open sockets to any host."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/x", "headers": [(b"host", b"localhost"), (b"origin", b"https://evil.example")]}
    await Guard(None, Doors())(scope, None, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize(("token", "status"), [(b"Bearer T", 200), (b"Bearer t", 403)])
async def test_the_token_is_read_from_the_requests_own_header(token, status):
    """The rule would hold, and nobody would get in."""
    sent = []

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"stub.internal"), (b"authorization", token)]
    scope = {"type": "http", "path": "/stub/info", "headers": headers, "client": ("10.1.2.3", 5)}
    await Guard(application, Doors(hosts=("stub.internal",), token="T"))(scope, None, send)
    assert sent[0]["status"] == status


def test_the_board_of_an_allowed_host_works_with_the_token():
    """A browser cannot send the token before it has the page, and sends the page's Origin with all it orders."""
    doors = Doors(hosts=("stub.internal",), token="T", pages=frozenset({"/stub/", "/stub/board/board.js"}))
    assert doors.refusal("stub.internal:1234", "", "10.1.2.3", "/stub/") == ""
    assert doors.refusal("stub.internal:1234", "", "10.1.2.3", "/stub/board/board.js") == ""
    assert doors.refusal("stub.internal:1234", "", "10.1.2.3", "/stub/board/jobs") != ""
    own = "http://stub.internal:1234"
    assert doors.refusal("stub.internal:1234", own, "10.1.2.3", "/stub/clock", "Bearer T") == ""
    assert doors.refusal("stub.internal:1234", "http://stub.internal:99", "10.1.2.3", "/stub/clock", "Bearer T") != ""
    closed = Doors(hosts=("stub.internal",), pages=doors.pages)
    assert closed.refusal("stub.internal:1234", "", "10.1.2.3", "/stub/") != ""
