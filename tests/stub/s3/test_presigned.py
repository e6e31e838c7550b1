"""Whether a pre-signed URL is complete, and valid at a time of the stub's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator_stub.s3.claim import Claim, Scope
from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.presigned import presigned_claim
from orchestrator_stub.s3.request import read_request

BEGIN = datetime(2025, 1, 1, 12, tzinfo=UTC)
PARAMETERS = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "stub/20250101/eu-west-1/s3/aws4_request",
    "X-Amz-Date": "20250101T120000Z",
    "X-Amz-Expires": "900",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "abc",
}

REQUIRED = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
    "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)


def claim(at=BEGIN, headers=(), **changes):
    """What a URL with these parameters (`Expires="1"`; None = without it) claims at a time."""
    given = {**PARAMETERS, **{f"X-Amz-{name}": value for name, value in changes.items()}}
    target = "/b/k?" + "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
    now = int(at.timestamp() * 1_000_000) * 1000
    return presigned_claim(read_request("GET", target, [(b"host", b"localhost"), *headers], ()), now)


def refusal(**changes):
    """How it is refused."""
    with pytest.raises(Refusal) as refused:
        claim(**changes)
    return refused.value


def test_what_a_url_says():
    """The signature would be computed of something else."""
    expected = Claim(Scope("stub", "20250101", "eu-west-1"), "20250101T120000Z", ("host",), "abc", "UNSIGNED-PAYLOAD")
    assert claim() == expected
    assert claim(headers=[(b"x-amz-content-sha256", b"e3b0")]).payload == "e3b0"


@pytest.mark.parametrize(("at", "is_valid"), [(-901, False), (-900, True), (0, True), (900, True), (900.001, False), (10**7, False)])
def test_it_is_valid_from_its_date_until_it_expires(at, is_valid):
    """Results could be read for ever, or clocks that differ a little would break downloads."""
    when = BEGIN + timedelta(seconds=at)
    if is_valid:
        assert claim(at=when)
    else:
        assert refusal(at=when).code == "AccessDenied"


def test_an_expired_url_is_refused_as_aws_does():
    """A client that renews expired URLs would not recognise one."""
    late = refusal(at=BEGIN + timedelta(hours=1))
    assert (late.status, late.message) == (403, "Request has expired")
    assert late.members == (
        ("X-Amz-Expires", "900"),
        ("Expires", "2025-01-01T12:15:00Z"),
        ("ServerTime", "2025-01-01T13:00:00Z"),
    )


def test_a_url_of_the_future_is_refused_as_aws_does():
    """A URL could be made today that opens a door next year."""
    early = refusal(at=BEGIN - timedelta(hours=1))
    assert (early.status, early.message) == (403, "Request is not yet valid")
    assert early.members == (
        ("X-Amz-Date", "1735732800000"),
        ("Expires", "2025-01-01T12:15:00Z"),
        ("ServerTime", "2025-01-01T11:00:00Z"),
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"Algorithm": "AWS4-HMAC-SHA1"}, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"'),
        *(({name: None}, REQUIRED) for name in ("Credential", "Date", "Expires", "SignedHeaders", "Signature")),
        ({"Date": "2025-01-01"}, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
        ({"Expires": "1h"}, "X-Amz-Expires should be a number"),
        ({"Expires": "-1"}, "X-Amz-Expires must be non-negative"),
        ({"Expires": "604801"}, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"),
        ({"Credential": "stub/20250101/r/ec2/aws4_request"}, 'Error parsing the X-Amz-Credential parameter; incorrect service "ec2". This endpoint belongs to "s3".'),
        ({"Credential": "stub/20241231/r/s3/aws4_request"}, 'Invalid credential date "20241231". This date is not the same as X-Amz-Date: "20250101".'),
    ],
)
def test_a_malformed_url_is_explained(changes, sentence):
    """Whoever builds URLs by hand would not learn what is wrong."""
    refused = refusal(**changes)
    assert (refused.status, refused.code, refused.message) == (400, "AuthorizationQueryParametersError", sentence)


def test_the_longest_and_the_shortest_time():
    """A week is allowed, and a URL of no seconds is over with its first."""
    assert claim(Expires="604800", at=BEGIN + timedelta(days=7))
    assert refusal(Expires="0", at=BEGIN + timedelta(seconds=1)).message == "Request has expired"


def test_headers_that_the_url_does_not_cover():
    """Whoever has a URL could add rights to what it stores."""
    assert refusal(headers=[(b"x-amz-acl", b"public-read")]).members == (("HeadersNotSigned", "x-amz-acl"),)
