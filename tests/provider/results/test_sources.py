"""Which way an item is read."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import HostRefused, ResultError, Unreachable
from airflow_provider_bacalhau.models.results import PublishedResult
from airflow_provider_bacalhau.results.hosts import allowed_hosts
from airflow_provider_bacalhau.results.manifest import Item, item_of
from airflow_provider_bacalhau.results.objects import S3Opener
from airflow_provider_bacalhau.results.sources import Folder, Sources
from airflow_provider_bacalhau.results.urls import Http, HttpOpener

KEY = {"Bucket": "results", "Key": "j-1/e-1.tar.gz", "Region": "", "Endpoint": ""}


def signed(signature="1"):
    url = f"http://127.0.0.1:9/results/j-1/e-1.tar.gz?X-Amz-Signature={signature}"
    return PublishedResult(type="s3PreSigned", params={"PreSignedURL": url, "SourceSpec": KEY})


@pytest.fixture
def open_item():
    def run(item, renew=list, open_s3=None, gateway=""):
        notes = []
        sources = Sources(
            renew, allowed_hosts("http://127.0.0.1:1234"), open_s3=open_s3, gateway=gateway, note=notes.append
        )
        run.notes = notes
        return sources.open(item, Http())

    return run


def unreachable():
    raise Unreachable("no connection")


def test_a_signed_url_is_preferred_and_asked_for_again_when_it_expired(open_item):
    """AWS credentials would be needed where the orchestrator gives a URL."""
    answers = [[signed("1")], [signed("2")]]
    source = open_item(item_of(signed()), renew=lambda: answers.pop(0))
    assert isinstance(source, HttpOpener)
    assert source.what == "s3://results/j-1/e-1.tar.gz"
    assert source.locate(False).endswith("=1")
    assert source.locate(True).endswith("=2")


def test_results_are_asked_for_once(open_item):
    """Every item of a large job would cost one more list of all results."""
    asked = []
    sources = Sources(lambda: asked.append(1) or [signed()], allowed_hosts("h"), open_s3=None, gateway="", note=print)
    for _ in range(3):
        sources.open(item_of(signed()), Http())
    assert asked == [1]


def test_a_result_that_is_not_signed_is_read_from_s3(open_item):
    """Clusters whose orchestrator has no AWS credentials would have no results."""
    plain = PublishedResult(type="s3", params=KEY)
    assert isinstance(open_item(item_of(plain), renew=lambda: [plain], open_s3=lambda place: object()), S3Opener)
    folder = PublishedResult(type="s3", params=KEY | {"Key": "j-1/"})
    assert isinstance(open_item(item_of(folder), renew=lambda: [folder], open_s3=lambda place: object()), Folder)


def test_s3_helps_when_the_orchestrator_cannot_be_asked(open_item):
    """Results of a job that the server forgot would be lost although they lie in S3."""
    assert isinstance(open_item(item_of(signed()), renew=unreachable, open_s3=lambda place: object()), S3Opener)
    assert "Unreachable" in open_item.notes[0]
    with pytest.raises(ResultError, match="amazon"):
        open_item(item_of(signed()), renew=unreachable)


def test_a_url_is_read_even_when_results_no_longer_list_it(open_item):
    """As above, for the local publisher."""
    item = Item("http://127.0.0.1:6001/e-1.tar.gz", "urlDownload")
    assert open_item(item).locate(False) == item.uri


def test_a_urls_own_query_comes_from_results(open_item):
    """A token in the node's URL is no part of the uri, but needed to read it."""
    result = PublishedResult(type="urlDownload", params={"URL": "http://h/e-1.tar.gz?token=1"})
    assert open_item(item_of(result), renew=lambda: [result]).locate(False).endswith("?token=1")


def test_a_managed_result_is_found_by_its_execution(open_item):
    """s3managed executions store no place at all."""
    item = item_of(PublishedResult(type="s3managed", params={"JobID": "j-1", "ExecutionID": "e-1"}))
    assert open_item(item, renew=lambda: [signed()]).what == "s3://results/j-1/e-1.tar.gz"
    with pytest.raises(ResultError, match="ask /results"):
        open_item(item)


def test_ipfs_needs_a_gateway_and_says_so(open_item):
    """The user would read that a scheme is unknown."""
    item = Item("ipfs://bafy", "ipfs")
    with pytest.raises(ResultError, match="ipfs_gateway"):
        open_item(item)
    source = open_item(item, gateway="http://127.0.0.1:8080/")
    assert source.locate(False) == "http://127.0.0.1:8080/ipfs/bafy?format=tar"
    assert source.locate(True) is None


def test_an_unknown_type_says_so(open_item):
    """A new publisher would end in a stack trace."""
    with pytest.raises(ResultError, match="type gcs"):
        open_item(item_of(PublishedResult(type="gcs", params={})))


def test_an_endpoint_of_a_foreign_host_is_refused(open_item):
    """Signed requests would go to whom a node likes."""
    plain = PublishedResult(type="s3", params=KEY | {"Endpoint": "http://evil.example"})
    with pytest.raises(HostRefused):
        open_item(item_of(plain), renew=lambda: [plain], open_s3=lambda place: object())
