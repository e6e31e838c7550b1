"""Sums of a body are compared, each in its own way."""

from __future__ import annotations

import base64
import hashlib

import pytest

from orchestrator_stub.s3.digests import Digests
from orchestrator_stub.s3.errors import Refusal

BODY = b"hello"
SHA256 = hashlib.sha256(BODY)
MD5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
CRC32 = "NhCmhg=="
SHA1 = base64.b64encode(hashlib.sha1(BODY).digest()).decode()


def check(headers, payload="UNSIGNED-PAYLOAD", body=BODY, trailer=None, with_checksums=True):
    """A body in two pieces with these headers."""
    digests = Digests(headers, payload, with_checksums=with_checksums)
    digests.update(body[:2])
    digests.update(body[2:])
    digests.check(trailer or {})


RIGHT = [
    ({}, SHA256.hexdigest(), {}),
    ({}, SHA256.hexdigest().upper(), {}),
    ({"content-md5": MD5}, "UNSIGNED-PAYLOAD", {}),
    ({"x-amz-checksum-crc32": CRC32}, "UNSIGNED-PAYLOAD", {}),
    ({"x-amz-checksum-sha1": SHA1}, "UNSIGNED-PAYLOAD", {}),
    ({"x-amz-checksum-sha256": base64.b64encode(SHA256.digest()).decode()}, "UNSIGNED-PAYLOAD", {}),
    ({"x-amz-trailer": "x-amz-checksum-crc32"}, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", {"x-amz-checksum-crc32": CRC32}),
]


@pytest.mark.parametrize(("headers", "payload", "trailer"), RIGHT)
def test_right_sums_pass_and_wrong_ones_do_not(headers, payload, trailer):
    """A damaged or changed upload would be stored."""
    check(headers, payload, trailer=trailer)
    with pytest.raises(Refusal) as refused:
        check(headers, payload, body=b"hellO", trailer=trailer)
    assert (refused.value.status, refused.value.code) == (400, "XAmzContentSHA256Mismatch" if not headers else "BadDigest")


def test_refusals_say_which_sum():
    """A client could not tell what is damaged."""
    with pytest.raises(Refusal) as refused:
        check({}, "0" * 64)
    assert refused.value.members == (("ClientComputedContentSHA256", "0" * 64), ("S3ComputedContentSHA256", SHA256.hexdigest()))
    with pytest.raises(Refusal, match="The CRC32 you specified did not match the calculated checksum"):
        check({"x-amz-checksum-crc32": "AAAAAA=="})
    with pytest.raises(Refusal, match="The Content-MD5 you specified was invalid"):
        check({"content-md5": "nonsense"})


def test_what_cannot_be_compared_is_believed():
    """Clients with other kinds of sums could store nothing; sums of a whole object are none of this body."""
    check({"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="})
    check({"x-amz-checksum-crc32": "AAAAAA=="}, with_checksums=False)
