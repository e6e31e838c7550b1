"""The server's own web page on a stub of each release: its calls in their order, and what it reads from the answers."""

from __future__ import annotations

import urllib.request

import pytest
from cli import Cli
from job_specs import docker_job, shell_job
from programs import with_versions
from webui import PAGE, Browser
from websockets.exceptions import InvalidStatus

NANOSECONDS_2020 = 1_577_836_800_000_000_000


@pytest.fixture
def browser(stub):
    """A browser with the page open."""
    return Browser(stub.url)


def test_the_page_knows_that_the_server_is_there(browser):
    """A red dot would say that the server is gone."""
    assert browser.get("/agent/alive") == {"Status": "OK"}


def test_the_list_of_jobs(browser, cli):
    """The first page would be empty, wrongly ordered or without its columns."""
    ids = [cli.docker_run(docker_job("true"), wait=False).job_id for _ in range(12)]
    first = browser.get("/orchestrator/jobs?limit=10&reverse=true")
    assert [job["ID"] for job in first["Items"]] == ids[:1:-1]
    second = browser.get(f"/orchestrator/jobs?limit=10&next_token={first['NextToken']}&reverse=true")
    assert [job["ID"] for job in second["Items"]][:2] == ids[1::-1]
    for job in first["Items"]:
        assert isinstance(job["State"]["StateType"], str)
        assert job["ModifyTime"] >= job["CreateTime"] > NANOSECONDS_2020
        assert job["Tasks"][0]["Engine"]["Type"] == "docker"
        assert isinstance(job["Labels"], dict)


def test_a_job_s_page(browser, cli):
    """Overview, executions and their download button would be missing."""
    job = cli.docker_run(docker_job("echo", "x", task={"Publisher": {"Type": "local"}}))
    shown = browser.get(f"/orchestrator/jobs/{job.job_id}?include=executions")
    assert "History" not in shown
    assert shown["Job"]["Tasks"][0]["Publisher"]["Type"] == "local"
    (execution,) = shown["Executions"]["Items"]
    assert (execution["DesiredState"]["StateType"], execution["ComputeState"]["StateType"]) == (2, 9)
    assert urllib.request.urlopen(execution["PublishedResult"]["Params"]["URL"], timeout=10).status == 200


def test_a_job_without_publisher_says_so(browser, cli):
    """The page reads the type of a publisher that nobody gave."""
    job = cli.docker_run(docker_job("true"))
    shown = browser.get(f"/orchestrator/jobs/{job.job_id}?include=executions")
    assert shown["Job"]["Tasks"][0]["Publisher"] == {"Type": ""}


def test_a_job_s_history(browser, cli):
    """The history tab would be empty or show one page for ever."""
    job = cli.docker_run(docker_job("true"))
    shown = browser.get(f"/orchestrator/jobs/{job.job_id}/history?limit=100")
    assert shown["NextToken"] == ""
    for item in shown["Items"]:
        assert item["Time"].endswith("Z")
        assert item["Event"]["Topic"]
        assert item["Event"]["Message"]


def test_a_job_s_log(browser, cli):
    """The log tab would stay empty, or end with an error message."""
    job = cli.docker_run(shell_job("echo shown; sleep 0.3; echo more; echo meant >&2"), wait=False)
    while cli.job_describe(job.job_id)["Job"]["State"]["StateType"] == "Pending":
        pass
    lines = [message["value"] for message in browser.logs(job.job_id)]
    assert "".join(line["Line"] for line in lines if line["Type"] == 1) == "shown\nmore\n"
    assert "".join(line["Line"] for line in lines if line["Type"] == 2) == "meant\n"


def test_the_stop_button(browser, cli):
    """Stopping would be refused for its Origin or its missing body; the reason in the address is ignored."""
    job = cli.job_run(docker_job("sleep", "30", kind="service"))
    status, answer, _ = browser.fetch("DELETE", f"/orchestrator/jobs/{job.job_id}?reason=User%20requested%20stop")
    assert (status, bool(answer["EvaluationID"])) == (200, True)
    shown = browser.get(f"/orchestrator/jobs/{job.job_id}?include=executions")
    assert shown["Job"]["State"] == {"StateType": "Stopped"}


