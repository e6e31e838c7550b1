"""Heads of requests: what Go's net/http takes and what it answers to the rest (compared with Go 1.26)."""

from __future__ import annotations

import time

import pytest

from orchestrator_stub.api.head import BadHeadError, check_begun, end_of_head, read_head

HOST = b"Host: 127.0.0.1\r\n"
BAD = "400 Bad Request"


def head(line=b"GET / HTTP/1.1", headers=HOST):
    """A head with its blank line."""
    return line + b"\r\n" + headers + b"\r\n"


def refused(block):
    """Status line and body of a refusal."""
    with pytest.raises(BadHeadError) as caught:
        read_head(block)
    first, _, rest = caught.value.answer.partition(b"\r\n")
    return first.decode(), rest.partition(b"\r\n\r\n")[2].decode()


def test_an_ordinary_head_is_taken_apart():
    """No request would be understood."""
    found = read_head(head(b"PUT /api/v1/jobs/a%20b?x=1&y HTTP/1.1", HOST + b"X-A:  b \r\nContent-Length: 12\r\n"))
    assert (found.method, found.raw_path, found.path, found.query) == ("PUT", b"/api/v1/jobs/a%20b", "/api/v1/jobs/a b", b"x=1&y")
    assert found.headers == [(b"host", b"127.0.0.1"), (b"x-a", b"b"), (b"content-length", b"12")]
    assert (found.minor, found.length, found.keep_alive, found.expects_continue) == (1, 12, True, False)


@pytest.mark.parametrize("block", [head().replace(b"\r\n", b"\n"), b"GET / HTTP/1.1\nHost: 127.0.0.1\r\n\r\n"])
def test_lines_may_end_without_a_carriage_return(block):
    """A script that is served by a real server would be refused."""
    assert read_head(block).headers == [(b"host", b"127.0.0.1")]
    assert end_of_head(bytearray(block + b"rest"), 0) == len(block)


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"GET /",
        b"a b c",
        b" / HTTP/1.1",
        b"GE(T / HTTP/1.1",
        b"GET / HTTP/1",
        b"GET / http/1.1",
        b"GET / HTTP/1.10",
        b"GET  HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /a\x01b HTTP/1.1",
        b"GET /a\x7fb HTTP/1.1",
        b"GET /a%zz HTTP/1.1",
        b"GET /a%f HTTP/1.1",
        b"GET abc HTTP/1.1",
        b"GET ?a=b HTTP/1.1",
        b"GET :80/x HTTP/1.1",
        b"GET http://a b/ HTTP/1.1",
        b"GET http://a{b/ HTTP/1.1",
        b"\x16\x03\x01\x02",
    ],
)
def test_a_request_line_that_is_none_is_refused(line):
    """Such a request would reach a route, or get another answer than net/http's."""
    assert refused(head(line)) == (f"HTTP/1.1 {BAD}", BAD)


@pytest.mark.parametrize(
    ("line", "path", "query"),
    [
        (b"foo /x HTTP/1.1", b"/x", b""),
        (b"GET //api/v1 HTTP/1.1", b"//api/v1", b""),
        (b"GET /a#b HTTP/1.1", b"/a#b", b""),
        (b"GET /?a=%zz HTTP/1.1", b"/", b"a=%zz"),
        ("GET /é HTTP/1.1".encode(), "/é".encode(), b""),
        (b"GET * HTTP/1.1", b"*", b""),
        (b"GET http://127.0.0.1/x?y HTTP/1.1", b"/x", b"y"),
        (b"GET http://127.0.0.1 HTTP/1.1", b"", b""),
        (b"GET abc:def HTTP/1.1", b"", b""),
        (b"CONNECT 127.0.0.1:80 HTTP/1.1", b"", b""),
        (b"GET / HTTP/1.2", b"/", b""),
    ],
)
def test_odd_request_lines_that_net_http_takes_are_taken(line, path, query):
    """A request that gets a 404 on a real server would get a 400."""
    found = read_head(head(line))
    assert (found.raw_path, found.query) == (path, query)


def test_the_host_of_a_whole_address_counts():
    """The guard would look at a Host header that the server ignores."""
    found = read_head(head(b"GET http://other.example/x HTTP/1.1", HOST + b"X-A: b\r\n"))
    assert found.headers == [(b"host", b"other.example"), (b"x-a", b"b")]


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        (b"", f"{BAD}: missing required Host header"),
        (HOST + HOST, BAD),
        (b"Host: a b\r\n", f"{BAD}: malformed Host header"),
        (HOST + b"X Y: z\r\n", f"{BAD}: invalid header name"),
        (HOST + b"X : z\r\n", f"{BAD}: invalid header name"),
        (HOST + b"XY\r\n", BAD),
        (HOST + b": z\r\n", BAD),
        (HOST + b"X@Y: z\r\n", BAD),
        (HOST + "Xé: z\r\n".encode(), BAD),
        (HOST + b"X: a\x00b\r\n", BAD),
        (HOST + b"X: a\rb\r\n", BAD),
        (HOST + b"X: a\x7fb\r\n", BAD),
        (b" X: y\r\n" + HOST, BAD),
        (HOST + b"Content-Length: x\r\n", BAD),
        (HOST + b"Content-Length: -1\r\n", BAD),
        (HOST + b"Content-Length: +2\r\n", BAD),
        (HOST + b"Content-Length: 2, 2\r\n", BAD),
        (HOST + b"Content-Length:\r\n", BAD),
        (HOST + b"Content-Length: 9223372036854775808\r\n", BAD),
        (HOST + b"Content-Length: " + b"9" * 5000 + b"\r\n", BAD),
        (HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n", BAD),
    ],
)
def test_headers_that_are_none_are_refused_in_net_http_s_words(headers, problem):
    """A broken client would be served, or would see another answer than on a real server."""
    assert refused(head(headers=headers)) == (f"HTTP/1.1 {problem}", problem)


