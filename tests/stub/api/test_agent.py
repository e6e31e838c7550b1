"""The routes of the agent and of login."""

from __future__ import annotations

import asyncio
import base64

import pytest


@pytest.mark.parametrize(("release", "first_key"), [("1.5.2", "Info"), ("1.6.5", "NodeID"), ("docs", "PeerInfo")])
async def test_the_answering_node_has_the_releases_shape(make, release, first_key):
    """GET /agent/node would be read as another release's."""
    answer = await make(release).http.get("/api/v1/agent/node")
    assert next(iter(answer.json())) == first_key


@pytest.mark.parametrize(
    ("release", "status"), [("1.5.2", 404), ("1.6.5", 404), ("1.7.0", 200), ("1.8.0", 200), ("1.9.3", 200)]
)
async def test_auth_config_exists_since_1_7(make, release, status):
    """A client could not tell whether single sign-on is possible."""
    assert (await make(release).http.get("/api/v1/agent/authconfig")).status_code == status


async def test_the_configuration_names_this_address(make):
    """GET /agent/config would be missing."""
    answer = await make().http.get("/api/v1/agent/config")
    assert answer.json()["config"]["API"]["Port"] == 1234


async def test_the_nodes_stand_in_the_debug_information(make):
    """GET /agent/debug would be missing."""
    answer = await make(nodes=2).http.get("/api/v1/agent/debug")
    assert len(answer.json()["DiscoveredNodes"]) == 2


@pytest.mark.parametrize("release", ["1.5.2", "1.9.3"])
async def test_debug_information_tells_what_really_runs(make, release):
    """Nobody could see which jobs hold a node, wanted or not (FINDINGS 1 row 5.6)."""
    stub = make(release)
    stub.program.endless = True
    job = await stub.submit()
    (active,) = (await stub.http.get("/api/v1/agent/debug")).json()["ActiveJobs"]
    assert (active["JobID"], active["State"]) == (job, "BidAccepted")
    memory = {"1.5.2": 1_000_000_000, "1.9.3": 512_000_000}[release]
    assert active["AllocatedResources"] == {"Tasks": {"main": {"CPU": 0.5, "Memory": memory}}}
    if release == "1.5.2":
        legacy = await stub.http.post("/api/v1/compute/debug", json={})
        assert legacy.json() == {"ActiveJobs": [active], "jobsCompleted": 0}
    await stub.http.delete(f"/api/v1/orchestrator/jobs/{job}")
    for _ in range(10):  # the program dies in its own turn
        await asyncio.sleep(0)
    assert (await stub.http.get("/api/v1/agent/debug")).json()["ActiveJobs"] == []


async def test_an_orchestrator_alone_runs_nothing_to_tell_of(make):
    """A node without a compute side would show an empty list of what it runs."""
    assert "ActiveJobs" not in (await make(nodes=0).http.get("/api/v1/agent/debug")).json()


async def test_login_is_offered_in_lower_case_only(make):
    """A client that follows the list would not find the method, or one that guesses would."""
    stub = make()
    listed = (await stub.http.get("/api/v1/auth")).json()
    phrase = listed["Methods"]["clientkey"]["params"]["InputPhrase"]
    assert base64.b64decode(phrase).decode() == stub.orchestrator.node_id
    assert (await stub.http.get("/api/v1/auth/clientkey")).json() == listed["Methods"]["clientkey"]
    assert (await stub.http.get("/api/v1/auth/ClientKey")).status_code == 404


async def test_a_wrong_proof_is_a_401_with_a_reason(make):
    """Any proof would be accepted."""
    proof = base64.b64encode(b'{"PhraseSignature":"AAAA","PublicKey":"AAAA"}').decode()
    answer = await make().http.post("/api/v1/auth/clientkey", json={"Name": "ClientKey", "MethodData": proof})
    assert answer.status_code == 401
    assert answer.json()["Authentication"]["success"] is False
    assert answer.json()["Authentication"]["reason"].startswith("failed to decode public key")


@pytest.mark.parametrize("data", ["x", "e30", "Z2FyYmFnZQ==", ""])
async def test_unreadable_proofs_are_errors(make, data):
    """A malformed login would be a traceback."""
    answer = await make().http.post("/api/v1/auth/clientkey", json={"MethodData": data})
    assert answer.status_code == 500
    assert answer.json()["Message"].startswith("invalid authentication data")
