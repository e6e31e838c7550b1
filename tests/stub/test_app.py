"""The composed stub: one that answers, keeps strangers out, follows its clock, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from orchestrator_stub.app import Stub
from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.control.info import banner
from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.user import User
from orchestrator_stub.settings.flags import AllowedPath, Settings, Tls

JOBS = "/api/v1/orchestrator/jobs"


def job(**fields):
    """A small docker job; `fields` go into it."""
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "busybox"}}}
    return {"Job": {"Type": "batch", "Count": 1, "Tasks": [task], **fields}}


async def test_a_submitted_job_is_done_when_a_script_says_so_at_once(start_stub):
    """The simplest use would not work."""
    _, client = await start_stub()
    job_id = (await client.put(JOBS, json=job())).json()["JobID"]
    assert (await client.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"] == "Completed"


async def test_the_same_seed_and_requests_give_the_same_answers(start_stub):
    """Two runs of a scripted day could not be compared."""
    answers = []
    for _ in range(2):
        _, client = await start_stub(clock=VirtualClock(), seed=7)
        job_id = (await client.put(JOBS, json=job())).json()["JobID"]
        answers.append([(await client.get(f"{JOBS}/{job_id}{path}")).text for path in ("", "/executions", "/history")])
    assert answers[0] == answers[1]


async def test_a_job_that_waits_for_capacity_waits_on_the_clock(start_stub):
    """A queue timeout would take its real minute in every test."""
    clock = VirtualClock()
    _, client = await start_stub(clock=clock, nodes=1)
    spec = job(Constraints=[{"Key": "region", "Operator": "=", "Values": ["nowhere"]}])
    spec["Job"]["Tasks"][0]["Timeouts"] = {"QueueTimeout": 30}
    job_id = (await client.put(JOBS, json=spec)).json()["JobID"]
    assert (await client.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"] == "Queued"
    clock.advance(61)
    assert (await client.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"] == "Failed"


async def test_strangers_are_kept_out(start_stub):
    """Any web page could submit jobs."""
    _, client = await start_stub()
    assert (await client.get("/api/v1/agent/alive", headers={"Host": "evil.example"})).status_code == 403
    assert (await client.get("/api/v1/agent/alive", headers={"Origin": "https://evil.example"})).status_code == 403
    refused = await client.options("/api/v1/agent/alive", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403


async def test_cors_is_answered_only_where_nothing_can_be_reached(start_stub, tmp_path):
    """A strict stub that runs programs would let any web page run them."""
    origin = {"Origin": "https://ui.example"}
    _, harmless = await start_stub(strict=True, docker_runner="off")
    assert (await harmless.get("/api/v1/agent/alive", headers=origin)).headers["access-control-allow-origin"] == "*"
    _, local = await start_stub(strict=True, docker_runner="off", allow_local_paths=(AllowedPath(tmp_path),))
    assert (await local.get("/api/v1/agent/alive", headers=origin)).status_code == 403


async def test_the_answer_to_a_docker_job_says_how_it_runs_here(start_stub):
    """A user would take the sandbox, or a script, for the image."""
    _, client = await start_stub()
    (warning,) = (await client.put(JOBS, json=job())).json()["Warnings"]
    assert "--docker-runner scripted" in warning
    _, strict = await start_stub(strict=True)
    assert (await strict.put(JOBS, json=job())).json()["Warnings"] is None
    _, page = await start_stub(emulate="docs")
    example = await page.put(JOBS, json=job(CreateTime=1234))
    assert example.json()["Warnings"] == ["job create time is ignored when submitting a job"]


async def test_a_node_less_stub_has_its_orchestrator_in_the_list(start_stub):
    """`--nodes 0` is how a cluster without compute nodes looks."""
    _, client = await start_stub(nodes=0)
    (node,) = (await client.get("/api/v1/orchestrator/nodes")).json()["Nodes"]
    assert node["Info"]["NodeType"] == "Requester"


async def test_nodes_offer_what_is_advertised_or_what_the_machine_has(start_stub):
    """A laptop could not run a job that asks for a GPU, or a strict stub would promise what is not there."""
    _, client = await start_stub()
    first = (await client.get("/api/v1/orchestrator/nodes")).json()["Nodes"][0]["Info"]["ComputeNodeInfo"]
    assert first["MaxCapacity"] == {"CPU": 16, "Memory": 64 * 10**9, "Disk": 500 * 10**9, "GPU": 1}
    _, strict = await start_stub(strict=True, nodes=1)
    real = (await strict.get("/api/v1/orchestrator/nodes")).json()["Nodes"][0]["Info"]["ComputeNodeInfo"]
    assert "GPU" not in real["MaxCapacity"]


async def test_a_taken_port_is_an_error_and_leaves_nothing():
    """A second stub would half start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        stub = Stub(Settings(port=taken.getsockname()[1], s3="off", docker_runner="off"))
        with pytest.raises(OSError, match="in use"):
            await stub.start()
    assert stub._place is None, "no folder was made"


