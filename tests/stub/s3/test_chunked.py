"""AWS's chunks: its documentation's own example, bodies of its library, and bodies that are none."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.authorization import header_claim
from orchestrator_stub.s3.chunked import ChunkedBody, Seal
from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.request import read_request
from orchestrator_stub.s3.signature import Verifier
from orchestrator_stub.s3.signing import Keys

DATA = b"a" * 66560
SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)


@pytest.fixture
async def seal():
    """Of the example in S3's documentation: 66,560 letters in chunks of 64 kB."""
    headers = {
        "host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
    }
    value = (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={';'.join(sorted(headers))},Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    )
    pairs = [(name.encode(), text.encode()) for name, text in (headers | {"authorization": value}).items()]
    request = read_request("PUT", "/examplebucket/chunkObject.txt", pairs, ("s3.amazonaws.com",))
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    return Seal(await Verifier(keys).check(request, header_claim(request)))


def body(data=DATA, signatures=SIGNATURES, size=65536):
    """The example on the wire."""
    chunks = [*(data[start : start + size] for start in range(0, len(data), size)), b""]
    pairs = zip(chunks, signatures, strict=True)
    return b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(chunk), signature.encode(), chunk) for chunk, signature in pairs)


@pytest.mark.parametrize("piece", [1, 7, 65536, 10**6])
async def test_awss_example_whatever_the_pieces(seal, piece):
    """Uploads of other SDKs would be refused, or stored with their chunk marks."""
    chunked, wire = ChunkedBody(seal), body()
    found = b"".join(chunked.feed(wire[start : start + piece]) for start in range(0, len(wire), piece))
    chunked.end()
    assert found == DATA


async def test_a_chunk_that_nobody_signed(seal):
    """Somebody between could change an upload."""
    with pytest.raises(Refusal) as refused:
        ChunkedBody(seal).feed(body(data=b"b" + DATA[1:]))
    assert (refused.value.status, refused.value.code) == (403, "SignatureDoesNotMatch")
    with pytest.raises(Refusal):
        ChunkedBody(seal).feed(body(signatures=("", *SIGNATURES[1:])))


def test_checksums_behind_the_chunks():
    """The sum that a client sends last would be lost."""
    chunked = ChunkedBody(None)
    assert chunked.feed(b"3\r\nabc\r\n0\r\nX-Amz-Checksum-CRC32: NSRBwg==\r\n\r\n") == b"abc"
    chunked.end()
    assert chunked.trailer == {"x-amz-checksum-crc32": "NSRBwg=="}
    unended = ChunkedBody(None)
    unended.feed(b"0\r\nx-amz-checksum-crc32:AAAAAA==")
    unended.end()
    assert unended.trailer == {"x-amz-checksum-crc32": "AAAAAA=="}


async def test_signed_trailing_headers(seal):
    """A sum could be changed on the way."""
    chunked = ChunkedBody(seal, seals_trailer=True)
    chunked.feed(body() + b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:0\r\n\r\n")
    with pytest.raises(Refusal) as refused:
        chunked.end()
    assert refused.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("wire", [b"x\r\n", b"-1\r\n", b"3\r\nabcX\r\n", b"1" * 9000, b"3;chunk-signature\xff\r\nabc--"])
def test_what_is_no_chunk(wire):
    """Garbage would be stored, or kept in memory for ever."""
    with pytest.raises(Refusal) as refused:
        ChunkedBody(None).feed(wire + b"\r\n")
    assert (refused.value.status, refused.value.code) == (400, "IncompleteBody")


@pytest.mark.parametrize("wire", [b"", b"3\r\nab", b"3\r\nabc\r\n", b"3"])
def test_a_body_that_ends_early(wire):
    """Half an object would be stored."""
    chunked = ChunkedBody(None)
    chunked.feed(wire)
    with pytest.raises(Refusal):
        chunked.end()
