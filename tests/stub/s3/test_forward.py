"""What the server behind the gate is asked."""

from __future__ import annotations

from orchestrator_stub.s3.forward import forwarded_headers, forwarded_target, settled_headers
from orchestrator_stub.s3.request import read_request

URL = "X-Amz-Algorithm=A&X-Amz-Signature=s&X-Amz-SignedHeaders=host&x-amz-meta-a=b+c&versionId=1&X-Amz-Checksum-Mode=ENABLED"


def request(target, host="localhost", **headers):
    """A request with these headers."""
    sent = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return read_request("GET", target, [(name.encode(), value.encode()) for name, value in sent.items()], ())


def test_targets_are_in_path_style_and_unsigned():
    """moto would look for the bucket elsewhere, or for parameters of the signature."""
    assert forwarded_target(request("/b/k?list-type=2&prefix=a%2Fb")) == "/b/k?list-type=2&prefix=a%2Fb"
    assert forwarded_target(request("/k%20l?acl", host="b.localhost:1")) == "/b/k%20l?acl"
    assert forwarded_target(request("/", host="b.localhost")) == "/b/"
    assert forwarded_target(request(f"/b/k?{URL}")) == "/b/k?versionId=1"
    assert forwarded_target(request("/b/k?AWSAccessKeyId=a&Signature=s&Expires=1&content-type=t")) == "/b/k"
    assert forwarded_target(request("/b/k?x-amz-meta-a=1")) == "/b/k?x-amz-meta-a=1"


def test_what_a_url_says_instead_of_headers():
    """Metadata and the wish for a checksum in a pre-signed URL would be lost."""
    settled = dict(settled_headers(request(f"/b/k?{URL}", x_amz_meta_z="1")))
    assert settled == {"host": "localhost", "x-amz-meta-z": "1", "x-amz-meta-a": "b c", "x-amz-checksum-mode": "ENABLED"}
    assert dict(settled_headers(request("/b/k?x-amz-meta-a=1"))) == {"host": "localhost"}


def test_headers_of_the_connection_and_of_the_signature_stay_behind():
    """The server behind would be told of chunks that are gone, or wait for a body that was announced otherwise."""
    sent = (
        ("host", "b.localhost:1"), ("expect", "100-continue"), ("authorization", "AWS4"), ("x-amz-date", "d"),
        ("transfer-encoding", "chunked"), ("content-encoding", "gzip, aws-chunked"), ("x-amz-decoded-content-length", "5"),
        ("x-amz-trailer", "x-amz-checksum-crc32"), ("x-amz-content-sha256", "S"), ("content-type", "t"), ("x-amz-meta-a", "b"),
    )  # fmt: skip
    assert forwarded_headers(sent, length=5, region="eu-west-1") == (
        ("host", "localhost"),
        ("content-type", "t"),
        ("x-amz-meta-a", "b"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=stub/20250101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0"),
        ("content-encoding", "gzip"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("content-length", "5"),
    )
    assert forwarded_headers((), length=None, region="") == (("host", "localhost"),)


def test_the_kind_of_a_checksum():
    """An object would be kept without the sum that it came with."""
    def kind(*headers):
        return dict(forwarded_headers(headers, length=None, region="")).get("x-amz-sdk-checksum-algorithm")

    assert kind(("x-amz-checksum-sha256", "x")) == "SHA256"
    assert kind(("x-amz-checksum-mode", "ENABLED")) is None
    assert kind(("x-amz-checksum-sha256", "x"), ("x-amz-sdk-checksum-algorithm", "sha256")) == "sha256"
