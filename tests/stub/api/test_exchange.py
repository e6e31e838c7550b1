"""Requests as handlers see them."""

from __future__ import annotations

import pytest

from orchestrator_stub.api.exchange import TOO_LARGE, Request, own_headers, routed_path
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.wire import schema
from orchestrator_stub.wire.parameters import NAMESPACE


def request(release="1.9.3", body=b"", query=b"", **headers):
    """A request with a body that was read."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": "PUT", "path": "/x", "raw_path": b"/x", "headers": raw, "query_string": query}
    made = Request(scope, RELEASES[release])
    made.body = body
    return made


@pytest.mark.parametrize(
    ("raw", "routed"),
    [
        (b"/jobs/a%20b", "/jobs/a b"),
        (b"/jobs/a%2Fb", "/jobs/a%2Fb"),
        (b"/jobs/a%00b", "/jobs/a\x00b"),
        (b"/jobs/%C3%A9", "/jobs/é"),
        (b"/jobs/%ff", "/jobs/%ff"),
        (b"/jobs/%zz", "/jobs/%zz"),
        (b"/jobs/*", "/jobs/*"),
        ("/jobs/é".encode(), "/jobs/é"),
        ("/jobs/é%20b".encode(), "/jobs/é%20b"),
        (b"/jobs/\xff", "/jobs/\ufffd"),
    ],
)
def test_only_needed_escapes_are_decoded(raw, routed):
    """A name with a slash would be found by its escaped form, which no real server does."""
    assert routed_path({"path": "", "raw_path": raw}) == routed


def test_the_body_wins_over_the_query():
    """`Namespace` of a body would be overruled by the address."""
    made = request(body=b'{"Namespace":"b"}', query=b"namespace=a", content_type="application/json")
    assert made.bound((NAMESPACE,), schema.STOP_JOB) == {"Namespace": "b"}


@pytest.mark.parametrize(
    ("release", "media_type", "outcome"),
    [
        ("1.9.3", "application/json", "read"),
        ("1.9.3", "application/json; charset=latin1", "read"),
        ("1.9.3", "application/json-patch+json", "refused"),
        ("1.7.0", "application/json-patch+json", "read"),
        ("1.9.3", "Application/JSON", "refused"),
        ("1.9.3", "", "refused"),
        ("1.9.3", "application/x-www-form-urlencoded", "no fields"),
        ("1.5.2", "application/xml", "no fields"),
    ],
)
def test_the_media_type_decides_whether_a_body_is_read(release, media_type, outcome):
    """A body that real servers refuse would be taken, or the other way round."""
    made = request(release, b'{"reason":"r"}', content_type=media_type)
    if outcome == "refused":
        with pytest.raises(OrchestratorError) as caught:
            made.bound((), schema.STOP_JOB)
        assert (caught.value.status, caught.value.message) == (400, "code=415, message=Unsupported Media Type")
    else:
        assert made.bound((), schema.STOP_JOB) == ({"reason": "r"} if outcome == "read" else {})


def test_a_body_that_broke_off_is_no_body():
    """Half a request would be obeyed, where an empty one would be."""
    made = request(body=b"{}", content_type="application/json")
    made.fault = "unexpected EOF"
    with pytest.raises(OrchestratorError, match="code=400, message=unexpected EOF, internal=unexpected EOF"):
        made.bound((), schema.STOP_JOB)
    made.fault = TOO_LARGE
    with pytest.raises(OrchestratorError, match=f"^{TOO_LARGE}$"):
        made.bound((), schema.STOP_JOB)


def test_an_empty_body_needs_no_media_type():
    """`curl -X DELETE` would be refused."""
    assert request().bound((NAMESPACE,), schema.STOP_JOB) == {}


def test_a_chunked_body_has_no_length():
    """A chunked request would slip past the limit and the authorizer."""
    assert request(transfer_encoding="chunked").length is None
    assert (request(content_length="12").length, request().length) == (12, 0)


def test_the_build_date_is_spelled_like_go_prints_times():
    """Clients that parse the header would fail."""
    assert dict(own_headers(RELEASES["docs"]))[b"x-bacalhau-build-date"] == b"2023-09-25 07:59:00 +0000 UTC"
