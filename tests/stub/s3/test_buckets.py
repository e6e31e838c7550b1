"""Buckets appear with their first object, and are asked for once."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.buckets import Buckets
from orchestrator_stub.s3.errors import Refusal


class Counted:
    """A backend that counts; it keeps buckets like S3 and makes none in a region that it does not know."""

    def __init__(self):
        self.buckets, self.asked, self.generation = {}, [], 1

    async def ready(self):
        """How often it was started."""
        return self.generation

    async def ask(self, method, target, headers=(), body=b"", *, region="us-east-1"):
        """As the real one answers."""
        self.asked.append(method)
        if method == "HEAD":
            return 200 if target in self.buckets else 404
        if b"nowhere" in body or len(target) < 4:
            return 400
        self.buckets[target] = body
        return 200


@pytest.fixture
def backend():
    """One without buckets."""
    return Counted()


async def test_a_missing_bucket_is_made_once_in_the_region_that_was_signed_for(backend):
    """Every upload would cost two further requests, or the bucket would be elsewhere."""
    buckets = Buckets(backend)
    for _ in range(3):
        await buckets.open("bbb", "eu-west-1")
        await buckets.open("ccc", "us-east-1")
    assert backend.asked == ["HEAD", "PUT"] * 2
    assert b"<LocationConstraint>eu-west-1</LocationConstraint>" in backend.buckets["/bbb"]
    assert backend.buckets["/ccc"] == b""


async def test_a_bucket_that_was_deleted_appears_again(backend):
    """Its next object would be refused."""
    buckets = Buckets(backend)
    await buckets.open("bbb", "us-east-1")
    backend.buckets.clear()
    buckets.forget("bbb")
    await buckets.open("bbb", "us-east-1")
    assert "/bbb" in backend.buckets


async def test_after_a_crash_nothing_is_known(backend):
    """Uploads would be refused until the stub is restarted."""
    buckets = Buckets(backend)
    await buckets.open("bbb", "us-east-1")
    backend.buckets.clear()
    backend.generation = 2
    await buckets.open("bbb", "us-east-1")
    assert "/bbb" in backend.buckets


async def test_a_bucket_that_cannot_be_made_is_left_to_the_request(backend):
    """A client would see the stub's own trouble instead of AWS's NoSuchBucket."""
    buckets = Buckets(backend)
    await buckets.open("bbb", "nowhere")
    await buckets.open("bbb", "nowhere")
    assert backend.asked == ["HEAD", "PUT"] * 2


async def test_a_name_that_no_bucket_can_have_is_named(backend):
    """NoSuchBucket would send its reader to look for a bucket that can never be."""
    with pytest.raises(Refusal) as refused:
        await Buckets(backend).open("b", "us-east-1")
    assert (refused.value.status, refused.value.code, refused.value.members) == (400, "InvalidBucketName", (("BucketName", "b"),))
