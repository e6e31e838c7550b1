"""`node ...`, `agent ...` and signing in, as the program of each release reads the answers."""

from __future__ import annotations

import base64
import json

import pytest
from cli import Cli
from go_http import API, NoSignIn, Refused, user_key
from job_specs import docker_job
from programs import only_programs


def test_node_list_shows_what_its_columns_need(cli):
    """Columns would be empty, or the program would stop with an error."""
    nodes = cli.node_list()
    assert len(nodes) == 3
    assert sorted(node["Info"]["NodeID"] for node in nodes) == [node["Info"]["NodeID"] for node in nodes]
    for node in nodes:
        info = node["Info"]
        assert (node["Membership"], node["Connection"], info["NodeType"]) == ("APPROVED", "CONNECTED", "Compute")
        assert info["BacalhauVersion"]["GitVersion"] == f"v{cli.program.release}"
        capacity = info["ComputeNodeInfo"]["MaxCapacity"]
        assert capacity["CPU"] > 0
        assert capacity["Memory"] > 0
        assert "docker" in info["ComputeNodeInfo"]["ExecutionEngines"]


def test_node_list_filters(cli):
    """`--filter-status disconnected` would show every node."""
    assert cli.node_list(filter_approval="approved", filter_status="connected") == cli.node_list()
    assert cli.node_list(filter_approval="pending") == []
    assert cli.node_list(filter_status="disconnected") == []


def test_node_describe_takes_a_short_id(cli):
    """Users copy the short ids that `node list` shows."""
    whole = cli.node_list()[0]["Info"]["NodeID"]
    assert cli.node_describe(whole[:10])["Info"]["NodeID"] == whole


def test_node_describe_of_no_node(cli, program):
    """The program would print an answer that it cannot read."""
    with pytest.raises(Refused) as refused:
        cli.node_describe("n-nope")
    if program.knows_connection_state:
        assert (refused.value.status, refused.value.fields["Message"]) == (404, "node not found: n-nope")
    else:
        assert refused.value.status == 500


def test_approving_twice_is_told_in_the_release_s_way(cli, program):
    """1.5 reads failures out of a 200, later ones out of an error."""
    node = cli.node_list()[0]["Info"]["NodeID"]
    if program.knows_connection_state:
        with pytest.raises(Refused) as refused:
            cli.node_update(node, "approve")
        assert refused.value.fields["Message"] == f"node {node} already approved"
        assert (refused.value.status, refused.value.fields["Code"]) == (409, "ConflictNodeState")
    else:
        assert cli.node_update(node, "approve") == {"Success": False, "Error": "node already approved"}


def test_a_rejected_node_gets_no_jobs(own_stub, program):
    """`node reject` would change nothing but a word."""
    stub = own_stub("--nodes", "1")
    cli = Cli(stub.url, program)
    node = cli.node_list()[0]["Info"]["NodeID"]
    assert cli.docker_run(docker_job("true")).job["State"]["StateType"] == "Completed"
    assert cli.node_update(node, "reject", "broken") == {"Success": True}
    assert [each["Membership"] for each in cli.node_list(filter_approval="rejected")] == ["REJECTED"]
    assert cli.docker_run(docker_job("true")).job["State"]["StateType"] == "Failed"
    assert cli.node_update(node, "approve") == {"Success": True}
    assert cli.node_describe(node)["Membership"] == "APPROVED"


def test_a_new_node_waits_for_node_approve(own_stub, program):
    """Who rehearses a cluster with manual approval would find every node in it at once."""
    cli = Cli(own_stub("--nodes", "1", "--manual-approval").url, program)
    (node,) = cli.node_list(filter_approval="pending")
    assert node["Info"]["NodeType"] == "Compute"
    assert [each["Info"]["NodeType"] for each in cli.node_list(filter_approval="approved")] == ["Requester"]
    assert cli.docker_run(docker_job("true")).job["State"]["StateType"] == "Failed"
    assert cli.node_update(node["Info"]["NodeID"], "approve") == {"Success": True}
    assert cli.docker_run(docker_job("true")).job["State"]["StateType"] == "Completed"


