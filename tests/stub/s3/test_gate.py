"""Clients of the embedded S3 see AWS: what works there works here, and what is refused there is refused here."""

from __future__ import annotations

import hashlib
import io
import socket
import xml.etree.ElementTree as ET

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

MEGABYTE = 2**20


def error(body):
    """Code and members of a refusal."""
    return {each.tag: each.text for each in ET.fromstring(body)}


def failure(call, **parameters):
    """Status and code of what a client is told."""
    with pytest.raises(ClientError) as failed:
        call(**parameters)
    response = failed.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize("config", [{}, {"signature_version": "s3v4"}, {"signature_version": "s3"}], ids=["default", "v4", "v2"])
def test_boto_does_its_daily_work(door, config):
    """A DAG's tasks could not read and write their data."""
    client, bucket = door.client(**config), f"daily-{config.get('signature_version', 'default')}"
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="a b/ü+1.txt", Body=b"hello", Metadata={"my_key": "x"}, ContentType="text/plain")
    got = client.get_object(Bucket=bucket, Key="a b/ü+1.txt")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"hello", {"my_key": "x"}, "text/plain")
    assert client.head_object(Bucket=bucket, Key="a b/ü+1.txt")["ContentLength"] == 5
    client.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/ü+1.txt"})
    upload = client.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    place = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    etags = [client.upload_part(**place, PartNumber=n, Body=bytes(5 * MEGABYTE))["ETag"] for n in (1, 2)]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert [(each["Key"], each["Size"]) for each in listed] == [("a b/ü+1.txt", 5), ("copy", 5), ("parts", 10 * MEGABYTE)]
    deleted = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": each["Key"]} for each in listed]})
    assert len(deleted["Deleted"]) == 3
    client.delete_bucket(Bucket=bucket)
    assert failure(client.head_bucket, Bucket=bucket) == (404, "404")


def test_bucket_names_in_the_host(door, monkeypatch):
    """Clients with virtual-host addressing would find no bucket."""
    known = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: known("127.0.0.1" if str(host).endswith("localhost") else host, *rest, **more))
    client = door.client(host="localhost", s3={"addressing_style": "virtual"})
    client.put_object(Bucket="virtual-bucket", Key="a/ü b", Body=b"x")
    assert client.meta.endpoint_url.startswith("http://localhost")
    assert [each["Key"] for each in client.list_objects_v2(Bucket="virtual-bucket")["Contents"]] == ["a/ü b"]
    assert door.client().get_object(Bucket="virtual-bucket", Key="a/ü b")["Body"].read() == b"x"


@pytest.mark.parametrize("version", ["s3v4", "s3"])
@pytest.mark.parametrize("key", ["k", "a b/ü+&=?#.txt", "(x)!*'~//y"])
def test_presigned_urls_work_with_httpx(door, version, key):
    """Whoever gets a URL could not use it."""
    place = {"Bucket": f"presigned-{version}", "Key": key}
    put = httpx.put(door.url("put_object", version=version, **place), content=key.encode(), trust_env=False)
    got = httpx.get(door.url(version=version, **place), trust_env=False)
    assert (put.status_code, got.status_code, got.content) == (200, 200, key.encode())
    assert httpx.head(door.url("head_object", version=version, **place), trust_env=False).headers["etag"] == put.headers["etag"]


