"""Parameters of S3 sources and publishers, as servers read and print them (golden 42)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.s3.spec import (
    S3Location,
    S3Target,
    local_name,
    published_key,
    s3_location,
    s3_target,
)

NOW = int(datetime(2026, 11, 23, 23, 25, 22, tzinfo=UTC).timestamp()) * 10**9
IDS = {"executionID": "e-1", "jobID": "j-1", "nodeID": "n-1"}


def test_a_published_result_is_printed_as_recorded():
    """Clients would not find the keys they know; up to 1.5.2 there is no Partition."""
    location = S3Location("results", "k1.tar.gz", region="us-east-1", endpoint="http://127.0.0.1:5555")
    old = {
        "Bucket": "results",
        "ChecksumSHA256": "",
        "Endpoint": "http://127.0.0.1:5555",
        "Filter": "",
        "Key": "k1.tar.gz",
        "Region": "us-east-1",
        "VersionID": "",
    }
    partition = {"DateFormat": "", "EndIndex": 0, "Pattern": "", "StartIndex": 0, "Type": ""}
    assert location.params(with_partition=False) == old
    new = location.params(with_partition=True)
    assert new == old | {"Partition": partition}
    assert list(new) == sorted(new)
    assert s3_location(SpecConfig("s3", new)) == location


@pytest.mark.parametrize(
    ("key", "plain", "expected"),
    [
        ("k1", False, "k1.tar.gz"),
        ("k2.tar.gz", False, "k2.tar.gz"),
        ("p", True, "p/"),
        ("p/", True, "p/"),
        ("t/{jobID}/{executionID}/{nodeID}/{date}/{time}", False, "t/j-1/e-1/n-1/20261123/232522.tar.gz"),
    ],
)
def test_keys_of_publishers(key, plain, expected):
    """Results would be stored under another name than on a real server."""
    assert published_key(S3Target("b", key, plain=plain), IDS, NOW) == expected


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"Key": "k"}, "invalid s3 params. bucket cannot be empty"),
        ({"Bucket": "b"}, "invalid s3 params. key cannot be empty"),
        ({"Bucket": "b", "Key": "k", "Encoding": "zip"}, "invalid s3 params. encoding must be either 'plain' or 'gzip'"),
    ],
)
def test_bad_parameters_of_publishers(params, message):
    """Golden 42, get-bad-encoding."""
    with pytest.raises(StepError) as failure:
        s3_target(SpecConfig("s3", params), with_encoding=True)
    assert failure.value.message == message


def test_encoding_is_unknown_to_old_releases():
    """1.5.2 archives whatever the encoding says."""
    spec = SpecConfig("s3", {"bucket": "b", "key": "k", "Encoding": "zip"})
    assert s3_target(spec, with_encoding=False) == S3Target("b", "k")


@pytest.mark.parametrize(
    ("wished", "key", "name"),
    [
        ("data", "data", "data"),
        ("many/*", "many/a.txt", "a.txt"),
        ("many/", "many/deep/a.txt", "deep/a.txt"),
        ("a/b/pre*", "a/b/prefix/x", "prefix/x"),
        ("", "a/b", "a/b"),
    ],
)
def test_names_below_the_target(wished, key, name):
    """Jobs would look for their files in the wrong folder."""
    assert local_name(key, wished) == name


@pytest.mark.parametrize("key", ["../x", "a/../../x", "..", "/etc/x"])
def test_a_key_never_leads_out(key):
    """An object could overwrite files of the stub's machine."""
    with pytest.raises(StepError, match="no file path"):
        local_name(key, "")


def test_a_source_needs_a_bucket():
    """The error names what is missing and where it came from."""
    with pytest.raises(StepError) as failure:
        s3_location(SpecConfig("s3", {"Key": "k"}))
    assert failure.value.message.endswith("invalid s3 storage params: bucket cannot be empty")
    assert failure.value.details == {"ErrorCode": "S3InputSource:S3BadRequest"}
