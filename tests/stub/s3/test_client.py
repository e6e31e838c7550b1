"""Which server a job's parameters mean, with which keys, and what errors read like (golden 42)."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.s3.client import (
    PART,
    STUB_KEYS,
    S3Access,
    S3Error,
    S3Settings,
    download,
    head_object,
    read_objects,
)

OWN = "http://127.0.0.1:4570"


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("", OWN),
        ("https://s3.eu-west-1.amazonaws.com", OWN),
        ("http://127.0.0.1:5555", "http://127.0.0.1:5555"),
        ("http://localhost:9000", "http://localhost:9000"),
    ],
)
def test_the_embedded_s3_plays_aws(endpoint, address):
    """A DAG that says nothing about the endpoint, or names AWS, would leave the laptop."""
    assert S3Access(S3Settings(), OWN).address(endpoint) == address


def test_other_machines_are_refused_unless_allowed():
    """Any job could make the stub read from a server of its choice."""
    with pytest.raises(StepError, match="not on this machine"):
        S3Access(S3Settings(), OWN).address("http://minio.internal:9000")
    allowed = S3Access(S3Settings(any_endpoint=True), OWN)
    assert allowed.address("http://minio.internal:9000") == "http://minio.internal:9000"


def test_real_aws_is_asked_only_when_wanted():
    """`--s3 aws` would not reach AWS."""
    assert S3Access(S3Settings("aws"), "").address("") == ""


def test_the_machines_own_credentials_are_not_read(monkeypatch, tmp_path):
    """Keys of a real account would be sent to whatever a job names."""
    config = tmp_path / "credentials"
    config.write_text("[default]\naws_access_key_id = REAL\naws_secret_access_key = REAL\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(config))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "REAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "REAL")
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    access = S3Access(S3Settings(), OWN)
    assert access.keys() == STUB_KEYS
    assert access.client("", "")._request_signer._credentials.access_key == "stub"


@pytest.mark.parametrize("word", ["aws", "http://127.0.0.1:5555"])
def test_they_are_read_when_the_user_says_so(monkeypatch, word):
    """`--s3 aws` and `--s3 URL` could not sign."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "REAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    access = S3Access(S3Settings.of(word), "")
    assert access.keys().access == "REAL"
    assert "SECRET" not in repr(access.keys())


def test_a_server_without_credentials_gets_the_stubs_keys(monkeypatch, tmp_path):
    """A moto or minio on this machine would need an account."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert S3Access(S3Settings.of("http://127.0.0.1:5555"), "http://127.0.0.1:5555").keys() == STUB_KEYS


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [("", f"{OWN}/b/k"), ("http://localhost:9000/", "http://localhost:9000/b/k")],
)
def test_object_urls_are_path_style(endpoint, url):
    """Downloads would go to a host name that does not exist."""
    assert S3Access(S3Settings(), OWN).object_url("b", "k", endpoint=endpoint, region="") == url


def test_other_machines_are_led_to_the_name_that_they_use():
    """Results would lead to the loopback of whoever reads them, or a job that names the stub's S3 be refused."""
    access = S3Access(S3Settings(), OWN, "http://stub:4570")
    assert access.object_url("b", "k", endpoint="", region="") == "http://stub:4570/b/k"
    assert access.address("http://stub:4570/") == OWN
    assert access.object_url("b", "k", endpoint="http://localhost:9", region="") == "http://localhost:9/b/k"


def test_object_urls_of_aws_itself():
    """Real buckets are read at their own host."""
    access = S3Access(S3Settings("aws"), "")
    assert access.object_url("b", "k", endpoint="", region="eu-west-1") == "https://b.s3.eu-west-1.amazonaws.com/k"


async def test_objects_go_up_and_down(shared_s3, tmp_path):
    """Small and large objects, with the checksum that AWS would give."""
    access = shared_s3.access()
    small, large, copy = tmp_path / "small", tmp_path / "large", tmp_path / "copy"
    small.write_bytes(b"small")
    large.write_bytes(b"0123456789" * (PART // 8))

    def use():
        client = access.client("", "eu-west-1")
        stored = [access.upload(client, "box", name.name, name, with_checksum=True) for name in (small, large)]
        download(client, "box", "large", copy)
        return stored, [(each["Key"], each["Size"]) for each in read_objects(client, "box", "")]

    (one, many), listed = await asyncio.to_thread(use)
    assert copy.read_bytes() == large.read_bytes()
    assert many.checksum.endswith("-2")
    assert one.checksum == base64.b64encode(hashlib.sha256(b"small").digest()).decode()
    assert listed == [("large", large.stat().st_size), ("small", 5)]


async def test_errors_read_as_recorded(strict_door, tmp_path):
    """History would show other words than a real server's."""
    access = strict_door.service.access()
    path = tmp_path / "f"
    path.write_bytes(b"x")

    def use():
        client = access.client("", "")
        client.create_bucket(Bucket="errors")
        texts = []
        for call in (
            lambda: head_object(client, "errors", "nope"),
            lambda: access.upload(client, "nope", "k", path, with_checksum=False),
            lambda: list(read_objects(client, "nope", "")),
            lambda: download(client, "errors", "nope", path),
        ):
            with pytest.raises(S3Error) as failure:
                call()
            texts.append((failure.value.code, str(failure.value).replace(failure.value.request_id or "\0", "ID")))
        return texts

    failed = "https response error StatusCode: 404, RequestID: "
    assert await asyncio.to_thread(use) == [
        ("NotFound", f"operation error S3: HeadObject, {failed}, HostID: , NotFound:"),
        ("NoSuchBucket", f"operation error S3: PutObject, {failed}ID, api error NoSuchBucket: The specified bucket does not exist"),
        ("NoSuchBucket", f"operation error S3: ListObjectsV2, {failed}ID, NoSuchBucket: The specified bucket does not exist"),
        ("NoSuchKey", f"operation error S3: GetObject, {failed}ID, NoSuchKey: The specified key does not exist."),
    ]


def test_an_unreachable_server(tmp_path):
    """The error says that nothing answered."""
    access = S3Access(S3Settings(), OWN)
    with pytest.raises(S3Error, match="^operation error S3: HeadObject, exceeded maximum number of attempts, 3, "):
        head_object(access.client("http://127.0.0.1:9", ""), "b", "k")
