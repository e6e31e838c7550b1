"""What a request's head says: bucket and object by path or by host, parameters, what it does."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.request import read_request


def read(target, method="GET", host="127.0.0.1:4570", hosts=(), **headers):
    """A request as the gate reads it."""
    pairs = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return read_request(method, target, [(name.encode(), value.encode()) for name, value in pairs.items()], hosts)


@pytest.mark.parametrize(
    ("host", "target", "place"),
    [
        ("127.0.0.1:4570", "/", ("", "")),
        ("127.0.0.1:4570", "/b", ("b", "")),
        ("[::1]:4570", "/b/", ("b", "")),
        ("localhost", "/b/a%20b/%C3%BC?x=1", ("b", "a b/ü")),
        ("LOCALHOST:1", "/b//k", ("b", "/k")),
        ("b.localhost:4570", "/k/l", ("b", "k/l")),
        ("my.dotted.bucket.localhost", "/", ("my.dotted.bucket", "")),
        ("b.s3.localhost", "/k", ("b", "k")),
        ("s3.localhost", "/b/k", ("b", "k")),
        ("stub.lan:4570", "/b/k", ("b", "k")),
        ("b.stub.lan", "/k", ("b", "k")),
    ],
)
def test_the_bucket_is_named_by_path_or_by_host(host, target, place):
    """Clients with virtual-host addressing, which is boto3's own choice for names, would read another bucket."""
    request = read(target, host=host, hosts=("Stub.LAN",))
    assert (request.bucket, request.key) == place


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4570", "", "localhost.evil.example", "10.0.0.1", "[::1", "stub.lan"])
def test_another_machine_is_not_meant(host):
    """A web page whose name was pointed at this machine could use the stub's known keys."""
    with pytest.raises(Refusal) as refused:
        read("/b/k", host=host)
    assert (refused.value.status, refused.value.code) == (403, "AccessDenied")
    assert "--allow-host" in refused.value.message


@pytest.mark.parametrize("target", ["http://127.0.0.1/b", "*", "b/k"])
def test_a_target_that_is_no_path(target):
    """It would be read as some bucket."""
    with pytest.raises(Refusal) as refused:
        read(target)
    assert (refused.value.status, refused.value.code) == (400, "InvalidURI")


def test_parameters_and_headers_are_found():
    """Signatures, ranges and conditions would not be seen."""
    request = read("/b/k?a+b=c%2Bd&versionId&a=1&a=2", RANGE="bytes=0-1")
    assert request.parameters == (("a b", "c+d"), ("versionId", ""), ("a", "1"), ("a", "2"))
    assert (request.parameter("a"), request.parameter("versionId"), request.parameter("no")) == ("1", "", None)
    assert (request.header("range"), request.header("no")) == ("bytes=0-1", None)


def test_headers_that_are_no_utf8_are_read_too():
    """A byte in a header could end the connection."""
    request = read_request("GET", "/", [(b"Host", b"localhost"), (b"X", b"\xff")], ())
    assert request.header("x") == "ÿ"


@pytest.mark.parametrize(
    ("method", "target", "opens"),
    [
        ("PUT", "/b/k", True),
        ("PUT", "/b/k?x-id=PutObject", True),
        ("POST", "/b/k?uploads", True),
        ("PUT", "/b/k?partNumber=1&uploadId=u", False),
        ("PUT", "/b/k?tagging", False),
        ("PUT", "/b", False),
        ("POST", "/b/k?uploadId=u", False),
        ("POST", "/b?delete", False),
        ("GET", "/b/k", False),
    ],
)
def test_what_a_bucket_is_made_for(method, target, opens):
    """Buckets would appear when somebody only looks, or not when an object needs one."""
    assert read(target, method).opens_bucket is opens


def test_parts_are_stored_too():
    """A part without a length would be taken."""
    assert read("/b/k?partNumber=1&uploadId=u", "PUT").stores
    assert not read("/b/k?acl", "PUT").stores
