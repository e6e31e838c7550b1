"""S3 inputs are real objects of a real S3 (golden 42)."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource, SpecConfig
from orchestrator_stub.inputs.base import Part
from orchestrator_stub.inputs.s3 import S3Source

OBJECTS = {"data": b"hello from s3\n", "many/a.txt": b"a\n", "many/b.txt": b"b\n", "many/deep/c.csv": b"c\n", "many/": b""}


@pytest.fixture(scope="session")
def source(shared_s3):
    """S3 inputs, with a bucket of objects."""
    access = shared_s3.access()
    client = access.client("", "")
    client.create_bucket(Bucket="inputs")
    for key, body in OBJECTS.items():
        client.put_object(Bucket="inputs", Key=key, Body=body)
    client.create_bucket(Bucket="versions")
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    source = S3Source(access)
    source.old_version = client.put_object(Bucket="versions", Key="v", Body=b"old")["VersionId"]
    client.put_object(Bucket="versions", Key="v", Body=b"new!")
    return source


def s3(key, **more):
    """An input."""
    return InputSource(SpecConfig("s3", {"Bucket": "inputs", "Key": key, **more}), "/in")


async def fetched(source, wish, folder, part=None):
    """Path below the target -> bytes."""
    (mount,) = await source.fetch(wish, folder, *([part] if part else []))
    assert mount.target == "/in"
    return {str(path.relative_to(mount.source)): path.read_bytes() for path in mount.source.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("key", "more", "files"),
    [
        ("data", {}, {"data": b"hello from s3\n"}),
        ("many/*", {}, {"a.txt": b"a\n", "b.txt": b"b\n", "deep/c.csv": b"c\n"}),
        ("many/", {}, {"a.txt": b"a\n", "b.txt": b"b\n", "deep/c.csv": b"c\n"}),
        ("many/b*", {}, {"b.txt": b"b\n"}),
        ("many/", {"Filter": r"\.txt$"}, {"a.txt": b"a\n", "b.txt": b"b\n"}),
        ("nothing/*", {}, {}),
    ],
)
async def test_objects_arrive_as_files(source, tmp_path, key, more, files):
    """Jobs would find other names or other bytes; one object is a folder with it in it too."""
    assert await fetched(source, s3(key, **more), tmp_path) == files
    assert await source.check(s3(key, **more)) == sum(map(len, files.values()))


async def test_a_version(source, tmp_path):
    """A job that names a version would get the newest."""
    wish = InputSource(SpecConfig("s3", {"Bucket": "versions", "Key": "v", "VersionID": source.old_version}), "/in")
    assert await fetched(source, wish, tmp_path) == {"v": b"old"}
    assert await source.check(wish) == 3


async def test_partitions(source, tmp_path):
    """Each execution gets its share, together all objects once."""
    wish = s3("many/", Partition={"Type": "object"})
    shares = []
    for index in range(3):
        (tmp_path / str(index)).mkdir()
        shares.append(await fetched(source, wish, tmp_path / str(index), Part(index, 3)))
    assert sorted(name for share in shares for name in share) == ["a.txt", "b.txt", "deep/c.csv"]


async def test_a_missing_object_is_told_at_the_bid(source):
    """Golden 42, in-missing."""
    with pytest.raises(StepError) as refused:
        await source.check(s3("nope"))
    assert refused.value.message == (
        "calculating resource usage of job: failed to fetch s3 input: operation error S3: HeadObject, "
        "https response error StatusCode: 404, RequestID: , HostID: , NotFound:"
    )
    assert refused.value.details == {"ErrorCode": "S3InputSource:NotFound", "Operation": "HeadObject", "Service": "S3"}


async def test_a_wrong_checksum_is_told_at_the_bid(source):
    """Golden 42, in-checksum."""
    with pytest.raises(StepError) as refused:
        await source.check(s3("data", ChecksumSHA256="bad"))
    assert refused.value.message == (
        "calculating resource usage of job: error getting job disk space requirements: "
        "checksum mismatch for s3://inputs/data, expected bad, got "
    )


async def test_the_loop_is_not_blocked(source):
    """One slow S3 would stop the whole orchestrator."""
    ticks = 0
    check = asyncio.create_task(source.check(s3("many/*")))
    while not check.done():
        ticks += 1
        await asyncio.sleep(0)
    assert ticks > 10
