"""Signatures are AWS's: the worked examples of its documentation, and what its library signs."""

from __future__ import annotations

import time
import urllib.parse

import pytest

from orchestrator_stub.s3.authorization import header_claim
from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.presigned import presigned_claim
from orchestrator_stub.s3.request import read_request
from orchestrator_stub.s3.signature import Verifier
from orchestrator_stub.s3.signing import Keys
from orchestrator_stub.s3.version2 import presigned_claim_2

EXAMPLE = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MAY_2013 = 1369353600 * 10**9
HOSTS = ("s3.amazonaws.com",)


def request(method, target, **headers):
    """A request to the bucket of the examples."""
    sent = {"Host": "examplebucket.s3.amazonaws.com", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return read_request(method, target, [(name.encode(), value.encode()) for name, value in sent.items()], HOSTS)


def signed_in_header(method, target, signed, signature, payload=EMPTY, **headers):
    """An example with an Authorization header."""
    scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    value = f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={signed},Signature={signature}"
    stamp = {"x-amz-date": "20130524T000000Z", "x-amz-content-sha256": payload}
    return request(method, target, Authorization=value, **{**headers, **stamp})


@pytest.mark.parametrize(
    "example",
    [
        signed_in_header(
            "GET", "/test.txt", "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", Range="bytes=0-9",
        ),
        signed_in_header(
            "PUT", "/test%24file.text", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            payload="44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            Date="Fri, 24 May 2013 00:00:00 GMT", x_amz_storage_class="REDUCED_REDUNDANCY",
        ),
        signed_in_header(
            "GET", "/?lifecycle", "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        signed_in_header(
            "GET", "/?max-keys=2&prefix=J", "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        signed_in_header(  # the same key, spelled otherwise
            "PUT", "/test$file.text", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            payload="44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            Date="Fri, 24 May 2013 00:00:00 GMT", x_amz_storage_class="REDUCED_REDUNDANCY",
        ),
    ],
    ids=["get", "put", "lifecycle", "list", "spelled-otherwise"],
)
async def test_awss_examples_of_signed_headers(example):
    """Clients with the right key would be refused."""
    signer = await Verifier(EXAMPLE).check(example, header_claim(example))
    assert (signer.region, signer.payload) == ("us-east-1", example.header("x-amz-content-sha256"))


async def test_awss_example_of_a_presigned_url():
    """Downloads with the right URL would be refused."""
    url = request(
        "GET",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    )
    assert (await Verifier(EXAMPLE).check(url, presigned_claim(url, MAY_2013))).payload == "UNSIGNED-PAYLOAD"


async def test_awss_example_of_a_url_of_version_2():
    """URLs that boto3 makes by default would be refused."""
    headers = [(b"Host", b"johnsmith.s3.amazonaws.com")]
    target = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
    url = read_request("GET", target, headers, HOSTS)
    assert (await Verifier(EXAMPLE).check(url, presigned_claim_2(url, 0))).region == "us-east-1"


async def refusal(target, keys=EXAMPLE, **headers):
    """How a header-signed GET is refused."""
    scope = headers.pop("scope", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request")
    value = f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature={'0' * 64}"
    asked = request("GET", target, Authorization=value, x_amz_date="20130524T000000Z", x_amz_content_sha256=EMPTY, **headers)
    with pytest.raises(Refusal) as refused:
        await Verifier(keys).check(asked, header_claim(asked))
    return refused.value


async def test_a_wrong_signature_is_explained_as_aws_does():
    """Nobody could see what the server understood instead."""
    refused = await refusal("/k?prefix=a+b&x")
    canonical = (
        "GET\n/k\nprefix=a%20b&x=\nhost:examplebucket.s3.amazonaws.com\n"
        f"x-amz-content-sha256:{EMPTY}\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-date\n{EMPTY}"
    )
    members = dict(refused.members)
    assert (refused.status, refused.code) == (403, "SignatureDoesNotMatch")
    assert list(members) == [
        "AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes", "CanonicalRequest", "CanonicalRequestBytes",
    ]
    assert members["CanonicalRequest"] == canonical
    assert members["StringToSign"].startswith("AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n")
    assert bytes.fromhex(members["CanonicalRequestBytes"]).decode() == canonical


async def test_an_unknown_key_and_an_unknown_session():
    """Whoever forgot the stub's keys would be told that the signature is wrong."""
    refused = await refusal("/", scope="NOBODY/20130524/us-east-1/s3/aws4_request")
    assert (refused.status, refused.code, refused.members) == (403, "InvalidAccessKeyId", (("AWSAccessKeyId", "NOBODY"),))
    refused = await refusal("/", keys=Keys(EXAMPLE.access, EXAMPLE.secret, "TOKEN"))
    assert (refused.status, refused.code) == (400, "InvalidToken")


@pytest.mark.parametrize("key", ["a b", "plus+", "per%cent", "ü/😀", "(x)!*'", "~t", "a//b", "q?&=#"])
@pytest.mark.parametrize("version", ["s3v4", "s3"])
async def test_awss_library_and_the_verifier_agree(door, version, key):
    """Objects with unusual names could not be read."""
    parts = urllib.parse.urlsplit(door.url(version=version, Bucket="bucket", Key=key, VersionId="v+1 =", ResponseContentType="a/b"))
    url = read_request("GET", f"{parts.path}?{parts.query}", [(b"Host", parts.netloc.encode())], ())
    claim = presigned_claim(url, time.time_ns()) if version == "s3v4" else presigned_claim_2(url, time.time_ns())
    assert await Verifier(Keys("stub", "stub")).check(url, claim)