async def test_stopping_gives_back_ports_and_folders(start_stub):
    """A test suite would fill the disk."""
    stub, _ = await start_stub(s3="embedded")
    folder, port = stub._place.folder, int(stub.url.rpartition(":")[2])
    await stub.stop()
    assert not folder.exists()
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_ports_are_free_ones_when_port_0_is_asked_for(start_stub):
    """Two stubs could not run side by side."""
    first, _ = await start_stub(s3="embedded")
    second, _ = await start_stub(s3="embedded")
    assert len({first.url, second.url, first.info.s3_endpoint, second.info.s3_endpoint}) == 4


async def test_tls_is_for_every_name_that_a_client_may_use(start_stub):
    """A client that uses an allowed name, or the address that is shown, would not trust the stub."""
    stub, _ = await start_stub(tls=Tls(), host="127.0.0.2", allow_hosts=("stub.internal",))
    assert stub.url.startswith("https://127.0.0.2:")
    context = ssl.create_default_context(cafile=stub.info.ca_file)
    port = int(stub.url.rpartition(":")[2])
    for name in ("localhost", "127.0.0.1", "127.0.0.2", "::1", "stub.internal"):
        with (
            socket.create_connection(("127.0.0.2", port)) as raw,
            context.wrap_socket(raw, server_hostname=name, do_handshake_on_connect=False) as client,
        ):
            client.setblocking(False)
            await shaken(client)
            assert client.version() == "TLSv1.3", name


async def shaken(client):
    """Shake hands while the stub's loop, which is this one, goes on."""
    for _ in range(5000):
        try:
            client.do_handshake()
            return
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            await asyncio.sleep(0.001)
    raise AssertionError("no handshake")


async def test_a_stub_with_tls_that_stops_leaves_no_key(start_stub):
    """Each run would leave a private key behind."""
    stub, _ = await start_stub(tls=Tls())
    folder = Path(stub.info.ca_file).parent
    assert {file.name for file in folder.iterdir()} == {"ca.pem", "server.pem", "server.key"}
    context = ssl.create_default_context(cafile=stub.info.ca_file)
    async with httpx.AsyncClient(base_url=stub.url, verify=context, trust_env=False) as client:
        assert (await client.get("/stub/info")).json()["tls"] == {"ca": stub.info.ca_file, "note": "CA made at start"}
        await stub.stop()
    assert not folder.exists()


async def test_wrong_files_for_tls_leave_nothing(tmp_path):
    """The port would stay taken, and a folder behind, after a typing error."""
    missing = tmp_path / "cert.pem"
    stub = Stub(Settings(port=0, s3="off", docker_runner="off", tls=Tls(missing, missing)))
    with pytest.raises(SettingsError, match="cannot be read"):
        await stub.start()
    assert not stub._place.folder.exists()


