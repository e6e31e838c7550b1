"""Results with what the connection says."""

from __future__ import annotations

import types

import pytest

from airflow_provider_bacalhau.errors import HostRefused
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.results import download, manifest_of, s3_opener, shown_execution, shown_result
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.results.manifest import SourceSpec


def test_a_result_from_a_strange_host_is_refused(orchestrator, connection, spec, tmp_path):
    """A compute node could make the worker call any address inside the network."""
    job = orchestrator.add({**spec, "Name": "a"}, "Pending")
    orchestrator.results[job["ID"]] = [{"Type": "urlDownload", "Params": {"URL": "http://10.0.0.7/x.tar.gz"}}]
    orchestrator.become(job["ID"], "Completed")
    with pytest.raises(HostRefused):
        download(BacalhauHook(), [job["ID"]], str(tmp_path / "o"))


def test_services_have_no_results(orchestrator):
    """The server answers 500 for them, and the task would fail after its service is up."""
    job = Job.read({"ID": "j-1", "Type": "service"})
    assert manifest_of(BacalhauHook().get_conn(), job, []).uris() == []
    assert orchestrator.requests == []


def test_s3_is_read_with_the_airflow_connections_endpoint(monkeypatch):
    """A job moves from stub to cluster by its connections: the endpoint in its spec must not win."""
    import json

    value = {"conn_type": "aws", "login": "k", "password": "s", "extra": {"endpoint_url": "http://127.0.0.1:4570"}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_OWN", json.dumps(value))
    client = s3_opener("aws_own")(SourceSpec("b", "k", region="eu-west-1", endpoint="http://other:9000"))
    assert client.meta.endpoint_url == "http://127.0.0.1:4570"
    assert client.meta.region_name == "eu-west-1"


def test_a_spec_may_name_its_own_endpoint(monkeypatch):
    """MinIO users would have to repeat the endpoint in every connection."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_OWN", '{"conn_type": "aws", "login": "k", "password": "s"}')
    client = s3_opener("aws_own")(SourceSpec("b", "k", region="eu-west-1", endpoint="http://other:9000"))
    assert client.meta.endpoint_url == "http://other:9000"


def test_without_the_amazon_provider_there_is_no_opener(monkeypatch):
    """ModuleNotFoundError would not name the extra to install."""
    from airflow_provider_bacalhau.hooks import results as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert s3_opener("aws_default") is None


def test_only_the_query_of_a_url_is_cut():
    """Keys that hold a question mark would be cut, or a credential shown."""
    result = {"Type": "x", "Params": {"URL": "https://h/p?sig=1", "Key": "a?b", "Deep": types.SimpleNamespace}}
    shown = shown_result(result)["Params"]
    assert (shown["URL"], shown["Key"]) == ("https://h/p", "a?b")


def test_a_signed_url_leaves_with_no_execution():
    """A @task that returns its executions would put the signature into XCom, where it opens the bucket."""
    signed = {"Type": "s3PreSigned", "Params": {"PreSignedURL": "https://b.example/k?X-Amz-Signature=5f1c9e"}}
    shown = shown_execution({"ID": "e-1", "PublishedResult": signed})
    assert shown == {"ID": "e-1", "PublishedResult": {**signed, "Params": {"PreSignedURL": "https://b.example/k"}}}
    assert shown_execution({"PublishedResult": {"Type": ""}}) == {"PublishedResult": {"Type": ""}}


def test_the_hook_shows_executions_without_signatures(orchestrator, spec):
    """The cut would be there, and nothing would make it."""
    orchestrator.outcome = lambda job: "Completed"
    job = orchestrator.add({**spec, "Name": "a"})
    (execution,) = orchestrator.executions[job["ID"]]
    execution["PublishedResult"] = {"Type": "s3PreSigned", "Params": {"PreSignedURL": "https://b/k?X-Amz-Signature=5f"}}
    assert "X-Amz" not in str(BacalhauHook().get_job_executions(job["ID"]))
