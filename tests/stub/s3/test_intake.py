"""How long a body is, and whether it is whole."""

from __future__ import annotations

import hashlib

import pytest

from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.intake import Intake
from orchestrator_stub.s3.request import read_request
from orchestrator_stub.s3.signature import Signer


def intake(method="PUT", target="/b/k", payload="UNSIGNED-PAYLOAD", **headers):
    """The body of such a request."""
    sent = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = read_request(method, target, [(name.encode(), value.encode()) for name, value in sent.items()], ())
    return Intake(request, request.headers, Signer(payload=payload))


def code(call):
    """How it is refused."""
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value.status, refused.value.code


def test_lengths():
    """The server behind would wait for bytes that never come."""
    assert intake(content_length="5").length == 5
    assert intake("GET").length is None
    assert intake(x_amz_copy_source="/b/o").length is None
    chunks = {"payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "transfer_encoding": "chunked"}
    assert intake(x_amz_decoded_content_length="7", **chunks).length == 7


def test_an_object_of_unknown_length_is_refused_as_aws_does():
    """A program that streams without a length would work here and fail there."""
    assert code(lambda: intake(transfer_encoding="chunked")) == (501, "NotImplemented")
    assert code(intake) == (411, "MissingContentLength")
    for length in ("", "many", "-1", "٣"):
        chunks = {"x_amz_decoded_content_length": length}
        assert code(lambda chunks=chunks: intake(payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER", **chunks)) == (411, "MissingContentLength")


def test_a_body_passes_piece_by_piece_and_is_compared():
    """A changed body would be stored."""
    body = intake(content_length="5", payload=hashlib.sha256(b"hello").hexdigest())
    assert [body.feed(b"he"), body.feed(b"llo")] == [b"he", b"llo"]
    body.end()
    changed = intake(content_length="5", payload=hashlib.sha256(b"hello").hexdigest())
    changed.feed(b"hellO")
    assert code(changed.end) == (400, "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize("wire", [b"4\r\nhell\r\n0\r\n\r\n", b"6\r\nhello!\r\n0\r\n\r\n"])
def test_chunks_that_are_more_or_less_than_announced(wire):
    """Half an object would be stored, or the connection behind would get out of step."""
    body = intake(payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER", x_amz_decoded_content_length="5")
    assert code(lambda: (body.feed(wire), body.end())) == (400, "IncompleteBody")


def test_sums_of_an_object_are_not_compared_with_the_list_of_its_parts():
    """Uploads in parts with a sum could never be completed."""
    body = intake("POST", "/b/k?uploadId=u", content_length="2", x_amz_checksum_crc32="AAAAAA==")
    body.feed(b"<>")
    body.end()
