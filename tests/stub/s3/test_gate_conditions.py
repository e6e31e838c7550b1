"""Ranges and conditions of the embedded S3 work as on AWS."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

BODY = bytes(range(200))
PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(door):
    """A client of the S3 with an object `conditions/k`."""
    client = door.client()
    client.put_object(Bucket="conditions", Key="k", Body=BODY)
    return client


@pytest.fixture
def etag(client):
    """Of the object."""
    return client.head_object(Bucket="conditions", Key="k")["ETag"]


def outcome(call, **parameters):
    """Status and, of a refusal, its code."""
    try:
        return call(**{"Bucket": "conditions", "Key": "k", **parameters})["ResponseMetadata"]["HTTPStatusCode"], ""
    except ClientError as failed:
        return failed.response["ResponseMetadata"]["HTTPStatusCode"], failed.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("value", "status", "expected", "content_range"),
    [
        ("bytes=0-9", 206, BODY[:10], "bytes 0-9/200"),
        ("bytes=190-", 206, BODY[190:], "bytes 190-199/200"),
        ("bytes=190-500", 206, BODY[190:], "bytes 190-199/200"),
        ("bytes=-5", 206, BODY[-5:], "bytes 195-199/200"),
        ("bytes=-500", 206, BODY, "bytes 0-199/200"),
        ("bytes=0-1,5-6", 200, BODY, None),
        ("items=0-1", 200, BODY, None),
        ("nonsense", 200, BODY, None),
    ],
)
def test_ranges(door, client, value, status, expected, content_range):
    """Downloads could not be resumed, or would be resumed wrongly."""
    url = door.url(Bucket="conditions", Key="k")
    found, headers, body = door.ask(url, headers={"Range": value})
    assert (found, body, headers["content-range"], headers["accept-ranges"]) == (status, expected, content_range, "bytes")
    assert headers["content-length"] == str(len(expected))
    head = door.ask(door.url("head_object", Bucket="conditions", Key="k"), "HEAD", headers={"Range": value})
    assert (head[0], head[1]["content-length"], head[2]) == (status, str(len(expected)), b"")


def test_a_range_behind_the_end(door, client):
    """A client that resumes a complete download would be given it again."""
    assert outcome(client.get_object, Range="bytes=200-") == (416, "InvalidRange")
    body = door.ask(door.url(Bucket="conditions", Key="k"), headers={"Range": "bytes=200-"})[2]
    assert b"<ActualObjectSize>200</ActualObjectSize>" in body


def test_reads_with_conditions(client, etag):
    """A download that is resumed could join two versions of an object; caches would read everything again."""
    bare = etag.strip('"')
    for call, missed in ((client.get_object, "PreconditionFailed"), (client.head_object, "412")):
        assert outcome(call, IfMatch=etag) == outcome(call, IfMatch=bare) == outcome(call, IfMatch="*") == (200, "")
        assert outcome(call, IfMatch='"other"') == (412, missed)
        assert outcome(call, IfNoneMatch=etag) == outcome(call, IfNoneMatch=bare) == (304, "304")
        assert outcome(call, IfNoneMatch='"other"') == (200, "")
        assert outcome(call, IfModifiedSince=FUTURE) == (304, "304")
        assert outcome(call, IfUnmodifiedSince=PAST) == (412, missed)
        assert outcome(call, IfMatch=etag, IfUnmodifiedSince=PAST) == (200, "")
        assert outcome(call, IfNoneMatch='"other"', IfModifiedSince=FUTURE) == (200, "")
    assert outcome(client.get_object, IfMatch=etag, Range="bytes=5-") == (206, "")


def test_a_304_names_the_object_and_keeps_the_connection(door, etag):
    """A cache could not tell which version it has; the next answer would be read from the wrong place."""
    status, headers, body = door.ask(door.url(Bucket="conditions", Key="k"), headers={"If-None-Match": etag})
    assert (status, headers["etag"], body) == (304, etag, b"")


def test_writes_with_conditions(client, etag):
    """Two tasks would overwrite each other's results."""
    assert outcome(client.put_object, Body=b"x", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert outcome(client.put_object, Key="new", Body=b"x", IfNoneMatch="*") == (200, "")
    assert outcome(client.put_object, Key="new", Body=b"x", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert outcome(client.put_object, Body=b"x", IfMatch='"other"') == (412, "PreconditionFailed")
    assert outcome(client.put_object, Key="none", Body=b"x", IfMatch=etag) == (404, "NoSuchKey")
    assert outcome(client.put_object, Body=BODY, IfMatch=etag) == (200, "")
    assert outcome(client.put_object, Body=b"x", IfNoneMatch=etag) == (501, "NotImplemented")
    assert outcome(client.delete_object, Key="new", IfMatch='"other"') == (412, "PreconditionFailed")
    client.delete_object(Bucket="conditions", Key="new")


def test_copies_with_conditions(client, etag):
    """A copy would be made of another version than was looked at."""
    source = {"Key": "copy", "CopySource": "conditions/k"}
    assert outcome(client.copy_object, **source, CopySourceIfMatch=etag) == (200, "")
    assert outcome(client.copy_object, **source, CopySourceIfMatch='"other"') == (412, "PreconditionFailed")
    assert outcome(client.copy_object, **source, CopySourceIfNoneMatch=etag) == (412, "PreconditionFailed")
    assert outcome(client.copy_object, **source, CopySourceIfModifiedSince=FUTURE) == (412, "PreconditionFailed")
    assert outcome(client.copy_object, **source, CopySourceIfUnmodifiedSince=PAST) == (412, "PreconditionFailed")
    assert outcome(client.copy_object, Key="copy", CopySource="conditions/none", CopySourceIfMatch=etag) == (404, "NoSuchKey")


def test_uploads_in_parts_with_conditions(client, etag):
    """A large result would overwrite one that another task finished meanwhile."""

    def complete(key, **condition):
        upload = client.create_multipart_upload(Bucket="conditions", Key=key)["UploadId"]
        place = {"Bucket": "conditions", "Key": key, "UploadId": upload}
        part = client.upload_part(**place, PartNumber=1, Body=b"x")["ETag"]
        return outcome(client.complete_multipart_upload, **place, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}, **condition)

    assert complete("k", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert complete("k", IfMatch='"other"') == (412, "PreconditionFailed")
    assert complete("none", IfMatch=etag) == (404, "NoSuchKey")
    assert complete("k", IfMatch=etag) == (200, "")