def test_the_agent_s_answers(cli, program):
    """`agent alive|version|node|config` would stop with an error."""
    assert cli.agent("alive") == {"Status": "OK"}
    assert cli.agent("version")["GitVersion"] == f"v{program.release}"
    node = cli.agent("node")
    info = node if program.knows_connection_state else node["Info"]
    assert info["NodeID"] in [each["Info"]["NodeID"] for each in cli.node_list()]
    assert cli.agent("config")["config"]["API"]["Port"] == int(cli.wire._host.partition(":")[2])


def test_questions_that_only_some_programs_know(cli, program):
    """`auth info` and `license inspect` would show something else than beside a real server."""
    if program.asks_auth_config:
        assert cli.agent("authconfig") == {"Version": "1.0.0", "Config": {}}
    if program.asks_license:
        with pytest.raises(Refused) as refused:
            cli.agent("license")
        assert refused.value.status == 404
        assert "license" in refused.value.fields["Message"].lower()


def test_a_newly_installed_program_signs_in_before_its_first_question(cli):
    """Without an answer to its signature no command would work at all."""
    cli.job_list()
    cli.job_list()
    asked = [line.partition("?")[0] for line in cli.wire.sent]
    assert asked == [
        f"GET {API}/auth",
        f"POST {API}/auth/clientkey",
        f"GET {API}/orchestrator/jobs",
        f"GET {API}/orchestrator/jobs",
    ]


def test_the_token_names_the_user_and_the_server(cli):
    """Programs that look into their token would find nothing."""
    cli.job_list()
    scheme, token = cli.wire._credential
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    node = cli.agent("node")
    info = node.get("Info", node)
    assert (scheme, claims["iss"], claims["aud"]) == ("Bearer", info["NodeID"], [info["NodeID"]])
    assert claims["exp"] > claims["iat"]
    assert len(claims["sub"]) == 64


def test_alive_and_version_need_no_sign_in_where_the_program_does_not(cli, program):
    """`agent alive` of 1.7 and later is what people check a server with."""
    cli.agent("alive")
    cli.agent("version")
    assert any(f"{API}/auth" in line for line in cli.wire.sent) == (not program.skips_sign_in)


def test_a_wrong_signature_is_refused_in_the_form_that_the_program_reads(cli, monkeypatch):
    """Anybody could take any user's name, or the program would stop with an error that explains nothing."""
    monkeypatch.setattr(cli.wire, "_key", user_key())
    right = cli.wire.proof
    monkeypatch.setattr(cli.wire, "proof", lambda phrase: right(b"another phrase"))
    with pytest.raises((Refused, NoSignIn), match="401|verification"):
        cli.job_list()


def test_a_token_of_an_earlier_server_is_taken(cli, stub, program):
    """Programs keep their token by address; a stub that was started again must not lock them out."""
    cli.job_list()
    old = Cli(stub.url, program, credential=("Bearer", "of.another.server"))
    assert len(old.node_list()) == 3
    assert not [line for line in old.wire.sent if f"{API}/auth" in line]


KEY = "a-key-of-twenty-letters"
with_keys = only_programs(lambda program: program.asks_auth_config)


@with_keys
def test_an_api_key_from_the_environment_opens_a_closed_server(own_stub, program):
    """`BACALHAU_API_KEY` is how programs from 1.7 on reach a server with users."""
    stub = own_stub("--api-key", KEY)
    cli = Cli(stub.url, program, credential=("Bearer", KEY))
    assert cli.docker_run(docker_job("true")).job["State"]["StateType"] == "Completed"
    assert cli.job_logs(cli.job_list()["Items"][0]["ID"]) == ""
    assert len(cli.node_list()) == 3
    assert Cli(stub.url, program).agent("alive") == {"Status": "OK"}


@with_keys
def test_without_a_key_a_closed_server_names_no_way_to_sign_in(own_stub, program):
    """The program would sign a challenge in vain instead of telling its user what to set."""
    stub = own_stub("--api-key", KEY)
    with pytest.raises(NoSignIn, match="{}"):
        Cli(stub.url, program).job_list()
    with pytest.raises(Refused) as refused:
        Cli(stub.url, program, credential=("Bearer", "not-this-key-at-all")).job_list()
    assert refused.value.status == (401 if program.knows_versions else 500)
