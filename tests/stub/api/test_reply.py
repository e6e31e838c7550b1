"""How one answer is framed, and what an application hears of its request."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator_stub.api.body import ChunkedBody, PlainBody
from orchestrator_stub.api.head import read_head
from orchestrator_stub.api.reply import READ_OVER, Reply


class Wire:
    """Keeps what is sent."""

    def __init__(self):
        self.sent, self.wanted, self.over = b"", 0, False

    def write(self, data):
        """Bytes for the client."""
        self.sent += data

    async def drained(self):
        """The client reads at once."""

    def read_on(self):
        """Somebody waits for more of the body."""
        self.wanted += 1

    def answered(self, reply):
        """The end."""
        self.over = True


def reply(line=b"GET / HTTP/1.1", headers=b""):
    """A conversation and its wire."""
    wire = Wire()
    return Reply(wire, read_head(line + b"\r\nHost: a\r\n" + headers + b"\r\n"), [(b"date", b"today")]), wire


async def answer(made, *parts, status=200, headers=()):
    """Let an application answer with these parts."""
    await made.send({"type": "http.response.start", "status": status, "headers": list(headers)})
    for number, part in enumerate(parts, 1):
        await made.send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})


async def test_a_known_length_is_said():
    """A client could not tell where the answer ends."""
    made, wire = reply()
    await answer(made, b"abc", headers=[(b"X-A", b"b")])
    assert wire.sent == b"HTTP/1.1 200 OK\r\ndate: today\r\nx-a: b\r\ncontent-length: 3\r\n\r\nabc"
    assert wire.over
    assert made.keep_alive


async def test_an_answer_in_parts_is_chunked_or_ends_the_connection():
    """A client of HTTP/1.0 would read the chunks' lengths as text."""
    made, wire = reply()
    await answer(made, b"ab", b"", b"c" * 11)
    assert wire.sent.endswith(b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\nb\r\nccccccccccc\r\n0\r\n\r\n")
    made, wire = reply(b"GET / HTTP/1.0", b"Connection: keep-alive\r\n")
    await answer(made, b"ab", b"c")
    assert wire.sent == b"HTTP/1.0 200 OK\r\ndate: today\r\n\r\nabc"
    assert not made.keep_alive


@pytest.mark.parametrize(("line", "status"), [(b"HEAD / HTTP/1.1", 200), (b"GET / HTTP/1.1", 204), (b"GET / HTTP/1.1", 304)])
async def test_some_answers_have_no_body(line, status):
    """The next answer on the connection would begin with the body of this one."""
    made, wire = reply(line)
    await answer(made, b"abc", status=status)
    assert wire.sent.endswith(b"date: today\r\n\r\n")
    assert made.keep_alive


async def test_a_body_shorter_than_announced_ends_the_connection():
    """The client would take the next answer for the rest of this one."""
    made, wire = reply()
    await answer(made, b"abc", headers=[(b"content-length", b"5")])
    assert wire.sent.endswith(b"\r\n\r\nabc")
    assert not made.keep_alive
    made, wire = reply()
    await answer(made, b"abcdef", headers=[(b"content-length", b"5")])
    assert wire.sent.endswith(b"\r\n\r\nabcde")


@pytest.mark.parametrize(
    ("body", "closes"), [(None, False), (PlainBody(READ_OVER - 1), False), (PlainBody(READ_OVER), True), (ChunkedBody(), True)]
)
async def test_an_answer_before_the_body_s_end_says_whether_the_line_is_kept(body, closes):
    """A client would send its next request on a line that is closed while the rest of its body arrives."""
    made, wire = reply(b"PUT / HTTP/1.1")
    made.body = body
    await answer(made, b"no", status=401)
    assert (b"connection: close\r\n" in wire.sent, made.keep_alive) == (closes, not closes)


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(413, b"Request Entity Too Large"), (429, b"Too Many Requests"), (503, b"Service Unavailable")],
)
async def test_phrases_are_go_s(status, phrase):
    """Python's words for a status change with its version."""
    made, wire = reply()
    await answer(made, b"", status=status)
    assert wire.sent.startswith(b"HTTP/1.1 %d %b\r\n" % (status, phrase))


async def test_no_header_can_begin_another_one():
    """A value from a request could add headers to the answer."""
    made, _ = reply()
    with pytest.raises(RuntimeError, match="line end"):
        await answer(made, b"", headers=[(b"x", b"a\r\nset-cookie: b")])


async def test_the_body_comes_in_parts_and_then_the_client_s_leaving():
    """An application would wait for a body that is complete, or take half of it for all."""
    made, wire = reply(headers=b"Content-Length: 4\r\n")
    made.body = PlainBody(4)
    made.take(b"ab")
    assert await made.receive() == {"type": "http.request", "body": b"ab", "more_body": True}
    made.take(b"cd")
    made.complete()
    assert await made.receive() == {"type": "http.request", "body": b"cd", "more_body": False}
    made.leave()
    assert (await made.receive())["type"] == "http.disconnect"
    assert wire.wanted == 0, "nobody had to wait"


async def test_a_request_without_body_has_one_empty_part():
    """An application that reads the body first would wait for ever."""
    made, _ = reply()
    assert await made.receive() == {"type": "http.request", "body": b"", "more_body": False}


async def test_a_client_that_left_after_its_request_is_still_answered():
    """What it asked for would be lost, although it listens."""
    made, wire = reply()
    made.leave()
    assert (await made.receive())["type"] == "http.request"
    await answer(made, b"abc")
    assert wire.sent.endswith(b"connection: close\r\n\r\nabc")


async def test_nothing_is_sent_to_a_lost_connection():
    """Each client that goes would leave an error in the log."""
    made, wire = reply()
    made.lose()
    assert (await made.receive())["type"] == "http.disconnect"
    await answer(made, b"abc")
    assert wire.sent == b""


async def test_an_application_that_breaks_is_a_500_and_a_line_in_the_log(caplog):
    """A client would wait for ever, or see a traceback."""

    async def broken(scope, receive, send):
        raise ValueError("a detail")

    made, wire = reply()
    await made.run(broken, {})
    assert wire.sent.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert wire.sent.endswith(b"connection: close\r\n\r\nInternal Server Error")
    assert wire.over
    assert "a detail" in caplog.text


async def test_an_application_that_says_nothing_ends_the_connection():
    """Its client would wait for ever."""

    async def silent(scope, receive, send):
        return None

    made, wire = reply()
    await made.run(silent, {})
    assert (wire.sent, wire.over, made.keep_alive) == (b"", True, False)


async def test_a_status_that_nobody_knows_has_words_of_its_own():
    """A client that is to be tried with the status of some gateway would get an error of the stub's instead."""
    made, wire = reply()
    await answer(made, b"", status=520)
    assert wire.sent.startswith(b"HTTP/1.1 520 status code 520\r\n")


async def test_who_waits_for_the_client_to_leave_reads_over_what_it_sends():
    """A request that hangs would keep all that its client sends, or would not notice that it goes."""
    made, wire = reply(b"PUT / HTTP/1.1", b"Content-Length: 10\r\n")
    made.body = PlainBody(10)
    left = asyncio.ensure_future(made.until_left())
    for _ in range(3):
        await asyncio.sleep(0)
        made.take(b"abc")
    await asyncio.sleep(0)
    assert (made.unread, made.has_left, left.done()) == (0, False, False)
    assert wire.wanted >= 3
    made.lose()
    await asyncio.wait_for(left, 1)
    assert made.has_left
