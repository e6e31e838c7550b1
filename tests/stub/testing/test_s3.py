"""Objects of a stub in the hands of a test."""

from __future__ import annotations

import pytest

from orchestrator_stub.testing.exchange import StubError
from orchestrator_stub.testing.s3 import StubS3
from orchestrator_stub.testing.server import stub_server


def test_what_is_put_is_read(bacalhau_stub):
    """A job would read something else than the test gave it."""
    s3 = bacalhau_stub.s3
    content = bytes(range(256)) * 10
    for key in ("a.csv", "deep/er/a b+c ä%.csv", "with//two", "~x'(1)*"):
        s3.put(f"s3://acme-raw/{key}", content)
        assert s3.read(f"s3://acme-raw/{key}") == content
    s3.put("s3://acme-raw/text", "ä\n")
    assert s3.read("s3://acme-raw/text") == "ä\n".encode()


def test_objects_are_listed(bacalhau_stub):
    """A test could not see what a job wrote."""
    s3 = bacalhau_stub.s3
    assert s3.list() == s3.list("s3://missing/") == s3.buckets() == []
    for uri in ("s3://two/b", "s3://two/a/1", "s3://one/x"):
        s3.put(uri, b"")
    assert s3.buckets() == ["one", "two"]
    assert s3.list() == ["s3://one/x", "s3://two/a/1", "s3://two/b"]
    assert s3.list("s3://two/a") == ["s3://two/a/1"]


def test_a_long_list_is_read_to_its_end(bacalhau_stub, monkeypatch):
    """Objects after the first page would not be there."""
    s3 = bacalhau_stub.s3
    for number in range(5):
        s3.put(f"s3://many/{number}", b"")
    send = s3._send
    monkeypatch.setattr(s3, "_send", lambda method, target, data=b"": send(method, paged(target), data))
    assert s3.list("s3://many/") == [f"s3://many/{number}" for number in range(5)]


def paged(target):
    """The same request for two objects at most."""
    return target.replace("list-type=2", "list-type=2&max-keys=2")


def test_a_folder_that_a_job_published_is_its_one_file(bacalhau_stub):
    """The content of a result could not be asked for by the uri that a task leaves behind."""
    s3 = bacalhau_stub.s3
    for name in ("stdout", "stderr", "exitCode", "outputs/clean.csv"):
        s3.put(f"s3://clean/e-1/{name}", name)
    assert s3.read("s3://clean/e-1/") == b"outputs/clean.csv"
    s3.put("s3://clean/e-1/outputs/more.csv", b"")
    with pytest.raises(StubError, match=r"s3://clean/e-1/ holds s3://clean/e-1/exitCode, .*; give the uri of one object"):
        s3.read("s3://clean/e-1/")
    with pytest.raises(StubError, match="s3://clean/e-2/ holds nothing"):
        s3.read("s3://clean/e-2/")


def test_what_is_missing_is_said_with_what_is_there(bacalhau_stub):
    """A typo in a key would be a bare 404."""
    s3 = bacalhau_stub.s3
    with pytest.raises(StubError, match="there is no s3://raw/a; the bucket raw is empty or missing") as missing:
        s3.read("s3://raw/a")
    assert missing.value.status == 404
    for number in range(12):
        s3.put(f"s3://raw/day/{number:02}", b"")
    with pytest.raises(StubError, match="below s3://raw/day/ there are s3://raw/day/00, .*09 and 2 more"):
        s3.read("s3://raw/day/x")
    with pytest.raises(StubError, match="below s3://raw/ there are s3://raw/day/00"):
        s3.read("s3://raw/month/x")


@pytest.mark.parametrize("uri", ["raw/a", "s3://", "https://raw/a"])
def test_what_is_no_uri_is_refused(bacalhau_stub, uri):
    """An object would be stored where nobody looks."""
    with pytest.raises(ValueError, match="is no S3 uri: give s3://bucket/key"):
        bacalhau_stub.s3.put(uri, b"")


def test_a_stub_without_s3_says_so():
    """A test would fail with a connection that is refused."""
    with stub_server("--s3", "off") as stub, pytest.raises(StubError, match=r"this stub has no S3 \(--s3 off\)"):
        stub.s3.list()


def test_nobody_there_is_one_sentence():
    """An S3 that ended would be a traceback of sockets."""
    with pytest.raises(StubError, match="no S3 answers at http://127.0.0.1:1: "):
        StubS3(lambda: "http://127.0.0.1:1").buckets()
