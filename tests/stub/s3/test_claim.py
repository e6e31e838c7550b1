"""Scopes, signed headers and stamps, in AWS's words."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.claim import Scope, check_one_mechanism, check_signed, moment, parse_scope
from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.request import read_request


def request(target="/", **headers):
    """A request with these headers."""
    sent = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return read_request("GET", target, [(name.encode(), value.encode()) for name, value in sent.items()], ())


def test_a_scope_of_any_region():
    """A DAG that names its region would be refused."""
    assert parse_scope("KEY/20250101/eu-west-1/s3/aws4_request", ValueError) == Scope("KEY", "20250101", "eu-west-1")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("KEY/20250101/s3/aws4_request", 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'),
        ("KEY/2025011/r/s3/aws4_request", 'incorrect date format "2025011". This date in the credential must be in the format "yyyyMMdd".'),
        ("KEY/20251301/r/s3/aws4_request", 'incorrect date format "20251301". This date in the credential must be in the format "yyyyMMdd".'),
        ("KEY/20250101//s3/aws4_request", "a non-empty region must be provided in the credential."),
        ("KEY/20250101/r/ec2/aws4_request", 'incorrect service "ec2". This endpoint belongs to "s3".'),
        ("KEY/20250101/r/s3/aws4", 'incorrect terminal "aws4". This endpoint uses "aws4_request".'),
    ],
)
def test_another_scope_is_explained(text, sentence):
    """A client that signs for something else would only learn that it may not."""
    with pytest.raises(ValueError, match="^") as refused:
        parse_scope(text, ValueError)
    assert str(refused.value) == sentence


def test_what_s3_acts_on_has_to_be_signed():
    """Somebody who has a URL could add metadata, rights or a copy source to the request."""
    everything = request(x_amz_meta_b="1", x_amz_acl="private", content_md5="x", content_type="t", x_amz_content_sha256="x")
    with pytest.raises(Refusal) as refused:
        check_signed(everything, ("x-amz-date",))
    assert refused.value.members == (("HeadersNotSigned", "content-md5, host, x-amz-acl, x-amz-meta-b"),)
    check_signed(everything, ("content-md5", "host", "x-amz-acl", "x-amz-meta-b"))


@pytest.mark.parametrize("target", ["/?X-Amz-Algorithm=A", "/?Signature=s"])
def test_a_request_is_signed_in_one_way(target):
    """It would be unclear whose request it is."""
    with pytest.raises(Refusal) as refused:
        check_one_mechanism(request(target, authorization="AWS4-HMAC-SHA256 x"))
    assert (refused.value.status, refused.value.code) == (400, "InvalidArgument")
    assert refused.value.members == (("ArgumentName", "Authorization"), ("ArgumentValue", "AWS4-HMAC-SHA256 x"))
    check_one_mechanism(request(target))
    check_one_mechanism(request(authorization="AWS4-HMAC-SHA256 x"))


def test_stamps():
    """A date that is none would be compared with the clock."""
    assert f"{moment('20250101T120000Z')}" == "2025-01-01 12:00:00+00:00"
    for text in ("2025-01-01T12:00:00Z", "20250101T126000Z", "20250101", "", "20250101T120000z"):
        assert moment(text) is None
