"""The provider downloads from a stub's own S3, whose URLs expire on the stub's clock."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.client.sync import Client
from airflow_provider_bacalhau.results.fetch import Fetcher
from airflow_provider_bacalhau.results.hosts import allowed_hosts
from airflow_provider_bacalhau.results.manifest import build_manifest
from orchestrator_stub.testing import stub_server

TASK = {
    "Name": "main",
    "Engine": {"Type": "docker", "Params": {"Image": "acme/clean:1"}},
    "Publisher": {"Type": "s3", "Params": {"Bucket": "results", "Key": "r/{jobID}"}},
    "ResultPaths": [{"Name": "outputs", "Path": "/outputs"}],
}


@pytest.fixture(scope="module")
def stub():
    """A stub whose time stands still until it is told to move, and the id of a job that has published."""
    with stub_server("--clock", "virtual", "--docker-runner", "scripted", "--s3", "embedded") as stub:
        stub.on(image="acme/*").log("hello").file("outputs/f", b"x" * 300_000).exit(0)
        with Client(ClientConfig(base_url=stub.url)) as client:
            job = client.submit_job({"Type": "batch", "Count": 1, "Tasks": [TASK]}).job_id
        yield stub, job


def test_urls_of_results_expire_on_the_stubs_clock(stub):
    """A DAG that keeps URLs for too long would pass here and fail on a cluster."""
    handle, job = stub
    with Client(ClientConfig(base_url=handle.url)) as client:
        old = client.get_results(job).items[0].params["PreSignedURL"]
        with urllib.request.urlopen(old) as answer:
            assert answer.read(2) == b"\x1f\x8b"
        handle.clock.advance(899)
        with urllib.request.urlopen(old) as answer:
            assert answer.status == 200
        handle.clock.advance(2)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(old)
        body = refused.value.read()
        assert refused.value.code == 403
        assert b"<Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>900</X-Amz-Expires>" in body
        assert b"<ServerTime>2025-01-01T00:15:01Z</ServerTime>" in body
        new = client.get_results(job).items[0].params["PreSignedURL"]
        with urllib.request.urlopen(new) as answer:
            assert answer.status == 200


def test_the_provider_renews_what_expired(stub, tmp_path):
    """A download that begins late would fail, or results of a stub could not be downloaded at all."""
    handle, job = stub
    with Client(ClientConfig(base_url=handle.url)) as client:
        first = client.get_results(job).items
        renewals = []

        def renew():
            renewals.append(job)
            return first if len(renewals) == 1 else client.get_results(job).items

        handle.clock.advance(3600)
        fetcher = Fetcher(renew, allowed_hosts(handle.url, extra=["127.0.0.1"]))
        written = fetcher.download(build_manifest(first).items, target=str(tmp_path / "target"))
    assert len(renewals) == 2
    (path,) = (Path(path) for path in written if path.endswith("/outputs/f"))
    assert path.read_bytes() == b"x" * 300_000