def test_without_tls_nothing_of_it_is_imported():
    """Every start would be slower and larger for a flag that few use."""
    code = """
import asyncio, json, sys
from orchestrator_stub.app import Stub
from orchestrator_stub.settings.flags import Settings

async def main():
    stub = Stub(Settings(port=0, s3="off", docker_runner="off"))
    await stub.start()
    await stub.stop()

asyncio.run(main())
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = json.loads(done.stdout)
    heavy = ("cryptography", "orchestrator_stub.certificates", "orchestrator_stub.api.listener")
    assert [name for name in loaded if name.startswith(heavy)] == []


@pytest.mark.parametrize("release", ["1.5.2", "1.9.3"])
@pytest.mark.parametrize(
    ("flags", "kinds"),
    [
        ({"nodes": 0}, ["Requester"]),
        ({"nodes": 1}, ["Compute"]),
        ({"nodes": 3}, ["Compute"] * 3),
        ({"nodes": 2, "manual_approval": True}, ["Compute", "Compute", "Requester"]),
        ({"nodes": 0, "manual_approval": True}, ["Requester"]),
    ],
)
async def test_the_orchestrator_is_a_node_of_its_own_where_it_has_no_compute_side(start_stub, release, flags, kinds):
    """A cluster would have a node too many or too few, or the orchestrator itself would wait for approval."""
    _, client = await start_stub(emulate=release, **flags)
    states = (await client.get("/api/v1/orchestrator/nodes")).json()["Nodes"]
    assert sorted(state["Info"]["NodeType"] for state in states) == kinds
    own = (await client.get("/api/v1/agent/node")).json()
    own = own if "NodeID" in own else own["Info"]
    (listed,) = [state for state in states if state["Info"]["NodeID"] == own["NodeID"]]
    assert listed["Info"] == own
    if release == "1.9.3":
        assert own["Labels"]["name"] == own["NodeID"]
    for state in states:
        waits = "manual_approval" in flags and state["Info"]["NodeType"] == "Compute"
        assert (state["Membership"], state["Connection"]) == ("PENDING" if waits else "APPROVED", "CONNECTED")


async def test_a_cluster_with_manual_approval_works_once_somebody_approved(start_stub):
    """`--manual-approval` would change nothing, or approval would be of no use."""
    _, client = await start_stub(nodes=1, manual_approval=True)
    first = (await client.put(JOBS, json=job())).json()["JobID"]
    answer = await client.get("/api/v1/orchestrator/nodes", params={"filter-approval": "pending"})
    (waiting,) = [state["Info"]["NodeID"] for state in answer.json()["Nodes"]]
    approved = await client.put(f"/api/v1/orchestrator/nodes/{waiting}", json={"Action": "approve"})
    assert approved.json() == {"Success": True}
    second = (await client.put(JOBS, json=job())).json()["JobID"]
    states = [(await client.get(f"{JOBS}/{one}")).json()["Job"]["State"]["StateType"] for one in (first, second)]
    assert states == ["Failed", "Completed"]


async def test_no_secret_of_a_user_is_shown_anywhere(start_stub, caplog):
    """Whoever may ask `/stub/info`, or read the log, could act as any user."""
    users = (
        User("Admin", "admin", "secret-password", capabilities=(("*",),)),
        User(api_key="secret-api-key-0123456789", capabilities=(("*",),)),
    )
    stub, client = await start_stub(users=users)
    with caplog.at_level("DEBUG"):
        info = await client.get("/stub/info")
        for headers in ({}, {"Authorization": "Bearer secret-api-key-0123456789"}, {"Authorization": "Basic secret-password"}):
            await client.get("/api/v1/agent/config", headers=headers)
            await client.put(JOBS, content=b"{", headers=headers)
    assert info.json()["flags"]["users"] == ["Admin", "without a name"]
    shown = info.text + repr(stub.settings) + repr(stub.info) + "\n".join(banner(stub.info))
    assert "secret" not in shown
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert "secret" not in "\n".join(ours)


async def test_users_and_the_rate_limit_are_those_of_the_flags(start_stub):
    """`--auth`, `--api-key` and `--rate-limit` would change nothing."""
    users = (User("Admin", "admin", "admin-password", capabilities=(("*",),)),)
    _, client = await start_stub(users=users, rate_limit=2)
    answers = [await client.get(JOBS), await client.get(JOBS, auth=("admin", "admin-password")), await client.get(JOBS)]
    assert [answer.status_code for answer in answers] == [401, 200, 429]
