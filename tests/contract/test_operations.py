"""Every operation of the user's document through both shells, against recorded answers and the document's examples."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import httpx
import pytest

from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import NotFound

CONFIG = ClientConfig("http://127.0.0.1:1234")
JOBS = "/api/v1/orchestrator/jobs"
NODES = "/api/v1/orchestrator/nodes"
SERVERS = ("1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3", "docs")
RECORDED = {
    ("PUT", JOBS): ("06", "submit"),
    ("GET", f"{JOBS}/j-1"): ("06", "wait"),
    ("GET", f"{JOBS}/j-1/executions"): ("06", "executions"),
    ("GET", f"{JOBS}/j-1/history"): ("06", "history"),
    ("GET", f"{JOBS}/j-1/results"): ("42", "results-plain-key"),
    ("GET", f"{JOBS}/nope"): ("25", "unknown"),
    ("DELETE", f"{JOBS}/j-1"): ("21", "stop-reason"),
    ("GET", NODES): ("30", "list"),
    ("GET", f"{NODES}/n-1"): ("30", "get-short"),
    ("GET", "/api/v1/agent/alive"): ("01", "alive"),
    ("GET", "/api/v1/agent/version"): ("01", "version"),
    ("GET", "/api/v1/agent/node"): ("01", "node"),
}
PRINTED = {
    ("PUT", JOBS): "create_job",
    ("GET", JOBS): "list_jobs",
    ("GET", f"{JOBS}/j-1"): "describe_job",
    ("GET", f"{JOBS}/j-1/executions"): "job_executions",
    ("GET", f"{JOBS}/j-d586d2cc-6fc9-42c4-9dd9-a78df1d7cd01/executions"): "job_executions",
    ("GET", f"{JOBS}/j-1/history"): "job_history",
    ("GET", f"{JOBS}/j-d586d2cc-6fc9-42c4-9dd9-a78df1d7cd01/history"): "job_history",
    ("GET", f"{JOBS}/j-1/results"): "job_results",
    ("DELETE", f"{JOBS}/j-1"): "stop_job",
    ("GET", NODES): "list_nodes",
    ("GET", f"{NODES}/n-1"): "describe_node",
}


class Played:
    """A server that answers with recordings of a release, or with the examples of the document (without header)."""

    def __init__(self, server, body, page):
        self.server, self._body, self._page = server, body, page
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        key = (request.method, request.url.path)
        if self.server == "docs":
            if key[1].endswith("/agent/version"):
                return httpx.Response(200, text='{"gitversion": "v1.1.0"}')
            return httpx.Response(200, json=self._page[PRINTED[key]])
        if key == ("GET", JOBS):
            job = json.loads(self._body(self.server, "06", "wait"))["Job"]
            text = json.dumps({"NextToken": "", "Items": [job]})
        elif key[1] == f"{JOBS}/j-1" and "include" in request.url.params:
            text = self._body(self.server, "06", "include-2")
        else:
            text = self._body(self.server, *RECORDED[key])
        return httpx.Response(200, text=text, headers={"X-Bacalhau-Git-Version": f"v{self.server}"})

    def sent(self):
        """Method, path, query and body of the requests, but the question for the version."""
        return [
            (one.method, one.url.path, parse_qsl(one.url.query.decode()), json.loads(one.content or "null"))
            for one in self.requests
            if not one.url.path.endswith("/agent/version")
        ]


@pytest.fixture(params=SERVERS)
def played(request, body, page):
    """Each server."""
    return Played(request.param, body, page)


@pytest.fixture
def client(connect, played):
    """Each shell before each server."""
    return connect(CONFIG, httpx.MockTransport(played))


def test_submit(client, played):
    """Creating a job with its warnings would not work."""
    done = client("submit_job", {"Name": "x", "Type": "batch"})
    assert done.job_id.startswith("j-")
    assert done.evaluation_id
    assert played.sent() == [("PUT", JOBS, [], {"Job": {"Name": "x", "Type": "batch"}})]
    if played.server == "docs":
        assert done.warnings == ["job create time is ignored when submitting a job"]


def test_get_job(client, played):
    """Describing a job by its full or short id would not work."""
    job = client("get_job", "j-1", namespace="etl")
    assert job.state == "Completed"
    assert played.sent() == [("GET", f"{JOBS}/j-1", [("namespace", "etl")], None)]


def test_describe_job(client, played):
    """A look at a job with its executions and history would not work, or cost three requests everywhere."""
    job, executions, history = client("describe_job", "j-1")
    assert job.state == "Completed"
    assert {one.compute_state for one in executions} == {"Completed"}
    assert [one.reported_exit_code for one in executions] == [0] * len(executions)
    assert len(history) == 6
    assert len(played.sent()) == (3 if played.server == "docs" else 1)
    assert ("include", "executions,history") in played.sent()[0][2]


def test_list_jobs(client, played):
    """Listing jobs with every parameter would not work."""
    found = client(
        "list_jobs",
        namespace="*",
        labels=["env in (prod,dev)"],
        limit=3,
        next_token="t",
        order_by="create_time",
        reverse=True,
    )
    assert all(job.id.startswith("j-") for job in found.items)
    assert found.items
    word = "create_time" if played.server == "docs" else "created_at"
    query = [
        ("namespace", "*"),
        ("labels", "env in (prod,dev)"),
        ("limit", "3"),
        ("next_token", "t"),
        ("order_by", word),
        ("reverse", "true"),
    ]
    assert played.sent() == [("GET", JOBS, query, None)]


def test_iter_jobs(client, played):
    """Iterating over all jobs would not work."""
    assert [job.id[:2] for job in client("iter_jobs", labels="a=b")] == ["j-"] * (3 if played.server == "docs" else 1)


def test_stop_job(client, played):
    """Stopping a job with a reason would not work."""
    assert client("stop_job", "j-1", reason="because").evaluation_id
    assert played.sent() == [("DELETE", f"{JOBS}/j-1", [("reason", "because")], {"reason": "because"})]


def test_history(client, played):
    """The events of a job with every filter would not be readable."""
    found = client(
        "get_history",
        "j-1",
        since=1695883778,
        event_type="execution",
        execution_id="e-1",
        node_id="n-1",
        limit=5,
        next_token="t",
    )
    assert len(found.items) == 6
    assert found.items[-1].new == "Completed"
    query = [
        ("since", "1695883778"),
        ("event_type", "execution"),
        ("execution_id", "e-1"),
        ("node_id", "n-1"),
        ("limit", "5"),
        ("next_token", "t"),
    ]
    assert played.sent() == [("GET", f"{JOBS}/j-1/history", query, None)]


def test_executions(client, played):
    """Executions with every parameter would not be readable, or their states be misread."""
    found = client("get_executions", "j-1", limit=3, next_token="t", order_by="modify_time", reverse=True)
    assert {one.compute_state for one in found.items} == {"Completed"}
    assert all(one.stdout.startswith("hello ") for one in found.items)
    query = [("limit", "3"), ("next_token", "t"), ("order_by", "modify_time"), ("reverse", "true")]
    assert played.sent() == [("GET", f"{JOBS}/j-1/executions", query, None)]


def test_results(client, played):
    """What a job published would not be readable."""
    (one,) = client("get_results", "j-1").items
    assert one.type == ("s3" if played.server == "docs" else "s3PreSigned")
    assert played.sent() == [("GET", f"{JOBS}/j-1/results", [], None)]


def test_get_node(client, played):
    """Describing a node would not work."""
    node = client("get_node", "n-1")
    assert node.is_usable
    assert played.sent() == [("GET", f"{NODES}/n-1", [], None)]


def test_list_nodes(client, played):
    """Listing nodes with every parameter would not work."""
    found = client("list_nodes", labels="a=b", limit=2, next_token="t", order_by="available_memory", reverse=True)
    assert all(node.is_usable for node in found.items)
    query = [
        ("labels", "a=b"),
        ("limit", "2"),
        ("next_token", "t"),
        ("order_by", "available_memory"),
        ("reverse", "true"),
    ]
    assert played.sent() == [("GET", NODES, query, None)]


def test_capabilities(client, played):
    """The server's release would not be known before integers are read."""
    facts = client("capabilities")
    assert facts.docs_shapes is (played.server == "docs")
    assert facts.known
    client("capabilities")
    assert len(played.requests) == 1


def test_agent(connect, body, page):
    """Whether a server lives, and as what, could not be asked."""
    played = Played("1.9.3", body, page)
    client = connect(CONFIG, httpx.MockTransport(played))
    assert client("alive") is True
    assert client("version").release == "1.9.3"
    assert client("get_agent_node").engines == ["wasm"]


def test_an_unknown_job_is_not_found(connect, body):
    """A lost job would look like a broken server: 1.1.0 says it with 500."""
    answers = {
        "1.9.3": httpx.Response(404, text=body("1.9.3", "21", "stop-unknown")),
        "1.1.0": httpx.Response(500, json={"error": "Job not found. ID: j-1", "message": "Internal Server Error"}),
    }
    for answer in answers.values():
        client = connect(CONFIG, httpx.MockTransport(lambda _, answer=answer: answer))
        with pytest.raises(NotFound, match="check the id, the namespace"):
            client("get_job", "j-1")
