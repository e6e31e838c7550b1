"""Pre-signed URLs are what AWS's own library makes, at the time of the stub's clock."""

from __future__ import annotations

import asyncio
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from unittest import mock

import pytest

from orchestrator_stub.s3.signing import Keys, presigned_get

NOW = int(datetime(2025, 1, 1, 12, 30, 15, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize("key", ["k.tar.gz", "a b/ü+&=?.tar.gz", "t/j-1/20250101/120000.tar.gz"])
def test_the_signature_is_the_librarys(key):
    """Downloads from real S3 servers would be refused."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    ours = presigned_get(f"http://127.0.0.1:4570/b/{key}", keys=Keys("AK", "SK", "TOKEN"), region="eu-west-1", now=NOW)
    parts = urllib.parse.urlsplit(ours)
    given = dict(urllib.parse.parse_qsl(parts.query))
    request = AWSRequest("GET", f"{parts.scheme}://{parts.netloc}{parts.path}?x-id=GetObject")
    with mock.patch("botocore.auth.get_current_datetime", return_value=datetime.fromtimestamp(NOW / 1e9, UTC).replace(tzinfo=None)):
        S3SigV4QueryAuth(Credentials("AK", "SK", "TOKEN"), "s3", "eu-west-1", expires=900).add_auth(request)
    theirs = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query))
    assert given == theirs


def test_the_query_is_in_the_recorded_order():
    """Golden 42, results-plain-key."""
    url = presigned_get("http://h:1/b/k", keys=Keys("stub", "s"), region="us-east-1", now=NOW, with_checksum_mode=True)
    names = [name for name, _ in urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)]
    assert names == [
        "X-Amz-Algorithm",
        "X-Amz-Checksum-Mode",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "x-id",
        "X-Amz-Signature",
    ]
    assert "X-Amz-Date=20250101T123015Z&X-Amz-Expires=900" in url


async def test_the_embedded_s3_serves_it(shared_s3):
    """The URL that /results gives would not work."""
    access = shared_s3.access()

    def use():
        client = access.client("", "")
        client.create_bucket(Bucket="signed")
        client.put_object(Bucket="signed", Key="a b.tar.gz", Body=b"bytes")
        url = access.object_url("signed", "a b.tar.gz", endpoint="", region="")
        signed = presigned_get(url, keys=access.keys(), region="us-east-1", now=time.time_ns())
        with urllib.request.urlopen(signed) as answer:
            return answer.read()

    assert await asyncio.to_thread(use) == b"bytes"


def test_secrets_are_not_shown():
    """A log line could carry an account's secret."""
    assert "SECRET" not in repr(Keys("id", "SECRET", "SECRET"))
