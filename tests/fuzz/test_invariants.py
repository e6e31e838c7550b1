"""What is checked of each answer, tried on answers that break one rule each, and on a server that breaks the others."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading

import pytest

from fuzzer import connection, invariants, walks
from fuzzer.campaign import Campaign, Figures
from fuzzer.connection import Answer, Connection, Dropped, Hang, Malformed
from fuzzer.facts import Facts
from fuzzer.sent import Sent

OWN = tuple((name, "v") for name in invariants.OWN_HEADERS)
HEADERS = (("vary", "Origin"), ("content-type", "application/json"), ("x-request-id", "r"), *OWN)
ALIVE = Sent("GET", b"/api/v1/agent/alive", (("X-Request-Id", "r"),))
LIST = Sent("GET", b"/api/v1/orchestrator/jobs", (("X-Request-Id", "r"),))
ERROR = b'{"Status":404,"Message":"m","RequestID":"r","Code":"NotFound","Component":"JobStore"}\n'


def found(sent=ALIVE, status=200, body=b'{"Status":"OK"}\n', headers=HEADERS, release="1.9.3"):
    """The problems of one answer."""
    return invariants.problems(Facts(sent, release), Answer(status, headers, body, 0.0, closed=False))


def without(name):
    """The headers but one."""
    return tuple(each for each in HEADERS if each[0] != name)


def test_answers_of_real_servers_have_no_problems():
    """Every run would be full of faults."""
    assert found() == []
    assert found(status=404, body=ERROR) == []
    assert found(Sent("GET", b"/api/v1/agent/alive?pretty"), body=b'{\n  "Status": "OK"\n}\n') == []
    assert found(LIST, body=b'{"NextToken":"","Items":[]}\n') == []
    assert found(Sent("OPTIONS", b"/x"), 204, b"", (("vary", "Origin"),)) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status": 418}, "status 418"),
        ({"status": 405}, "status 405"),
        ({"body": b""}, "no body"),
        ({"body": b'{"Status":"OK"}'}, "not exactly one newline at the end"),
        ({"body": b'{"Status":"OK"}\n\n'}, "not exactly one newline at the end"),
        ({"body": b'{"Status": "OK"}\n'}, "indented"),
        ({"body": b'{"Status":"<"}\n'}, "< is not escaped"),
        ({"body": b'{"Status":NaN}\n'}, "NaN is no JSON"),
        ({"body": b"Internal Server Error\n"}, "no JSON"),
        ({"headers": without("x-request-id")}, "X-Request-Id None"),
        ({"headers": without("vary")}, "no Vary"),
        ({"headers": without("x-bacalhau-arch")}, "4 of 5"),
        ({"headers": (*HEADERS, ("vary", "x"))}, "sent twice"),
        ({"sent": Sent("HEAD", ALIVE.target), "body": b""}, "HEAD found something"),
        ({"sent": LIST}, "keys ['Status']"),
        ({"sent": LIST, "body": b'{"Items":[],"NextToken":""}\n'}, "keys ['Items', 'NextToken']"),
        ({"sent": LIST, "body": b'{"NextToken":"","Items":[{"ID":"j"}]}\n'}, "Items: keys ['ID']"),
        ({"status": 404, "body": ERROR.replace(b"404", b"500")}, "Status 500 in an answer with 404"),
        ({"status": 404, "body": ERROR.replace(b'"r"', b'""')}, "RequestID ''"),
        ({"status": 404, "body": b'{"Message":"m","Status":404}\n'}, "error: keys"),
        ({"status": 403, "body": b'{"Error":"x"}\n'}, "a version error"),
        ({"sent": dataclasses.replace(ALIVE, target=b"/%zz"), "body": b"400 Bad Request", "status": 400}, "no HTTP"),
    ],
)
def test_each_broken_rule_is_a_problem(changes, problem):
    """A fault of this kind would go by unseen."""
    problems = found(**changes)
    assert any(problem in each for each in problems), problems


@pytest.fixture
def serve():
    """`serve(answer, ...)`: a server on loopback that sends these bytes for each connection; its connection."""
    listeners = []

    def start(*answers, wait=False):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run():
            for answer in answers:
                line, _ = listener.accept()
                with line:
                    line.recv(65536)
                    line.sendall(answer)
                    if wait:
                        line.recv(65536)

        threading.Thread(target=run, daemon=True).start()
        return Connection(*listener.getsockname())

    yield start
    for listener in listeners:
        listener.close()


HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\n"


def test_an_answer_is_read_to_its_end(serve):
    """A body would be cut, or the next answer would start in the middle of it."""
    plain = serve(HEAD + b"Content-Length: 2\r\n\r\nok", wait=True).exchange(b"x")
    assert (plain.status, plain.body, plain.header("x"), plain.closed) == (200, b"ok", "y", False)
    pieces = serve(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", wait=True).exchange(b"x")
    assert pieces.body == b"ok"
    rest = serve(HEAD + b"Connection: close\r\n\r\nok").exchange(b"x")
    assert (rest.body, rest.closed) == (b"ok", True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", Dropped),
        (HEAD + b"Content-Length: 5\r\n\r\nok", Dropped),
        (HEAD + b"Content-Length: 2\r\n\r\nokay", Malformed),
        (HEAD + b"\r\n", Malformed),
        (b"hello\r\n\r\n", Malformed),
        (HEAD + b"bad header\r\n\r\n", Malformed),
    ],
)
def test_an_answer_that_breaks_http_is_an_error(serve, answer, error):
    """A wrong length, a line that ends without a word, or no answer at all would be taken for one."""
    with pytest.raises(error):
        serve(answer).exchange(b"x")


def test_silence_is_a_hang(serve, monkeypatch):
    """A request without an answer would hold the whole run."""
    monkeypatch.setattr(connection, "LIMIT_S", 0.2)
    with pytest.raises(Hang):
        serve(b"HTTP/1.1 200", wait=True).exchange(b"x")


def test_memory_beyond_what_jobs_may_keep_is_an_excess():
    """A leak would go by unseen."""
    fine = Figures("1.9.3", accepted=1000, start_kb=35_000, middle_kb=80_000, end_kb=180_000, peak_kb=200_000)
    fine = dataclasses.replace(fine, plain_jobs=300, plain_kb=4_000)
    assert list(fine.excesses()) == []
    leaking = dataclasses.replace(fine, end_kb=195_001, peak_kb=600_000, plain_kb=4_001)
    assert len(list(leaking.excesses())) == 4
    assert list(dataclasses.replace(fine, accepted=0).excesses()) == []
    assert list(dataclasses.replace(fine, accepted=0, middle_kb=70_000).excesses()) != []


def pages(*bodies):
    """An `ask` that gives these bodies in turn, the last one again and again."""
    left = list(bodies)

    def ask(sent):
        body = left.pop(0) if len(left) > 1 else left[0]
        return Answer(200, (), json.dumps(body).encode(), 0.0, closed=False)

    return ask


def page(*numbers, token=""):
    """One page of a history."""
    return {"NextToken": token, "Items": [{"SeqNum": number} for number in numbers]}


@pytest.mark.parametrize(
    ("bodies", "problem"),
    [
        ([page(1, 2, 3, token="t"), page(4)], ""),
        ([page(1, 2, 4)], "history has the numbers [1, 2, 4]"),
        ([page(2, 3)], "history has the numbers [2, 3]"),
        ([page(1, token="t"), page(token="t")], "the history of a job that is over has no end"),
        ([page(1, 2, 3, 4)], "4 items on a page of 3"),
    ],
)
def test_a_history_that_does_not_add_up_is_a_problem(bodies, problem):
    """A client that waits by tokens would miss an event or wait for ever."""
    assert list(walks.history(pages(*bodies), "1.9.3", "/j", over=True)) == ([problem] if problem else [])


def test_a_history_without_end_is_a_problem():
    """A token that always leads on would hold the run."""
    (first, *_) = walks.history(pages(page(1, token="t")), "1.9.3", "/j", over=False)
    assert first == "no end after 60 pages of history"


def test_a_stub_that_dies_is_a_fault(monkeypatch):
    """A run against nobody would be clean."""
    campaign = Campaign("1.9.3", "1")
    step = campaign._step

    def kill():
        step()
        campaign._stub.process.kill()
        campaign._stub.process.wait()

    monkeypatch.setattr(campaign, "_step", kill)
    figures = campaign.run(50)
    assert [fault.what for fault in figures.faults if "died" in fault.what]