def test_a_url_may_carry_headers(door):
    """Metadata, and the checksum that releases from 1.8 on ask for in their URLs, would be lost."""
    put = door.url("put_object", Bucket="url-headers", Key="k", Metadata={"a": "b"}, ChecksumSHA256="LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")
    headers = {"x-amz-meta-a": "b", "x-amz-checksum-sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}
    assert door.ask(put, "PUT", b"hello", headers)[0] == 200
    status, found, body = door.ask(door.url(Bucket="url-headers", Key="k", ChecksumMode="ENABLED"), headers={"x-amz-checksum-mode": "ENABLED"})
    assert (status, found["x-amz-meta-a"], found["x-amz-checksum-sha256"], body) == (200, "b", headers["x-amz-checksum-sha256"], b"hello")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_urls_expire_on_the_stubs_clock(door, version):
    """A DAG that does not renew its URLs would pass here and fail on AWS."""
    door.client().put_object(Bucket="expiring", Key="k", Body=b"x")
    url = door.url(version=version, Bucket="expiring", Key="k", expires=900)
    door.offset[0] = 890
    assert door.ask(url)[0] == 200
    door.offset[0] = 910
    status, headers, body = door.ask(url)
    found = error(body)
    assert (status, headers["content-type"], found["Code"], found["Message"]) == (403, "application/xml", "AccessDenied", "Request has expired")
    assert {"Expires", "ServerTime", "RequestId", "HostId"} <= set(found)
    assert found["RequestId"] == headers["x-amz-request-id"]
    door.offset[0] = -3600
    assert door.ask(url)[0] == (403 if version == "s3v4" else 200)


def test_requests_signed_in_headers_have_no_date_to_keep(door):
    """Tasks on the machine's time could not talk to a stub on a virtual clock."""
    door.offset[0] = -40 * 365 * 86400
    door.client().put_object(Bucket="old-clock", Key="k", Body=b"x")
    assert door.client().get_object(Bucket="old-clock", Key="k")["Body"].read() == b"x"


TAMPERED = {
    "path": (lambda url: url.replace("/tampered/k?", "/tampered/other?"), "GET", 403, "SignatureDoesNotMatch"),
    "method": (lambda url: url, "DELETE", 403, "SignatureDoesNotMatch"),
    "query": (lambda url: f"{url}&versionId=1", "GET", 403, "SignatureDoesNotMatch"),
    "query-less": (lambda url: url.replace("response-content-type=a&", ""), "GET", 403, "SignatureDoesNotMatch"),
    "signature": (lambda url: url.replace("X-Amz-Signature=", "X-Amz-Signature=0"), "GET", 403, "SignatureDoesNotMatch"),
    "expiry": (lambda url: url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"), "GET", 403, "SignatureDoesNotMatch"),
    "key": (lambda url: url.replace("Credential=stub%2F", "Credential=other%2F"), "GET", 403, "InvalidAccessKeyId"),
    "region": (lambda url: url.replace("us-east-1", "eu-west-1"), "GET", 403, "SignatureDoesNotMatch"),
    "service": (lambda url: url.replace("%2Fs3%2F", "%2Fec2%2F"), "GET", 400, "AuthorizationQueryParametersError"),
    "host": (lambda url: url.replace("127.0.0.1", "localhost"), "GET", 403, "SignatureDoesNotMatch"),
    "foreign-host": (lambda url: url.replace("127.0.0.1", "evil.example"), "GET", 403, "AccessDenied"),
    "half": (lambda url: url.partition("&X-Amz-Expires")[0], "GET", 400, "AuthorizationQueryParametersError"),
    "unsigned": (lambda url: url.partition("?")[0], "GET", 403, "AccessDenied"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_urls_are_refused_as_aws_does(door, name):
    """Whoever has one URL could read or delete other objects."""
    tamper, method, status, code = TAMPERED[name]
    client = door.client()
    client.put_object(Bucket="tampered", Key="k", Body=b"x")
    client.put_object(Bucket="tampered", Key="other", Body=b"x")
    url = door.url(Bucket="tampered", Key="k", ResponseContentType="a")
    assert door.ask(url)[0] == 200
    answer = door.ask(tamper(url), method)
    assert (answer[0], error(answer[2])["Code"]) == (status, code)
    assert len(client.list_objects_v2(Bucket="tampered")["Contents"]) == 2


def test_a_url_for_reading_cannot_write(door):
    """Results could be replaced by whoever may read them."""
    door.client().put_object(Bucket="read-only", Key="k", Body=b"x")
    status, _, body = door.ask(door.url(Bucket="read-only", Key="k"), "PUT", b"y" * 300_000)
    assert (status, error(body)["Code"]) == (403, "SignatureDoesNotMatch")
    assert door.client().get_object(Bucket="read-only", Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize(
    ("keys", "code"),
    [({"access": "AKIANOBODY"}, "InvalidAccessKeyId"), ({"secret": "wrong"}, "SignatureDoesNotMatch")],
)
@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_unknown_credentials_are_refused(door, version, keys, code):
    """A connection with the wrong keys would work here and fail on AWS."""
    client = door.client(signature_version=version, **keys)
    assert failure(client.list_buckets) == (403, code)
    assert failure(client.put_object, Bucket="b-unknown", Key="k", Body=b"x" * MEGABYTE) == (403, code)
    assert failure(door.client().head_bucket, Bucket="b-unknown") == (404, "404")


def test_browsers_may_ask_what_a_bucket_allows(door):
    """CORS rules that a DAG sets up could not be tried; without rules a page may nothing."""
    client = door.client()
    client.create_bucket(Bucket="cors")
    url, origin = f"{door.endpoint}/cors/k", {"Origin": "http://page.example", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in door.ask(url, "OPTIONS", headers=origin)[1]
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["http://page.example"]}
    client.put_bucket_cors(Bucket="cors", CORSConfiguration={"CORSRules": [rule]})
    assert door.ask(url, "OPTIONS", headers=origin)[1]["access-control-allow-origin"] == "http://page.example"


def test_buckets_appear_with_their_first_object_where_it_was_signed_for(door):
    """Every DAG would have to make its buckets first."""
    client = door.client(region="eu-west-1")
    client.put_object(Bucket="appears-1", Key="k", Body=b"x")
    assert client.get_bucket_location(Bucket="appears-1")["LocationConstraint"] == "eu-west-1"
    client.create_multipart_upload(Bucket="appears-2", Key="k")
    client.copy_object(Bucket="appears-3", Key="k", CopySource="appears-1/k")
    assert door.ask(door.url("put_object", Bucket="appears-4", Key="k"), "PUT", b"x")[0] == 200
    names = {each["Name"] for each in client.list_buckets()["Buckets"]}
    assert {"appears-1", "appears-2", "appears-3", "appears-4"} <= names
    client.delete_object(Bucket="appears-3", Key="k")
    client.delete_bucket(Bucket="appears-3")
    client.put_object(Bucket="appears-3", Key="k", Body=b"x")


def test_buckets_do_not_appear_by_looking_or_under_strict(door, strict_door):
    """A wrong name would go unnoticed, and --strict would not show what a real S3 refuses."""
    client = door.client()
    for call in (client.list_objects_v2, client.get_bucket_location):
        assert failure(call, Bucket="not-there") == (404, "NoSuchBucket")
    assert failure(client.get_object, Bucket="not-there", Key="k") == (404, "NoSuchBucket")
    strict = strict_door.client()
    assert failure(strict.put_object, Bucket="not-there", Key="k", Body=b"x") == (404, "NoSuchBucket")
    assert failure(strict.create_multipart_upload, Bucket="not-there", Key="k") == (404, "NoSuchBucket")
    strict.create_bucket(Bucket="made")
    strict.put_object(Bucket="made", Key="k", Body=b"x")


def chunked_put(door, data, checksum=None):
    """A body in chunks with a trailing checksum, as boto3 sends one over TLS."""
    wrapped = AwsChunkedWrapper(io.BytesIO(data), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=100_000)
    body = wrapped.read()
    if checksum is not None:
        body = body[: body.rindex(b":") + 1] + checksum + b"\r\n\r\n"
    headers = {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "X-Amz-Decoded-Content-Length": str(len(data)),
        "X-Amz-SDK-Checksum-Algorithm": "CRC32",
    }
    request = AWSRequest("PUT", f"{door.endpoint}/chunked/k", headers=headers)
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(Credentials("stub", "stub"), "s3", "us-east-1").add_auth(request)
    assert request.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    return door.ask(request.url, "PUT", iter([body[:70_001], body[70_001:]]), {**request.headers, "Transfer-Encoding": "chunked"})


def test_bodies_in_awss_chunks(door):
    """What current SDKs upload would be stored with its chunk marks, or damaged without notice."""
    data = bytes(range(256)) * 1000
    assert chunked_put(door, data)[0] == 200
    got = door.client().get_object(Bucket="chunked", Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == data
    assert got.get("ContentEncoding", "") == ""
    status, _, body = chunked_put(door, data[1:], checksum=b"AAAAAA==")
    assert (status, error(body)["Code"]) == (400, "BadDigest")
    assert door.client().head_object(Bucket="chunked", Key="k")["ContentLength"] == len(data)


@pytest.mark.parametrize("size", [1, 200_000])
def test_a_body_that_is_not_the_signed_one_is_not_stored(door, size):
    """What was changed on the way would be taken for the truth."""
    door.client().put_object(Bucket="changed", Key="k", Body=b"old")
    request = AWSRequest("PUT", f"{door.endpoint}/changed/k", data=b"a" * size)
    S3SigV4Auth(Credentials("stub", "stub"), "s3", "us-east-1").add_auth(request)
    sent = {**request.headers, "Content-Length": str(size)}
    status, _, body = door.ask(request.url, "PUT", b"a" * (size - 1) + b"b", sent)
    found = error(body)
    assert (status, found["Code"]) == (400, "XAmzContentSHA256Mismatch")
    assert found["ClientComputedContentSHA256"] == hashlib.sha256(b"a" * size).hexdigest()
    assert door.client().get_object(Bucket="changed", Key="k")["Body"].read() == b"old"
    assert door.ask(request.url, "PUT", b"a" * size, sent)[0] == 200


def test_a_stream_of_unknown_length_is_refused_as_aws_does(door):
    """A program that uploads a generator would work here and fail on AWS."""
    answer = httpx.put(door.url("put_object", Bucket="unknown-length", Key="k"), content=iter([b"a", b"b"]), trust_env=False)
    assert (answer.status_code, error(answer.content)["Code"]) == (501, "NotImplemented")
