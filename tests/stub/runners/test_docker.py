"""Docker tasks run in containers of a real engine, as on recorded servers (goldens 70-73), and leave nothing behind."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import engines
import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.job import Network, SpecConfig, Task
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.docker import DockerRunner
from orchestrator_stub.runners.docker_engine import EngineAt
from orchestrator_stub.runners.docker_owner import OWNER
from orchestrator_stub.runners.docker_sockets import find_engine
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.sandbox import SandboxRunner

IMAGE = engines.IMAGE
SH = ["/bin/sh", "-c"]


@pytest.fixture
def at(engine_socket):
    """Where the engine is."""
    found = find_engine(f"unix://{engine_socket}")
    assert found.reason == ""
    return found.engine


@pytest.fixture
def runner(release, at):
    """Containers of the release; none may be left at the end, nor a volume."""
    yield DockerRunner(release, at)
    with engines.client(at.socket) as asking:
        assert asking.get("/containers/json", params={"all": "1"}).json() == []
        assert not asking.get("/volumes").json()["Volumes"]


@pytest.fixture
def container(runner, make_work, printed):
    """Runs engine parameters; gives back (exit code, stdout, stderr, run)."""

    async def run(params, **more):
        work = make_work("docker", {"Image": IMAGE, **params}, **{"network": Network("None"), **more})
        finished = await asyncio.wait_for(runner.run(work), 60)
        return finished.exit_code, printed(work), printed(work, 2), work

    return run


@pytest.fixture
def shell(container):
    """Runs a line of shell."""

    async def run(line, **more):
        return await container({"Entrypoint": SH, "Parameters": [line]}, **more)

    return run


async def test_program_output_exit_code_and_files_are_as_in_the_sandbox(shell, release, make_work, printed):
    """A job would end differently, or with other results, where another runner takes it."""
    line = (
        'echo "out $T_A"; printf err >&2; read x; echo "read $?"; cat /inputs/hello.txt; echo more >> /inputs/hello.txt;'
        "echo x > /inputs/beside; cat /outputs/in; mkdir -p /outputs/d/e; echo deep > /outputs/d/e/f; ln -s d /outputs/link;"
        " chmod 600 /outputs/d/e/f; rmdir /a/b 2>/dev/null; echo rmdir $?; ls /elsewhere 2>/dev/null || pwd; exit 3"
    )
    options = {
        "inputs": {"/inputs/hello.txt": b"hello\n", "/outputs/in": b"inner\n"},
        "results": {"outputs": "/outputs", "deep": "/a/b"},
        "env": {"T_A": '"quoted" $HOME *'},
    }
    code, out, err, work = await shell(line, **options)
    other = make_work("docker", {"Image": IMAGE, "Entrypoint": SH, "Parameters": [line]}, **options)
    finished = await SandboxRunner(release, "/usr/bin/bwrap").run(other)
    assert (code, out, err) == (finished.exit_code, printed(other), printed(other, 2)) == (3, out, b"err")
    assert out == b'out "quoted" $HOME *\nread 1\nhello\ninner\nrmdir 1\n/\n'
    assert left_in(work) == left_in(other)
    assert left_in(work)["outputs/d/e/f"] == b"deep\n"
    assert left_in(work)["outputs/in"] == b""


def left_in(work):
    """Path below the results -> content, "" for folders, the target of a link."""
    results = work.folder.parent / "results"
    return {
        str(path.relative_to(results)): str(path.readlink()) if path.is_symlink() else "" if path.is_dir() else path.read_bytes()
        for path in sorted(results.rglob("*"))
    }


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "creating container: Error response from daemon: "),
        ({"Entrypoint": ["/no/such/command"]}, "failed to start container: failed to start container: Error response from daemon: "),
        ({"Entrypoint": ["nosuchcommand"]}, "failed to start container: executable file not found: Error response from daemon: "),
        ({"Entrypoint": ["/bin"]}, "failed to start container: failed to start container: Error response from daemon: "),
    ],
)
async def test_what_cannot_start_is_a_failure_in_the_servers_words(container, params, message):
    """Airflow would see an exit code, or another reason than on a cluster (golden 73)."""
    with pytest.raises(StepError) as failure:
        await container(params)
    assert failure.value.message.startswith(message)
    assert len(failure.value.message) > len(message)


async def test_all_output_arrives_however_much_and_however_fast(shell):
    """The end of a long log would be missing, or its streams mixed up."""
    code, out, err, work = await shell("i=0; while [ $i -lt 3000 ]; do echo 0123456789; i=$((i+1)); done; head -c 1000000 /dev/zero; echo end >&2")
    assert (code, len(out), out[:22], err) == (0, 1_033_000, b"0123456789\n0123456789\n", b"end\n")
    assert work.log.head(1)[1] is True


async def test_lines_come_as_they_are_written(runner, make_work):
    """A log that shows only at the end could not be followed."""
    params = {"Image": IMAGE, "Entrypoint": [*SH, "echo first; while ! test -e /nowhere; do sleep 0.05; done"]}
    work = make_work("docker", params, network=Network("None"))
    task = asyncio.create_task(runner.run(work))
    async for chunk in work.log.follow():
        assert chunk.data == b"first\n"
        break
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_limits_hold(shell):
    """A job would take the machine down (golden 73, oom)."""
    code, out, _, _ = await shell("echo before; x=0123456789abcdef; while :; do x=$x$x; done", memory=32 * 2**20)
    assert (code, out) == (137, b"before\n")
    _, out, _, _ = await shell("n=0; while [ $n -lt 700 ]; do sleep 30 & n=$((n+1)); done 2>/dev/null; echo all")
    assert b"all" not in out


async def test_memory_that_was_not_enough_is_named_where_the_engine_noticed(runner, make_work, at):
    """The user would look for a signal of somebody else's (pkg/executor/docker/handler.go)."""
    line = "x=0123456789abcdef; while :; do x=$x$x; done"
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": [*SH, line]}, network=Network("None"), memory=32 * 2**20)
    finished = await runner.run(work)
    assert finished.exit_code == 137
    assert finished.complaint == ("memory limit exceeded" if at.name.startswith("Docker") else "")


