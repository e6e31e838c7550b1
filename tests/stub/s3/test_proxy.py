"""The embedded S3 is real, starts when it is first asked, and ends with the stub."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator_stub.runners.watchdog import tree
from orchestrator_stub.s3.client import S3Settings
from orchestrator_stub.s3.proxy import PORT, S3Service


def children():
    """Processes below this one."""
    return tree(os.getpid())


async def test_objects_are_kept(service):
    """What one client stores another could not read."""
    access = service.access()

    def use():
        client = access.client("", "")
        client.create_bucket(Bucket="box")
        client.put_object(Bucket="box", Key="k/ü ä.txt", Body=b"x" * 3_000_000)
        return access.client("", "eu-west-1").get_object(Bucket="box", Key="k/ü ä.txt")["Body"].read()

    assert await asyncio.to_thread(use) == b"x" * 3_000_000


async def test_nothing_of_the_server_runs_before_it_is_asked(service):
    """An idle stub would pay for a server that nobody uses."""
    before = set(children())
    assert service.endpoint.startswith("http://127.0.0.1:")
    await asyncio.to_thread(lambda: service.access().client("", "").list_buckets())
    assert len(set(children()) - before) == 1


async def test_many_first_connections_start_one_server(service):
    """Objects would be spread over several servers."""
    before = set(children())
    client = await asyncio.to_thread(lambda: service.access().client("", ""))
    await asyncio.gather(*(asyncio.to_thread(client.list_buckets) for _ in range(5)))
    assert len(set(children()) - before) == 1


async def test_close_ends_the_server_and_frees_the_port():
    """A stopped stub would leave a process and a port behind."""
    before = set(children())
    service = S3Service(S3Settings(), port=0)
    await service.start()
    await asyncio.to_thread(lambda: service.access().client("", "").list_buckets())
    await service.close()
    assert set(children()) == before
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", int(service.endpoint.rpartition(":")[2])), 1):
        pass


async def test_a_taken_port_is_replaced():
    """A second stub could not start."""
    first, second = S3Service(S3Settings()), S3Service(S3Settings())
    await first.start()
    await second.start()
    try:
        assert first.endpoint != second.endpoint
        assert str(PORT) in first.endpoint or not first.endpoint.endswith(f":{PORT}")
    finally:
        await first.close()
        await second.close()


async def test_other_machines_get_a_name_of_their_own():
    """Links to objects would lead other machines to themselves, or the stub's own uploads to a name it cannot resolve."""
    far, near = (S3Service(S3Settings(), host=host, port=0, hosts=("stub",)) for host in ("0.0.0.0", "127.0.0.1"))
    for service in (far, near):
        await service.start()
        await service.close()
    assert far.endpoint.startswith("http://127.0.0.1:")
    assert far.public == far.endpoint.replace("127.0.0.1", "stub")
    assert near.public == ""


@pytest.mark.parametrize(("word", "endpoint", "is_on"), [("off", "", False), ("aws", "", True), ("http://h:1/", "http://h:1", True)])
async def test_other_modes_bind_nothing(word, endpoint, is_on):
    """The stub would offer an S3 that the user has switched off or put elsewhere."""
    service = S3Service(S3Settings.of(word))
    await service.start()
    assert (service.endpoint, service.is_on) == (endpoint, is_on)
    await service.close()


def test_the_server_ends_when_the_stub_is_killed(tmp_path):
    """A stub that is killed would leave its server running for ever."""
    code = (
        "import asyncio, sys, time\n"
        "from orchestrator_stub.s3.client import S3Settings\n"
        "from orchestrator_stub.s3.proxy import S3Service\n"
        "async def main():\n"
        "    service = S3Service(S3Settings(), port=0)\n"
        "    await service.start()\n"
        "    await asyncio.to_thread(lambda: service.access().client('', '').list_buckets())\n"
        "    print(service._backend._process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}) as stub:
        pid = int(stub.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        stub.kill()
    while Path(f"/proc/{pid}").exists():
        if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
            break


def test_importing_the_room_imports_no_server():
    """Start and memory of a stub would include moto, flask and boto."""
    code = (
        "import sys, orchestrator_stub.s3.proxy, orchestrator_stub.s3.client, orchestrator_stub.inputs.registry,"
        " orchestrator_stub.publishers.registry, orchestrator_stub.runners.registry\n"
        "print([name for name in ('moto', 'flask', 'boto3', 'botocore', 'h11', 'wasmtime', 'httpx', 'werkzeug') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