@pytest.mark.parametrize("given", [b"gzip", b"gzip, chunked", b"identity", b"", b"chunked\r\nTransfer-Encoding: chunked"])
def test_only_one_encoding_is_known(given):
    """A body in another encoding would be taken for JSON."""
    answer = refused(head(headers=HOST + b"Transfer-Encoding: " + given + b"\r\n"))
    assert answer == ("HTTP/1.1 501 Not Implemented", "Unsupported transfer encoding")


@pytest.mark.parametrize(
    ("line", "headers", "length", "kept"),
    [
        (b"PUT / HTTP/1.1", b"Transfer-Encoding: Chunked\r\n", None, b"transfer-encoding"),
        (b"PUT / HTTP/1.1", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", None, b"transfer-encoding"),
        (b"PUT / HTTP/1.0", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", 2, b"content-length"),
        (b"PUT / HTTP/1.1", b"Content-Length: 2\r\nContent-Length: 2\r\n", 2, b"content-length"),
        (b"PUT / HTTP/1.1", b"Content-Length: 002\r\n", 2, b"content-length"),
    ],
)
def test_the_body_s_length_is_what_net_http_makes_of_it(line, headers, length, kept):
    """Two servers that disagree about a body's end can be made to read one request as two."""
    found = read_head(head(line, HOST + headers))
    assert found.length == length
    assert {name for name, _ in found.headers} == {b"host", kept}


@pytest.mark.parametrize(
    ("line", "headers", "keep"),
    [
        (b"GET / HTTP/1.1", b"", True),
        (b"GET / HTTP/1.1", b"Connection: Close\r\n", False),
        (b"GET / HTTP/1.1", b"Connection: x, close\r\n", False),
        (b"GET / HTTP/1.0", b"", False),
        (b"GET / HTTP/1.0", b"Connection: Keep-Alive\r\n", True),
        (b"GET / HTTP/1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_a_connection_goes_on_when_both_sides_say_so(line, headers, keep):
    """A client of HTTP/1.0 would wait for an end that does not come."""
    assert read_head(head(line, HOST + headers)).keep_alive is keep


def test_an_expectation_is_met_or_refused():
    """curl waits a second for "100 Continue"; other expectations cannot be met."""
    body = b"Content-Length: 2\r\n"
    assert read_head(head(headers=HOST + body + b"Expect: 100-Continue\r\n")).expects_continue
    assert not read_head(head(headers=HOST + b"Expect: 100-continue\r\n")).expects_continue
    assert not read_head(head(b"PUT / HTTP/1.0", HOST + body + b"Expect: 100-continue\r\n")).expects_continue
    assert refused(head(headers=HOST + body + b"Expect: fancy\r\n")) == ("HTTP/1.1 417 Expectation Failed", "")


def test_other_versions_are_not_served():
    """A client of HTTP/2 would get an answer that it cannot read."""
    text = "505 HTTP Version Not Supported: unsupported protocol version"
    assert refused(head(b"GET / HTTP/2.0")) == (f"HTTP/1.1 {text}", text)
    assert read_head(head(b"GET / HTTP/1.0", b"")).minor == 0


def test_folded_lines_are_joined():
    """An old client's header would be cut."""
    found = read_head(head(headers=HOST + b"X-A: a \r\n  b\r\n\tc\r\n"))
    assert dict(found.headers)[b"x-a"] == b"a b c"


@pytest.mark.parametrize("begun", [b"garbage\r\n", b"GET / HTTP/1.1\r\nHo st\r\n", b"GET / HTTP/1.1\r\nA: \x00\r\n"])
def test_a_wrong_line_is_refused_before_the_head_is_complete(begun):
    """A client that speaks another protocol would wait for the time limit."""
    with pytest.raises(BadHeadError):
        check_begun(begun)


@pytest.mark.parametrize("begun", [b"", b"GE", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHo"])
def test_a_good_beginning_is_waited_for(begun):
    """A slow client would be refused."""
    check_begun(begun)


@pytest.mark.parametrize(("begun", "is_wrong"), [(b"GE", True), (b"GET / HTTP/1.1\r\nHo", True), (b"GET / HTTP/1.1\r\nA: b", False)])
def test_when_nothing_more_comes_the_last_bytes_are_a_line(begun, is_wrong):
    """net/http answers half a line when time is up, and hangs up on half a head."""
    if is_wrong:
        with pytest.raises(BadHeadError):
            check_begun(begun, whole=True)
    else:
        check_begun(begun, whole=True)


@pytest.mark.parametrize(
    "block",
    [
        head(headers=HOST + b"X: a" + b" " * 900_000 + b"b\r\n"),
        head(headers=HOST + b"X: a\r\n" + b" b\r\n" * 200_000),
        head(headers=HOST + b"a:b\r\n" * 200_000),
        head(b"GET /" + b"%41" * 300_000 + b" HTTP/1.1"),
        head(b"GET /" + b"%" * 900_000 + b" HTTP/1.1"),
    ],
)
def test_a_hostile_head_costs_no_more_than_its_length(block):
    """One request would stop the stub for minutes."""
    began = time.process_time()
    try:
        read_head(block)
    except BadHeadError:
        pass
    assert time.process_time() - began < 5
