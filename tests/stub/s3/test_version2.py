"""Signature version 2: URLs as boto3 makes them unless told otherwise."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.request import read_request
from orchestrator_stub.s3.version2 import OldClaim, header_claim_2, presigned_claim_2

SECOND = 1_000_000_000
TARGET = "/b/k?AWSAccessKeyId=stub&Signature=a%2Bb%3D&Expires=1735732800"


def request(target=TARGET, **headers):
    """A request with these headers."""
    sent = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return read_request("GET", target, [(name.encode(), value.encode()) for name, value in sent.items()], ())


def test_what_a_url_says():
    """The signature would be computed of something else."""
    assert presigned_claim_2(request(), 0) == OldClaim("stub", "1735732800", "a+b=")
    assert presigned_claim_2(request(TARGET + "&x-amz-security-token=T"), 0).token == "T"


def test_it_expires_at_its_second():
    """Results could be read for ever."""
    assert presigned_claim_2(request(), 1735732800 * SECOND)
    with pytest.raises(Refusal) as refused:
        presigned_claim_2(request(), 1735732800 * SECOND + 1)
    assert (refused.value.status, refused.value.code, refused.value.message) == (403, "AccessDenied", "Request has expired")
    assert refused.value.members == (("Expires", "2025-01-01T12:00:00Z"), ("ServerTime", "2025-01-01T12:00:00Z"))


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("/?Signature=s&Expires=1", "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"),
        ("/?Signature=s&AWSAccessKeyId=a", "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"),
        ("/?Signature=s&AWSAccessKeyId=a&Expires=soon", "Invalid date (should be seconds since epoch): soon"),
        ("/?Signature=s&AWSAccessKeyId=a&Expires=2147483648", "Invalid date (should be seconds since epoch): 2147483648"),
    ],
)
def test_malformed_urls(target, sentence):
    """A client would see another error than on AWS."""
    with pytest.raises(Refusal) as refused:
        presigned_claim_2(request(target), 0)
    assert (refused.value.status, refused.value.message) == (403, sentence)


def test_what_a_header_says():
    """Old clients could not ask."""
    assert header_claim_2(request("/", date="Wed"), "stub:abc=") == OldClaim("stub", "Wed", "abc=")
    assert header_claim_2(request("/", x_amz_date="Wed"), "stub:abc=") == OldClaim("stub", "", "abc=")
    for value in ("stub", "stub:", "a:b:c"):
        with pytest.raises(Refusal) as refused:
            header_claim_2(request("/", date="Wed"), value)
        assert refused.value.code == "InvalidArgument"
    with pytest.raises(Refusal, match="requires a valid Date"):
        header_claim_2(request("/"), "stub:abc=")