async def test_more_processors_than_the_engine_has_can_be_asked_for(runner, make_work):
    """The stub's nodes advertise 16 whatever the machine has: such a job would never start on a laptop."""
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": ["true"]}, network=Network("None"))
    assert (await runner.run(replace(work, limits=replace(work.limits, cpu=64.0)))).exit_code == 0


async def test_a_disk_limit_is_kept_by_the_results(shell):
    """One job would fill the disk of the stub."""
    with pytest.raises(StepError, match="disk limit of 1048576 bytes"):
        await shell("head -c 3000000 /dev/zero > /outputs/f", results={"outputs": "/outputs"}, disk=2**20)


@pytest.mark.parametrize("engine_socket", ["podman"], indirect=True)  # the Docker of these tests runs without
async def test_networks(shell):
    """A job without network would reach this machine, or one with a network nothing."""
    names = "ip -o link | cut -d: -f2 | cut -d@ -f1"
    assert (await shell(names, network=Network("None")))[1].split() == [b"lo"]
    assert (await shell(names, network=Network("Bridge")))[1].split() == [b"lo", b"eth0"]
    assert len((await shell(names, network=Network("Host")))[1].split()) >= 1
    with pytest.raises(StepError, match='unsupported network type "Nope"'):
        await shell("true", network=Network("Nope"))


async def test_a_local_input_is_read_only_unless_granted(shell, tmp_path):
    """A job would change files of the user."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "f").write_text("x\n")
    code, out, _, _ = await shell("cat /data/f; echo y > /data/f", mounts=[Mount(mine, "/data", shared=True)])
    assert (code != 0, out, (mine / "f").read_text()) == (True, b"x\n", "x\n")
    granted = [Mount(mine, "/data", writable=True, shared=True)]
    assert (await shell("echo y > /data/f", mounts=granted))[0] == 0
    assert (mine / "f").read_text() == "y\n"


async def test_an_image_that_cannot_be_pulled_does_not_exist(runner, caplog):
    """The job would wait for ever, or fail in words that no server has (FINDINGS-docker 6); whoever runs the stub
    would not learn why."""
    task = Task(name="main", engine=SpecConfig("docker", {"Image": "localhost:9/nope:1"}))
    with pytest.raises(StepError) as failure:
        await runner.check(task)()
    assert failure.value.message == 'image not available: "localhost:9/nope:1"'
    assert failure.value.details["ErrorCode"] == "Docker:ImageNotFound"
    assert "localhost:9/nope:1 cannot be pulled" in caplog.text
    assert await runner.check(Task(name="main", engine=SpecConfig("docker", {"Image": IMAGE})))() is None


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.2, 0.6])
async def test_a_run_stopped_at_any_moment_leaves_no_container(runner, make_work, moment):
    """`job stop` in the same breath as `job run` would leave the program running for ever."""
    line = "trap '' TERM INT HUP; setsid sleep 300 & sleep 300"
    work = make_work(
        "docker",
        {"Image": IMAGE, "Entrypoint": [*SH, line]},
        network=Network("None"),
        inputs={"/in": b"x" * 100_000},
        results={"outputs": "/outputs"},
    )
    task = asyncio.create_task(runner.run(work))
    await asyncio.sleep(moment)
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 5


async def test_containers_say_whose_they_are(runner, make_work, at):
    """Nobody could tell what a killed stub left from what others run."""
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": [*SH, "echo on; sleep 300"]}, network=Network("None"))
    task = asyncio.create_task(runner.run(work))
    async for _ in work.log.follow():
        break
    with engines.client(at.socket) as asking:
        (one,) = asking.get("/containers/json").json()
    assert OWNER in one["Labels"]
    assert one["Labels"]["stub.bacalhau.org/execution"] == "e-1"
    task.cancel()
    await asyncio.wait([task])


async def test_an_engine_that_is_gone_fails_the_job_in_its_clients_words(release, make_work, tmp_path):
    """The job would hang, or fail with a traceback."""
    runner = DockerRunner(release, EngineAt(tmp_path / "none.sock", "Docker 0"))
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": ["true"]})
    with pytest.raises(StepError, match="^Cannot connect to the Docker daemon at unix://.*none.sock. Is the docker daemon running"):
        await runner.run(work)


def test_a_broken_spec_and_a_missing_image_are_refused_at_the_bid(release, tmp_path):
    """They would fail later, with other words than a real server's, or run although the image is to be missing."""
    images = Images(release, [ImageRule("acme/gone", missing=True)])
    runner = DockerRunner(release, EngineAt(tmp_path / "none.sock", "Docker 0"), images=images)
    for params, message in (
        ({"Image": ""}, "invalid docker engine param: 'Image' cannot be empty"),
        ({"Image": "UPPER CASE::x"}, "Error response from daemon: invalid reference format"),
        ({"Image": "acme/gone:1"}, 'image not available: "acme/gone:1"'),
    ):
        with pytest.raises(StepError) as refused:
            runner.check(Task(name="main", engine=SpecConfig("docker", params)))
        assert refused.value.message == message