def test_the_list_of_nodes_and_a_node_s_page(browser, cli):
    """Nodes would be counted as disconnected, or bars would be empty."""
    nodes = browser.get("/orchestrator/nodes?limit=10000")["Nodes"]
    assert len(nodes) == len(cli.node_list())
    for node in nodes:
        assert (node["Connection"], node["Membership"], node["Info"]["NodeType"]) == ("CONNECTED", "APPROVED", "Compute")
        compute = node["Info"]["ComputeNodeInfo"]
        for resource in ("CPU", "Memory", "Disk"):
            assert 0 < compute["AvailableCapacity"][resource] <= compute["MaxCapacity"][resource]
        alone = browser.get(f"/orchestrator/nodes/{node['Info']['NodeID']}")["Node"]
        assert (alone["Info"]["NodeID"], alone["Info"]["Labels"]) == (node["Info"]["NodeID"], node["Info"]["Labels"])


def test_the_buttons_of_a_node(own_stub):
    """Approve and reject send neither credential nor message."""
    stub = own_stub("--nodes", "2")
    browser = Browser(stub.url)
    node = browser.get("/orchestrator/nodes?limit=10000")["Nodes"][0]["Info"]["NodeID"]
    for action, membership in (("reject", "REJECTED"), ("approve", "APPROVED")):
        status, answer, _ = browser.fetch("PUT", f"/orchestrator/nodes/{node}", {"Action": action, "NodeID": node})
        assert (status, answer) == (200, {"Success": True})
        assert browser.get(f"/orchestrator/nodes/{node}")["Node"]["Membership"] == membership


def test_an_error_is_json_that_the_page_can_show(browser):
    """The page would show nothing but a broken answer."""
    status, fields, headers = browser.fetch("GET", "/orchestrator/jobs/j-nope?include=executions")
    assert (status, fields["Message"], headers["content-type"]) == (404, "job not found: j-nope", "application/json")


@pytest.mark.parametrize("page", [PAGE, "127.0.0.1:8438", "[::1]:8438", "api"])
@with_versions
def test_the_page_works_under_every_name_of_this_machine(stub, program, page):
    """Which name the user types must not matter; other proxies put the API's own name there."""
    name = stub.url.removeprefix("http://") if page == "api" else page
    job = Cli(stub.url, program).job_run(docker_job("sleep", "30", kind="service"))
    browser = Browser(stub.url, name)
    assert browser.fetch("DELETE", f"/orchestrator/jobs/{job.job_id}")[0] == 200
    assert browser.get(f"/orchestrator/jobs/{job.job_id}")["Job"]["State"]["StateType"] == "Stopped"


def test_a_page_of_another_machine_is_not_let_in(stub, cli):
    """Any web page could run programs here; the sentence says what to do about one's own."""
    job = cli.docker_run(docker_job("true"))
    stranger = Browser(stub.url, "lab.example:8438")
    status, fields, _ = stranger.fetch("GET", "/agent/alive")
    assert status == 403
    assert "--allow-host lab.example" in fields["error"]
    with pytest.raises(InvalidStatus, match="403"):
        Browser(stub.url, "lab.example:8438").logs(job.job_id)


def test_a_page_of_another_machine_can_be_let_in(own_stub, program):
    """A page that is served under the machine's name in the network would be locked out for good."""
    allowed = ("--allow-host", "lab.example", "--allow-origin", "http://lab.example:8438")
    stub = own_stub(*allowed)
    browser = Browser(stub.url, "lab.example:8438")
    job = Cli(stub.url, program).docker_run(docker_job("true"))
    assert browser.get("/agent/alive") == {"Status": "OK"}
    assert browser.fetch("DELETE", f"/orchestrator/jobs/{job.job_id}")[0] == 500  # it is over, which the server says
