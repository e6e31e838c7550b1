"""Requests that are signed in a header: what they claim, and how AWS refuses the malformed."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.authorization import header_claim
from orchestrator_stub.s3.claim import Claim, Scope
from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.request import read_request
from orchestrator_stub.s3.version2 import OldClaim

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SIGNED = "host;x-amz-content-sha256;x-amz-date"
VALUE = f"AWS4-HMAC-SHA256 Credential=stub/20250101/us-east-1/s3/aws4_request, SignedHeaders={SIGNED}, Signature=ABC"
HEADERS = {"host": "localhost", "x-amz-date": "20250101T120000Z", "x-amz-content-sha256": EMPTY, "authorization": VALUE}


def claim(**changes):
    """What a request with these headers claims; None = without one."""
    given = {**HEADERS, **{name.replace("_", "-"): value for name, value in changes.items()}}
    pairs = [(name.encode(), value.encode()) for name, value in given.items() if value is not None]
    return header_claim(read_request("GET", "/", pairs, ()))


def refusal(**changes):
    """Status, code and sentence of how it is refused."""
    with pytest.raises(Refusal) as refused:
        claim(**changes)
    return refused.value.status, refused.value.code, refused.value.message


def test_what_a_header_says():
    """The signature would be computed of something else."""
    expected = Claim(Scope("stub", "20250101", "us-east-1"), "20250101T120000Z", tuple(SIGNED.split(";")), "abc", EMPTY)
    assert claim() == expected
    assert claim(authorization=VALUE.replace(", ", ",")) == expected
    assert claim(x_amz_date=None, date="Wed, 01 Jan 2025 12:00:00 GMT") == expected


def test_the_time_of_a_header_is_not_compared():
    """A task on the machine's time could not talk to a stub on a virtual clock."""
    old = VALUE.replace("20250101", "19990101")
    assert claim(authorization=old, x_amz_date="19990101T000000Z").scope.day == "19990101"


def malformed(sentence):
    """A header that cannot be read."""
    return 400, "AuthorizationHeaderMalformed", f"The authorization header is malformed; {sentence}"


COMPONENTS = "the authorization header requires three components: Credential, SignedHeaders, and Signature."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"authorization": "AWS4-HMAC-SHA256"}, (400, "InvalidArgument", "Authorization header is invalid -- one and only one ' ' (space) required")),
        ({"authorization": "Bearer x"}, (400, "InvalidArgument", "Unsupported Authorization Type")),
        (
            {"authorization": "AWS4-ECDSA-P256-SHA256 x"},
            (400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."),
        ),
        ({"authorization": "AWS4-HMAC-SHA256 x"}, malformed(COMPONENTS)),
        ({"authorization": VALUE.replace("Signature", "Sign")}, malformed(COMPONENTS)),
        ({"authorization": VALUE.replace("/s3/", "/ec2/")}, malformed('incorrect service "ec2". This endpoint belongs to "s3".')),
        ({"x_amz_date": "20250102T120000Z"}, malformed("Invalid credential date. Date is not the same as X-Amz-Date.")),
        ({"x_amz_content_sha256": None}, (400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")),
        ({"x_amz_content_sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}, (501, "NotImplemented", "A header you provided implies functionality that is not implemented")),
        ({"x_amz_date": None}, (403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")),
        ({"x_amz_date": "yesterday"}, (403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")),
        ({"x_amz_acl": "private"}, (403, "AccessDenied", "There were headers present in the request which were not signed")),
    ],
)
def test_malformed_headers_are_refused_in_awss_words(changes, expected):
    """A client would see another error than on AWS."""
    assert refusal(**changes) == expected


def test_a_payload_that_is_neither_sum_nor_word():
    """A body would pass that nobody signed."""
    assert refusal(x_amz_content_sha256="abc")[:2] == (400, "InvalidArgument")
    assert claim(x_amz_content_sha256="UNSIGNED-PAYLOAD").payload == "UNSIGNED-PAYLOAD"


def test_sessions_are_seen():
    """A session token that is not the stub's would be passed over."""
    signed = VALUE.replace(SIGNED, f"{SIGNED};x-amz-security-token")
    assert claim(authorization=signed, x_amz_security_token="T").token == "T"


def test_version_2_is_read_as_such():
    """Old clients would be told nonsense."""
    assert claim(authorization="AWS stub:abc=", date="now") == OldClaim("stub", "", "abc=")
