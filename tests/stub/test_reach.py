"""A stub that other machines reach: two network namespaces of this machine, one for the stub and one for its client."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

STUB_ADDRESS, CLIENT_ADDRESS = "10.83.71.1", "10.83.71.2"
SERVE = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--nodes", "1", "--docker-runner", "scripted"]
ASK = """
import http.client, json, sys
found = []
for method, port, path, headers, body in json.load(sys.stdin):
    connection = http.client.HTTPConnection("ADDRESS", port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        found.append([answer.status, answer.read().decode("latin-1")])
    except OSError as error:
        found.append([0, type(error).__name__])
print(json.dumps(found))
""".replace("ADDRESS", STUB_ADDRESS)


@pytest.fixture(scope="module")
def spaces():
    """How to run something in the stub's namespace, and in its client's."""
    own_users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    with contextlib.ExitStack() as stack:
        if not (shutil.which("unshare") and shutil.which("nsenter") and shutil.which("ip")):
            pytest.skip("no network namespaces: unshare, nsenter or ip is not installed")
        stub = stack.enter_context(held(["unshare", *own_users, "--net"]))

        def into(holder):
            users = ["--user", "--preserve-credentials"] if own_users else []
            return ["nsenter", "--target", str(holder.pid), *users, "--net", "--"]

        client = stack.enter_context(held([*into(stub), "unshare", "--net"]))
        steps = [
            (stub, f"link add stub0 type veth peer name stub1 netns {client.pid}"),
            (stub, f"address add {STUB_ADDRESS}/24 dev stub0"),
            (stub, "link set stub0 up"),
            (stub, "link set lo up"),
            (client, f"address add {CLIENT_ADDRESS}/24 dev stub1"),
            (client, "link set stub1 up"),
        ]
        for holder, step in steps:
            done = subprocess.run([*into(holder), "ip", *step.split()], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no network namespaces: {done.stderr.strip()}")
        yield into(stub), into(client)


@contextlib.contextmanager
def held(command):
    """A process that holds the namespace which the command makes."""
    holding = "import sys; print('on', flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, sys.executable, "-c", holding], stdin=pipe, stdout=pipe, stderr=pipe) as holder:
        if holder.stdout.readline() != b"on\n":
            pytest.skip(f"no network namespaces: {holder.stderr.read().decode().strip()}")
        yield holder
        holder.stdin.close()


@pytest.fixture(scope="module")
def opened(spaces):
    """A stub that is reached as stub.test, its first lines, and what its client's requests are answered.

    A request is method, port, path, headers (Host is stub.test unless given) and body.
    """
    in_stub, in_client = spaces
    flags = ["--host", "0.0.0.0", "--allow-host", "stub.test", "--allow-host", STUB_ADDRESS, "--control-token", "T0ken-of-the-tests"]
    with subprocess.Popen([*in_stub, *SERVE, *flags], stdout=subprocess.PIPE, text=True) as stub:
        banner = [stub.stdout.readline().rstrip("\n")]
        while not banner[-1].startswith("export BACALHAU"):
            banner.append(stub.stdout.readline().rstrip("\n"))
        port = int(banner[0].rpartition(":")[2])

        def ask(*requests):
            full = [[m, p or port, path, {"Host": f"stub.test:{p or port}", **h}, b] for m, p, path, h, b in requests]
            done = subprocess.run([*in_client, sys.executable, "-c", ASK], input=json.dumps(full), capture_output=True, text=True, check=True)
            return json.loads(done.stdout)

        yield banner, ask
        stub.terminate()
        assert stub.wait(10) == 0


def get(path, port=0, **headers):
    """A request."""
    return ("GET", port, path, headers, None)


def test_another_machine_reaches_the_api_by_its_allowed_name(opened):
    """Airflow in a container could not use the stub; or any name, and so any web page, would do."""
    _, ask = opened
    alive, by_another, page = ask(
        get("/api/v1/agent/alive"),
        get("/api/v1/agent/alive", Host="evil.example"),
        get("/api/v1/agent/alive", Origin="https://evil.example"),
    )
    assert alive == [200, '{"Status":"OK"}\n']
    assert (by_another[0], page[0]) == (403, 403)
    assert "--allow-host evil.example" in by_another[1]
    assert "--allow-origin https://evil.example" in page[1]


def test_another_machine_controls_the_stub_with_the_token_alone(opened):
    """Everybody on the network could stop the clock, or tests in a container could not."""
    _, ask = opened
    without, wrong, right, journal = ask(
        get("/stub/info"),
        get("/stub/info", Authorization="Bearer wrong"),
        get("/stub/info", Authorization="Bearer T0ken-of-the-tests"),
        get("/stub/journal", Authorization="Bearer T0ken-of-the-tests"),
    )
    assert (without[0], wrong[0], right[0]) == (403, 403, 200)
    assert "Authorization: Bearer TOKEN" in json.loads(without[1])["error"]
    assert "not the token" in json.loads(wrong[1])["error"]
    assert json.loads(right[1])["flags"]["control_token"] is True
    assert "T0ken" not in right[1] + journal[1]


def test_the_banner_says_how_others_reach_it_and_not_the_token(opened):
    """The user would have to guess; or a log would show the token."""
    banner, _ = opened
    (note,) = [line for line in banner if "other machines" in line]
    assert re.fullmatch(r"note     other machines reach it as http://stub.test:\d+, http://10.83.71.1:\d+; /stub/ opens with the control token", note)
    assert "T0ken" not in "\n".join(banner)


@pytest.mark.parametrize("publisher", ["local", "s3"])
def test_another_machine_reads_the_results(opened, publisher):
    """A job would succeed, and its results lie behind an address that means another machine there."""
    _, ask = opened
    params = {"s3": {"Bucket": "results", "Key": "out.tar.gz", "Region": "us-east-1"}, "local": {}}[publisher]
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "x"}}, "Publisher": {"Type": publisher, "Params": params}}
    body = json.dumps({"Job": {"Name": publisher, "Type": "batch", "Count": 1, "Tasks": [task]}})
    ((status, made),) = ask(("PUT", 0, "/api/v1/orchestrator/jobs", {"Content-Type": "application/json"}, body))
    assert status == 200, made
    job = f"/api/v1/orchestrator/jobs/{json.loads(made)['JobID']}"
    while json.loads(ask(get(job))[0][1])["Job"]["State"]["StateType"] not in ("Completed", "Failed"):
        pass
    (item,) = json.loads(ask(get(f"{job}/results"))[0][1])["Items"]
    url = item["Params"].get("URL") or item["Params"]["PreSignedURL"]
    host, port, path = re.fullmatch(r"http://([^:/]+):(\d+)(/.*)", url).groups()
    assert host == "stub.test"
    ((status, archive), (foreign, _)) = ask(get(path, int(port)), get(path, int(port), Host="evil.example"))
    assert (status, archive[:2]) == (200, "\x1f\x8b")
    assert foreign == 403


def test_env_leads_other_machines_to_the_name_that_they_use(opened, spaces):
    """`eval "$(bacalhau-stub env --host stub)"` in a container would lead to the container itself."""
    banner, _ = opened
    in_client = spaces[1]
    port = banner[0].rpartition(":")[2]
    command = [*in_client, sys.executable, "-m", "orchestrator_stub", "env", "--host", STUB_ADDRESS, "--port", port]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, "Authorization: Bearer TOKEN" in refused.stderr) == (1, True)
    done = subprocess.run([*command, "--control-token", "T0ken-of-the-tests"], capture_output=True, text=True, check=True)
    bacalhau, aws, api = done.stdout.splitlines()
    assert bacalhau == f"export AIRFLOW_CONN_BACALHAU_DEFAULT='bacalhau://{STUB_ADDRESS}:{port}'"
    assert f'"endpoint_url":"http://{STUB_ADDRESS}:' in aws
    assert api == f"export BACALHAU_API_HOST={STUB_ADDRESS} BACALHAU_API_PORT={port}"


def test_a_stub_without_those_flags_is_not_reached_at_all(spaces):
    """A stub of a laptop in a café would be open to everybody."""
    in_stub, in_client = spaces
    with subprocess.Popen([*in_stub, *SERVE, "--s3", "off"], stdout=subprocess.PIPE, text=True) as stub:
        port = int(stub.stdout.readline().rpartition(":")[2])
        requests = [["GET", port, "/api/v1/agent/alive", {"Host": "localhost"}, None]]
        done = subprocess.run([*in_client, sys.executable, "-c", ASK], input=json.dumps(requests), capture_output=True, text=True, check=True)
        stub.terminate()
    assert json.loads(done.stdout) == [[0, "ConnectionRefusedError"]]
