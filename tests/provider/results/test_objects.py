"""Reading and writing S3 (moto over HTTP)."""

from __future__ import annotations

import boto3
import pytest

from airflow_provider_bacalhau.errors import HostRefused, ResultError
from airflow_provider_bacalhau.results import objects
from airflow_provider_bacalhau.results.hosts import allowed_hosts
from airflow_provider_bacalhau.results.manifest import SourceSpec
from airflow_provider_bacalhau.results.transfer import Interrupted


def opener(s3, key, **facts):
    return objects.S3Opener(s3, SourceSpec("results", key, **facts))


def read(source, offset=0, validator=""):
    with source.open(offset, validator) as answer:
        return answer, b"".join(answer.chunks)


def test_an_object_is_read_and_resumed(s3):
    """Unsigned results would not arrive, or start again after each cut."""
    s3.put_object(Bucket="results", Key="k", Body=b"0123456789")
    whole, body = read(opener(s3, "k"))
    assert (body, whole.start, whole.total) == (b"0123456789", 0, 10)
    rest, body = read(opener(s3, "k"), 4, whole.validator)
    assert (body, rest.start, rest.total) == (b"456789", 4, 10)


def test_an_object_that_changed_is_noticed(s3):
    """Halves of two objects would be glued together."""
    s3.put_object(Bucket="results", Key="k", Body=b"0123456789")
    first, _ = read(opener(s3, "k"))
    s3.put_object(Bucket="results", Key="k", Body=b"abcdefghij")
    with pytest.raises(Interrupted) as event:
        read(opener(s3, "k"), 4, first.validator)
    assert event.value.kind == "changed"


def test_the_published_version_is_read(s3):
    """A later run that overwrote the key would hand over its own result."""
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="versions", Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket="versions", Key="k", Body=b"new")
    assert read(objects.S3Opener(s3, SourceSpec("versions", "k", version_id=version)))[1] == b"old"


@pytest.mark.parametrize(("bucket", "code"), [("results", "NoSuchKey"), ("nope", "NoSuchBucket")])
def test_what_is_gone_is_said_so(s3, bucket, code):
    """boto's own error would reach the user, or be repeated."""
    with pytest.raises(ResultError, match=f"s3://{bucket}/k is gone .{code}"):
        read(objects.S3Opener(s3, SourceSpec(bucket, "k")))


def test_an_unreachable_s3_is_a_passing_fault():
    """A blip would fail the task."""
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    client = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="a",
        aws_secret_access_key="s",
        region_name="us-east-1",
        config=config,
    )
    with pytest.raises(Interrupted, match="EndpointConnectionError"):
        read(opener(client, "k"))
    with pytest.raises(ResultError, match="s3://results/k could not be used"):
        objects.exists(client, "results", "k")


def test_missing_credentials_name_the_connection(monkeypatch, tmp_path):
    """`Unable to locate credentials` says nothing about Airflow's connection."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    client = boto3.session.Session().client("s3", endpoint_url="http://127.0.0.1:9", region_name="us-east-1")
    with pytest.raises(ResultError, match="aws_conn_id"):
        read(opener(client, "k"))


def test_a_folder_is_listed_over_all_its_pages(s3):
    """A plain result of more than a page would lose the rest; folder marks would become files."""
    for name in ("p/", "p/stdout", "p/outputs/", "p/outputs/a", "other"):
        s3.put_object(Bucket="results", Key=name, Body=b"x")
    assert list(objects.list_folder(s3, SourceSpec("results", "p/"))) == [("outputs/a", 1), ("stdout", 1)]


def test_writing_to_a_bucket_that_is_not_there(s3, tmp_path):
    """The user would read boto's wrapped error."""
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(ResultError, match=r"s3://nope/k could not be written: S3 answered NoSuchBucket"):
        objects.upload(s3, tmp_path / "x", "nope", "k")


def test_existence_is_of_the_whole_key(s3):
    """A longer key would count as the file in the way."""
    s3.put_object(Bucket="results", Key="a/bc", Body=b"")
    assert not objects.exists(s3, "results", "a/b")
    assert objects.exists(s3, "results", "a/bc")


def test_without_amazon_the_extra_is_named():
    """`None is not callable` would be the answer to an unsigned result."""
    with pytest.raises(ResultError, match=r"airflow-provider-bacalhau\[amazon\]"):
        objects.client_for(SourceSpec("b", "k"), None)


def test_an_endpoint_that_a_node_chose_must_be_allowed(s3, s3_url):
    """A node could have our signed requests sent to itself."""
    hosts = allowed_hosts("https://bacalhau.acme.io")
    source = SourceSpec("b", "k", endpoint="http://evil.example:9000")
    client = boto3.client(
        "s3", endpoint_url=source.endpoint, aws_access_key_id="a", aws_secret_access_key="b", region_name="x"
    )
    with pytest.raises(HostRefused):
        objects.client_for(source, lambda place: client, allowed=hosts)
    assert objects.client_for(source, lambda place: s3, allowed=hosts) is s3, (
        "the connection's own endpoint is the user's choice"
    )
    local = SourceSpec("b", "k", endpoint=s3_url)
    assert objects.client_for(local, lambda place: s3, allowed=allowed_hosts("http://localhost:1234")) is s3
