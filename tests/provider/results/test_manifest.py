"""Published results of every type become uris, matched to their executions, without any credential."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.results import PublishedResult
from airflow_provider_bacalhau.results.manifest import (
    Item,
    Manifest,
    build_manifest,
    item_of,
    signed_url,
    without_query,
)

E0, E1 = "e-40a9474b-8e3b-46d2-a2e3-fb1adb98271f", "e-28921db7-1d52-4cd3-9586-b6b7a7115657"
SPEC = {
    "Bucket": "results",
    "ChecksumSHA256": "abc=",
    "Endpoint": "http://127.0.0.1:5555",
    "Filter": "",
    "Key": "k1.tar.gz",
    "Partition": {"DateFormat": "", "EndIndex": 0, "Pattern": "", "StartIndex": 0, "Type": ""},
    "Region": "us-east-1",
    "VersionID": "v7",
}
SIGNED = "http://127.0.0.1:5555/results/k1.tar.gz?X-Amz-Credential=AKIA&X-Amz-Signature=0000"


def result(kind, **params):
    return PublishedResult(type=kind, params=params)


def execution(id, partition=0, published=None, created=0):
    return Execution(id=id, node_id=f"n-{partition}", partition=partition, published=published, create_time=created)


def test_a_signed_s3_result_keeps_its_place_and_drops_its_signature():
    """The pre-signed URL, a credential, would reach XCom."""
    manifest = build_manifest([result("s3PreSigned", Managed=False, PreSignedURL=SIGNED, SourceSpec=SPEC)])
    item = manifest.items[0]
    assert (item.uri, item.type, item.checksum) == ("s3://results/k1.tar.gz", "s3PreSigned", "abc=")
    assert (item.source.region, item.source.endpoint, item.source.version_id) == ("us-east-1", SPEC["Endpoint"], "v7")
    assert "X-Amz" not in json.dumps(manifest.to_plain())
    assert "X-Amz" not in repr(manifest)


@pytest.mark.parametrize(
    ("published", "uri"),
    [
        (result("s3", **SPEC | {"Key": "p/"}), "s3://results/p/"),
        (result("urlDownload", URL="http://u:p@10.0.0.7:6001/e.tar.gz?token=x#f"), "http://10.0.0.7:6001/e.tar.gz"),
        (result("ipfs", CID="bafy"), "ipfs://bafy"),
        (result("s3", bucket="b", key="k"), "s3://b/k"),
    ],
)
def test_each_type_has_its_uri(published, uri):
    """A downstream task would get something it cannot open, or a secret."""
    assert build_manifest([published]).uris() == [uri]


def test_nothing_published_is_no_item():
    """A job without publisher would show an empty result."""
    assert build_manifest([result(""), result("noop")]).items == ()


@pytest.mark.parametrize(
    ("published", "word"),
    [
        (result("gcs", Bucket="b"), "gcs"),
        (result("ipfs"), "CID"),
        (result("urlDownload", URL="file:///x"), "URL"),
        (result("s3"), "bucket"),
    ],
)
def test_what_cannot_be_named_says_why(published, word):
    """An unknown or garbled result would vanish silently, or break the whole manifest."""
    manifest = build_manifest([published])
    assert word in manifest.items[0].note
    assert manifest.uris() == []


def test_results_find_their_execution_by_its_id_in_the_url():
    """Partition order of the uris would be that of the server's list."""
    urls = [result("urlDownload", URL=f"http://h:6001/{e}.tar.gz") for e in (E1, E0)]
    manifest = build_manifest(urls, [execution(E0, 0), execution(E1, 1)])
    assert [(item.execution_id, item.partition, item.node_id) for item in manifest.items] == [
        (E0, 0, "n-0"),
        (E1, 1, "n-1"),
    ]
    assert manifest.uris() == [f"http://h:6001/{E0}.tar.gz", f"http://h:6001/{E1}.tar.gz"]


@pytest.mark.parametrize("name", ["e-10", "late-1"])
def test_an_id_that_is_part_of_another_word_is_not_found_in_it(name):
    """e-1 would be credited with the result of e-10."""
    manifest = build_manifest(
        [result("urlDownload", URL=f"http://h/{name}.tar.gz")], [execution("e-1"), execution(name, 1)]
    )
    assert manifest.items[0].execution_id == name


def test_a_signed_result_is_the_one_that_the_execution_stored_unsigned():
    """A fixed key, which names no execution, would stay without one."""
    other = result("s3", **SPEC | {"Key": "k2.tar.gz"})
    manifest = build_manifest(
        [result("s3PreSigned", PreSignedURL=SIGNED, SourceSpec=SPEC)],
        [execution("e-a", 0, other), execution("e-b", 1, result("s3", **SPEC))],
    )
    assert (manifest.items[0].execution_id, manifest.items[0].partition) == ("e-b", 1)


def test_equal_content_of_two_executions_stays_two_items():
    """Two executions with the same output have the same CID; a mapped task would run once instead of twice."""
    same = result("ipfs", CID="bafy")
    manifest = build_manifest([same, same], [execution("e-a", 0, same), execution("e-b", 1, same)])
    assert [item.execution_id for item in manifest.items] == ["e-a", "e-b"]
    assert manifest.uris() == ["ipfs://bafy", "ipfs://bafy"]


def test_order_decides_only_when_the_numbers_agree():
    """A result would be credited to an execution that did not publish it."""
    unlike = result("s3", Bucket="elsewhere", Key="x")
    one = [result("s3", **SPEC)]
    assert build_manifest(one, [execution("e-a", 0, unlike)]).items[0].execution_id == "e-a"
    assert build_manifest(one, [execution("e-a", 0, unlike), execution("e-b", 1, unlike)]).items[0].execution_id == ""


def test_items_without_an_execution_come_last():
    """The first uri would not be that of partition 0."""
    manifest = build_manifest(
        [result("s3", **SPEC), result("urlDownload", URL=f"http://h/{E0}.tar.gz")], [execution(E0, 3)]
    )
    assert [item.partition for item in manifest.items] == [3, None]


def test_a_managed_result_is_signed_by_the_orchestrator_and_found_by_its_key():
    """Results of s3managed (1.8+) would have no execution."""
    spec = SPEC | {"Key": f"prefix/j-1/{E1}.tar.gz"}
    manifest = build_manifest(
        [result("s3PreSigned", Managed=True, PreSignedURL=SIGNED, SourceSpec=spec)], [execution(E1, 1)]
    )
    assert manifest.items[0].execution_id == E1
    assert item_of(result("s3managed", JobID="j-1", ExecutionID=E1)).execution_id == E1


def test_plain_values_come_back_as_they_were():
    """A trigger could not hand its manifest on."""
    manifest = build_manifest([result("s3", **SPEC), result("ipfs", CID="c")], [execution("e-a", 0)])
    assert Manifest.from_plain(json.loads(json.dumps(manifest.to_plain()))) == manifest


def test_the_signed_url_is_had_from_the_result_alone():
    """Nothing could be downloaded, the manifest having none."""
    assert signed_url(result("s3PreSigned", PreSignedURL=SIGNED, SourceSpec=SPEC)) == SIGNED
    assert signed_url(result("s3", **SPEC)) == ""


def test_broken_urls_have_no_uri():
    """A malformed URL from a node would end the task with a ValueError."""
    assert without_query("http://[broken/x") == ""
    assert Item("", "gcs").label == "result of type gcs"
