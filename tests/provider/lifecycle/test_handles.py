"""Handles, and a job's results as the next job's inputs."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.lifecycle.handles import (
    HandleRef,
    Published,
    inputs_from_handle,
    is_handle,
    read_handle,
    read_handles,
)
from airflow_provider_bacalhau.models.results import PublishedResult

ID = "j-5b2f0c11-1111-4222-8333-444444444444"
HANDLE = {"job_id": ID, "namespace": "etl", "results": ["s3://b/k"]}


@pytest.mark.parametrize(
    ("value", "namespace"),
    [
        (HANDLE, "etl"),
        (ID, None),
        (f" {ID}\n", None),
        (ID[2:], None),
        ("j-5b2f0c11", None),
        (json.dumps(HANDLE), "etl"),
        (str(HANDLE), "etl"),
        (json.dumps(ID), None),
        ([HANDLE], "etl"),
    ],
)
def test_what_names_a_job(value, namespace):
    """XCom, templates and people write handles in all these ways."""
    assert read_handle(value).namespace == namespace
    assert read_handle(value).job_id in (ID, ID[2:], "j-5b2f0c11")


@pytest.mark.parametrize(
    "value", ["", "None", "hello", "{}", "{'job_id': None}", {"id": ID}, {"job_id": ""}, None, 7, b"j"]
)
def test_what_names_no_job_is_refused_with_the_way_out(value):
    """A rendered None would be asked for as a job of that name."""
    with pytest.raises(ConfigError, match=r"pass submit\.output, or submit\.output\['job_id'\]"):
        read_handle(value)


def test_lists_name_many():
    """A mapped task's output is a sequence of handles."""
    other = ID.replace("5b2f", "6b2f")
    assert read_handles([HANDLE, other]) == (HandleRef(ID, "etl"), HandleRef(other))
    assert read_handles(json.dumps([HANDLE, other])) == read_handles([HANDLE, other])
    assert read_handles(iter([ID])) == (HandleRef(ID),)
    with pytest.raises(ConfigError, match="names 2 jobs, one is wanted"):
        read_handle([HANDLE, other])


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (HANDLE, True),
        (ID, True),
        ([HANDLE, ID], True),
        (str(HANDLE), True),
        ("s3://b/k", False),
        ({"Type": "s3"}, False),
        ([], False),
        (["s3://b/k"], False),
        (None, False),
    ],
)
def test_a_handle_is_told_from_a_source(value, answer):
    """An input's uri taken for a job id is never found."""
    assert is_handle(value) is answer


def result(type="s3", **params):
    return PublishedResult(type=type, params=params)


def test_published_items_become_inputs_by_partition():
    """The next job finds each part under its number, in any order of /results."""
    items = [
        Published(result(Bucket="b", Key=f"k/{n}.tar.gz", Region="eu", Endpoint="", ChecksumSHA256="x"), n)
        for n in (1, 0)
    ]
    assert inputs_from_handle("/parts/", items) == [
        {
            "Source": {"Type": "s3", "Params": {"Bucket": "b", "Key": "k/1.tar.gz", "Region": "eu"}},
            "Target": "/parts/1",
        },
        {
            "Source": {"Type": "s3", "Params": {"Bucket": "b", "Key": "k/0.tar.gz", "Region": "eu"}},
            "Target": "/parts/0",
        },
    ]


@pytest.mark.parametrize("partitions", [(None, 0), (0, 0)])
def test_without_distinct_partitions_the_index_counts(partitions):
    """Two inputs with one target are refused by the server."""
    items = [Published(result("ipfs", CID=f"Qm{n}"), partition) for n, partition in enumerate(partitions)]
    assert [one["Target"] for one in inputs_from_handle("/parts", items)] == ["/parts/0", "/parts/1"]


def test_signed_results_become_plain_s3_and_lose_their_credential():
    """A pre-signed URL is a credential and expires before the next job runs."""
    signed = result(
        "s3PreSigned", SourceSpec={"Bucket": "b", "Key": "k.tar.gz", "VersionID": "v1"}, PreSignedURL="https://secret"
    )
    (made,) = inputs_from_handle("/in", [Published(signed, 0)])
    assert made["Source"] == {"Type": "s3", "Params": {"Bucket": "b", "Key": "k.tar.gz", "VersionID": "v1"}}
    assert "secret" not in str(made)


def test_a_plain_folder_is_read_whole():
    """Plain encoding publishes a prefix; older servers would ask for an object of that name."""
    (made,) = inputs_from_handle("/in", [Published(result(Bucket="b", Key="k/"), 0)])
    assert made["Source"]["Params"]["Key"] == "k/*"


def test_other_publishers():
    """Local and ipfs results are inputs too."""
    items = [Published(result("urlDownload", URL="http://n:6001/e.tar.gz"), 0), Published(result("ipfs", CID="Qm"), 1)]
    assert [one["Source"]["Type"] for one in inputs_from_handle("/in", items)] == ["urlDownload", "ipfs"]


def test_nothing_published_is_refused():
    """A job without its input would run on nothing."""
    with pytest.raises(ConfigError, match="published nothing"):
        inputs_from_handle("/in", [])
    with pytest.raises(ConfigError, match="odd"):
        inputs_from_handle("/in", [Published(result("odd"), 0)])
