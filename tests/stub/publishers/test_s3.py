"""Results really arrive in a real S3, and are described as recorded (golden 42)."""

from __future__ import annotations

import asyncio
import io
import re
import tarfile
import time
import urllib.request

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.publishers.s3 import S3Publisher
from orchestrator_stub.s3.client import S3Settings
from orchestrator_stub.s3.proxy import S3Service

PARTITION = {"DateFormat": "", "EndIndex": 0, "Pattern": "", "StartIndex": 0, "Type": ""}


@pytest.fixture
def publisher(shared_s3, tmp_path):
    """The publisher of the newest release."""
    return S3Publisher(shared_s3.access(), RELEASES["1.9.3"], tmp_path)


@pytest.fixture
def client(shared_s3):
    """A client of the S3."""
    return shared_s3.access().client("", "")


def to(bucket, key, **more):
    """An s3 publisher."""
    return SpecConfig("s3", {"Bucket": bucket, "Key": key, **more})


async def test_an_archive_in_a_bucket_that_did_not_exist(publisher, client, make_output):
    """The bucket appears on first use; the archive is whole."""
    output = make_output(publisher=to("first-use", "t/{jobID}/{executionID}/{date}"), folders={"outputs": {"f": b"x"}})
    published = await publisher.publish(output)
    assert published.type == "s3"
    assert published.params["Key"] == "t/j-1/e-1/20261123.tar.gz"
    body = client.get_object(Bucket="first-use", Key=published.params["Key"])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getnames() == [".", "exitCode", "outputs", "outputs/f", "stderr", "stdout"]


async def test_plain_files_below_the_key(publisher, client, make_output):
    """Files one by one, from 1.6 on; the key gets a slash."""
    output = make_output(publisher=to("plain-files", "p", Encoding="plain"), folders={"outputs": {"a/f": b"x"}}, exit_code=3)
    published = await publisher.publish(output)
    assert published.params == {
        "Bucket": "plain-files",
        "ChecksumSHA256": "",
        "Endpoint": "",
        "Filter": "",
        "Key": "p/",
        "Partition": PARTITION,
        "Region": "",
        "VersionID": "",
    }
    keys = [each["Key"] for each in client.list_objects_v2(Bucket="plain-files")["Contents"]]
    assert keys == ["p/exitCode", "p/outputs/a/f", "p/stderr", "p/stdout"]
    assert client.get_object(Bucket="plain-files", Key="p/exitCode")["Body"].read() == b"3"
    assert publisher.result(published, output.now) == published


@pytest.mark.parametrize(
    ("release", "keys"),
    [
        ("1.5.2", ["PreSignedURL", "SourceSpec"]),
        ("1.7.0", ["PreSignedURL", "SourceSpec"]),
        ("1.9.3", ["Managed", "PreSignedURL", "SourceSpec"]),
    ],
)
async def test_results_are_signed_for_a_quarter_of_an_hour(shared_s3, tmp_path, make_output, release, keys):
    """Golden 42, results-plain-key: anybody can download with the URL alone."""
    publisher = S3Publisher(shared_s3.access(), RELEASES[release], tmp_path)
    explicit = {"Endpoint": shared_s3.endpoint, "Region": "us-east-1"}
    published = await publisher.publish(make_output(publisher=to("signed-results", "k", **explicit)))
    assert ("Partition" in published.params) == (release != "1.5.2")
    assert published.params["ChecksumSHA256"] == ""
    result = publisher.result(published, make_output(number=2).now)
    assert (result.type, list(result.params), result.params["SourceSpec"]) == ("s3PreSigned", keys, published.params)
    url = result.params["PreSignedURL"]
    assert url.startswith(f"{shared_s3.endpoint}/signed-results/k.tar.gz?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert "X-Amz-Date=20261123T232522Z&X-Amz-Expires=900&" in url
    assert ("X-Amz-Checksum-Mode=ENABLED" in url) == (release == "1.9.3")

    def read():
        today = publisher.result(published, time.time_ns()).params["PreSignedURL"]
        with urllib.request.urlopen(today) as answer:
            return answer.read()

    assert (await asyncio.to_thread(read))[:2] == b"\x1f\x8b"


async def test_old_releases_ignore_the_encoding(shared_s3, tmp_path, make_output):
    """1.5.2 archives and publishes what later releases refuse (golden 42, get-bad-encoding)."""
    output = make_output(publisher=to("old-release", "k", Encoding="zip"))
    published = await S3Publisher(shared_s3.access(), RELEASES["1.5.2"], tmp_path).publish(output)
    assert published.params["Key"] == "k.tar.gz"
    with pytest.raises(StepError) as refused:
        await S3Publisher(shared_s3.access(), RELEASES["1.6.5"], tmp_path).publish(output)
    assert refused.value.message == "invalid s3 params. encoding must be either 'plain' or 'gzip'"


async def test_under_strict_a_missing_bucket_fails_as_recorded(tmp_path, make_output):
    """Golden 42, history-no-bucket-exists."""
    strict = S3Service(S3Settings(strict=True), port=0)
    await strict.start()
    output = make_output(publisher=to("does-not-exist", "x"))
    with pytest.raises(StepError) as failure:
        await S3Publisher(strict.access(), RELEASES["1.9.3"], tmp_path).publish(output)
    await strict.close()
    assert re.fullmatch(
        r"failed to publish s3 result: operation error S3: PutObject, https response error StatusCode: 404, "
        r"RequestID: \w+, api error NoSuchBucket: The specified bucket does not exist",
        failure.value.message,
    )


async def test_an_endpoint_elsewhere_is_refused(publisher, make_output):
    """Results of a job would be sent to any machine that it names."""
    output = make_output(publisher=to("bucket", "k", Endpoint="http://10.0.0.1:9000"))
    with pytest.raises(StepError, match="is not on this machine"):
        await publisher.publish(output)


async def test_aws_would_give_a_checksum(publisher, make_output):
    """Without an endpoint the S3 plays AWS, whose uploads carry SHA-256."""
    published = await publisher.publish(make_output(publisher=to("checksums", "k")))
    assert len(published.params["ChecksumSHA256"]) == 44


async def test_nothing_stays_behind(publisher, make_output, tmp_path):
    """Every job would leave a copy of its archive."""
    await publisher.publish(make_output(publisher=to("tidy", "k")))
    assert [path.name for path in tmp_path.iterdir()] == ["run1"]
