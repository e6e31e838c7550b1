"""A hostile program in the sandbox: what it tries to read, reach, use up and outlive (beside test_sandbox.py)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Network
from orchestrator_stub.runners.launcher import PROCESSES
from orchestrator_stub.runners.sandbox import SandboxRunner

BASH = ["bash", "-c"]


@pytest.fixture
def runner(release):
    """A sandbox of the release."""
    return SandboxRunner(release, "/usr/bin/bwrap")


@pytest.fixture
def shell(runner, make_work, printed):
    """Runs a line of bash; gives back (exit code, stdout, stderr, run)."""

    async def run(line, **more):
        work = make_work("docker", {"Image": "acme/evil", "Entrypoint": BASH, "Parameters": [line]}, **more)
        finished = await asyncio.wait_for(runner.run(work), 60)
        return finished.exit_code, printed(work), printed(work, 2), work

    return run


async def test_it_reads_no_secret_of_the_person_who_runs_the_stub(shell, tmp_path, monkeypatch):
    """Keys in the home folder, in the stub's environment or in its working folder would be open to every job."""
    secret = f"secret-{os.getpid()}"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    (tmp_path / "key").write_text(secret)
    places = f"{Path.home()} /root /home /var /run /srv /opt /mnt /media /boot /sys {tmp_path} {Path.cwd()}"
    line = (
        f"for place in {places}; do grep -rsI {secret} $place; find $place -type f 2>/dev/null | head -3; done;"
        f" for one in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do grep -a {secret}$ $one; done; cat {tmp_path}/key;"
        " cat /etc/shadow /etc/machine-id /etc/resolv.conf"
    )
    _, out, _, _ = await shell(line)
    assert out == b""


async def test_it_sees_and_kills_no_process_of_this_machine(shell):
    """A job could end the stub, or read what it holds in memory."""
    line = f"ls /proc | grep -c '^[0-9]*$'; kill -0 {os.getpid()} 2>/dev/null && echo seen; kill -9 -1; echo $?"
    _, out, _, _ = await shell(line)
    count, *rest = out.decode().split()
    assert int(count) <= 5
    assert "seen" not in rest


@pytest.mark.parametrize("kind", ["None", "Bridge", "Host", "Full"])
async def test_it_reaches_nothing_whatever_network_the_job_asks_for(shell, tmp_path, kind):
    """A job could control the stub, other services of this machine, its container engine, or the internet."""
    async def greet(reader, writer):
        writer.write(b"reached")
        writer.close()

    servers = [
        await asyncio.start_server(greet, "127.0.0.1", 0),
        await asyncio.start_unix_server(greet, str(tmp_path / "engine.sock")),
        await asyncio.start_unix_server(greet, f"\0stub-{os.getpid()}"),
    ]
    port = servers[0].sockets[0].getsockname()[1]
    with contextlib.suppress(OSError):
        servers.append(await asyncio.start_server(greet, "::1", port))
    attempts = (
        "import socket\n"
        f"for family, address in ((2, ('127.0.0.1', {port})), (10, ('::1', {port})), (2, ('192.0.2.1', 80)),\n"
        f"                        (1, '{tmp_path}/engine.sock'), (1, chr(0) + 'stub-{os.getpid()}'), (1, '/var/run/docker.sock')):\n"
        "    try:\n"
        "        one = socket.socket(family); one.settimeout(2); one.connect(address); print('reached', address)\n"
        "    except OSError as error:\n"
        "        print('no', error.errno)\n"
        "try:\n"
        "    socket.getaddrinfo('example.com', 80); print('resolved')\n"
        "except OSError:\n"
        "    print('no name')\n"
    )
    python = Path("/usr/bin/python3")
    line = f"exec {python} -I -S -c \"$CODE\"" if python.exists() else f"(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached"
    try:
        _, out, _, _ = await shell(line, env={"CODE": attempts}, network=Network(kind))
    finally:
        for server in servers:
            server.close()
    assert b"reached" not in out
    assert b"resolved" not in out
    if python.exists():
        assert out.count(b"no ") == 7


async def test_it_gets_no_further_rights(shell, tmp_path):
    """Root of its own namespace could mount, load modules, make devices, or start walls with other rules."""
    tries = ["mount -t tmpfs x /mnt", "mknod /disk b 8 0", "unshare --user true", "unshare --mount true", "chroot / true", "hostname evil"]
    line = "; ".join(f"{one} >/dev/null 2>&1 && echo '{one}'" for one in tries)
    _, out, _, _ = await shell(f"{line}; true")
    assert set(out.decode().splitlines()) <= {"chroot / true", "hostname evil"}


async def test_forks_without_end_leave_room_for_others_and_end_with_the_job(runner, make_work, sleeping):
    """A fork bomb would take the machine down, or go on after its job was stopped."""
    marker = f"61{os.getpid()}"
    line = f"bomb() {{ bomb | bomb & sleep {marker}; }}; bomb"
    work = make_work("docker", {"Image": "acme/evil", "Entrypoint": BASH, "Parameters": [line]})
    task = asyncio.create_task(runner.run(work))
    most, until = 0, time.monotonic() + 30
    while most < 50 and time.monotonic() < until:
        most = max(most, sleeping(marker))
        await asyncio.sleep(0.05)
    assert 50 <= most <= PROCESSES
    task.cancel()
    began = time.monotonic()
    with pytest.raises((asyncio.CancelledError, StepError)):
        await task
    assert time.monotonic() - began < 5
    assert sleeping(marker) == 0


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("i=0; while :; do echo x > /outputs/$i; i=$((i+1)); done", "disk limit of 8388608 bytes"),
        ("i=0; while :; do : > /outputs/$i; i=$((i+1)); done", "disk limit of 8388608 bytes"),
        ("i=0; while :; do : > /tmp/$i; i=$((i+1)); done", "more than 3000 files"),
        ("i=0; while :; do : > /dev/shm/$i; i=$((i+1)); done", "more than 3000 files"),
    ],
)
async def test_files_without_end_fail_the_job(shell, monkeypatch, line, complaint):
    """A job would use up the disk, its names, or the memory that the kernel keeps them in."""
    monkeypatch.setattr("orchestrator_stub.runners.sandbox.FILES", 3000)
    with pytest.raises(StepError, match=complaint):
        await shell(line, results={"outputs": "/outputs"}, disk=2**23)


async def test_output_without_end_can_be_stopped(runner, make_work):
    """The stub would drown in what a job prints, or not hear that it is to stop."""
    work = make_work("docker", {"Image": "acme/evil", "Entrypoint": BASH, "Parameters": ["while :; do echo 0123456789; done"]})
    task = asyncio.create_task(runner.run(work))
    while work.log.size(1) < 100_000:
        await asyncio.sleep(0.01)
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 2


async def test_its_files_are_not_followed_out_of_the_results(shell, tmp_path):
    """A link in the results would publish any file of this machine."""
    (tmp_path / "mine").write_text("secret")
    _, _, _, work = await shell(
        f"ln -s {tmp_path}/mine /outputs/link; ln -s / /outputs/root; ln {tmp_path}/mine /outputs/hard; mkfifo /outputs/pipe",
        results={"outputs": "/outputs"},
    )
    results = work.folder.parent / "results" / "outputs"
    assert sorted(path.name for path in results.iterdir()) == ["link", "pipe", "root"]
    assert all(path.is_symlink() for path in results.iterdir() if path.name != "pipe")
