"""Docker tasks run as plain programs of this machine, with files where the job can find them, and end whole."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.job import SpecConfig, Task
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.process import ProcessRunner

IMAGE = "acme/clean:1"
SH = ["/bin/sh", "-c"]


@pytest.fixture
def runner(release):
    """Programs of the release."""
    return ProcessRunner(release)


@pytest.fixture
def process(runner, make_work, printed):
    """Runs engine parameters; gives back (exit code, stdout, stderr, run)."""

    async def run(params, *, by=runner, **more):
        work = make_work("docker", {"Image": IMAGE, **params}, **more)
        finished = await asyncio.wait_for(by.run(work), 60)
        return finished.exit_code, printed(work), printed(work, 2), work

    return run


@pytest.fixture
def shell(process):
    """Runs a line of shell."""

    async def run(line, **more):
        return await process({"Entrypoint": SH, "Parameters": [line]}, **more)

    return run


async def test_a_job_finds_its_inputs_and_leaves_its_results(shell):
    """A job that names its files by the paths of its container would fail on a machine without walls."""
    code, out, err, work = await shell(
        'cat /inputs/hello.txt; cat "$IN"; echo x > /outputs/f; echo y > /a/b/g; pwd; echo err >&2; exit 3',
        inputs={"/inputs/hello.txt": b"hello\n"},
        results={"outputs": "/outputs", "deep": "/a/b"},
        env={"IN": "/inputs/hello.txt"},
    )
    root = work.folder / "root"
    assert (code, out, err) == (3, f"hello\nhello\n{root}\n".encode(), b"err\n")
    results = work.folder.parent / "results"
    assert ((results / "outputs" / "f").read_text(), (results / "deep" / "g").read_text()) == ("x\n", "y\n")


async def test_an_input_inside_a_result_path_leaves_an_empty_file(shell):
    """The results would lead to a file that is gone (FINDINGS-docker 4)."""
    _, out, _, work = await shell("cat /outputs/in", inputs={"/outputs/in": b"input\n"}, results={"outputs": "/outputs"})
    left = work.folder.parent / "results" / "outputs" / "in"
    assert (out, left.is_symlink(), left.read_bytes(), left.stat().st_mode & 0o777) == (b"input\n", False, b"", 0o755)


@pytest.mark.parametrize(("folder", "shown"), [("/no/such", "/no/such"), ("", "")])
async def test_the_working_directory_is_the_runs_own(shell, process, folder, shown):
    """A job would leave its files in a folder of this machine."""
    code, out, _, work = await process({"Entrypoint": [*SH, "pwd; echo x > left"], "WorkingDirectory": folder})
    assert (code, out.decode()) == (0, f"{work.folder / 'root'}{shown}\n")


async def test_the_home_folder_is_the_runs_own(shell):
    """Programs would write their caches and settings into the user's home folder."""
    _, out, _, work = await shell('echo "$HOME"; env | cut -d= -f1 | sort | tr "\\n" " "', env={"T_A": "1"})
    home, names = out.decode().splitlines()
    assert home == str(work.folder / "root")
    assert set(names.split()) <= {"HOME", "PATH", "T_A", "PWD", "OLDPWD", "SHLVL", "_"}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "creating container: Error response from daemon: no command specified"),
        ({"Entrypoint": ["nosuchcommand"]}, 'failed to start container: executable file not found: Error response from daemon: exec: "nosuchcommand"'),
        ({"Entrypoint": ["/no/such"]}, "failed to start container: failed to start container: Error response from daemon: exec"),
        ({"Entrypoint": ["/"]}, "failed to start container: failed to start container: Error response from daemon: exec"),
    ],
)
async def test_what_cannot_start_is_a_failure_not_an_exit_code(process, params, message):
    """126 and 127 of a program that never ran would look like its own (golden 73)."""
    with pytest.raises(StepError) as failure:
        await process(params)
    assert failure.value.message.startswith(message)


async def test_a_local_input_is_where_the_job_expects_it_and_nothing_is_put_into_it(shell, tmp_path):
    """A link would be left in a folder of the user."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "f").write_text("x\n")
    local = [Mount(mine, "/data", shared=True)]
    assert (await shell("cat /data/f", mounts=local))[1] == b"x\n"
    with pytest.raises(StepError, match="/data/in cannot lie inside of the local input /data"):
        await shell("true", mounts=local, inputs={"/data/in": b""})
    assert [path.name for path in mine.iterdir()] == ["f"]


async def test_what_stands_in_for_an_image_is_found(process, release, tmp_path):
    """`--images` would do nothing without walls."""
    tool = tmp_path / "app" / "bin" / "tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho tool $1\n")
    tool.chmod(0o755)
    rule = ImageRule("acme/*", mounts={str(tmp_path / "app"): "/app"}, path=("/app/bin",))
    runner = ProcessRunner(release, images=Images(release, [rule, ImageRule("other/gone", missing=True)]))
    assert (await process({"Entrypoint": ["tool", "1"]}, by=runner))[1] == b"tool 1\n"
    assert (await process({"Entrypoint": ["/app/bin/tool", "2"]}, by=runner))[1] == b"tool 2\n"
    with pytest.raises(StepError, match="image not available"):
        runner.check(Task(name="main", engine=SpecConfig("docker", {"Image": "other/gone"})))


async def test_limits_hold(shell):
    """A job would take the machine down though it said what it needs."""
    line = "echo before; x=0123456789abcdef; while :; do x=$x$x; done"
    code, out, _, _ = await shell(f"{line} 2>/dev/null", memory=64 * 2**20)
    assert (code != 0, out) == (True, b"before\n")
    code, out, _, _ = await shell("n=0; while [ $n -lt 3000 ]; do sleep 300 & n=$((n+1)); done 2>/dev/null; sleep 1; echo all")
    assert (code, b"all" in out) == (137, False)
    with pytest.raises(StepError, match="disk limit of 1048576 bytes"):
        await shell("for n in 1 2 3 4 5 6 7 8 9; do head -c 900000 /dev/zero > /outputs/$n; done; sleep 20", results={"outputs": "/outputs"}, disk=2**20)


async def test_a_stopped_program_leaves_nothing(runner, make_work, sleeping):
    """Children, sessions of their own and deaf programs would outlive their stop."""
    marker = f"59{os.getpid()}"
    line = f"trap '' TERM INT HUP; setsid sleep {marker} & (setsid sleep {marker} &) ; echo on; sleep {marker}"
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": SH, "Parameters": [line]})
    task = asyncio.create_task(runner.run(work))
    async for chunk in work.log.follow():
        assert chunk.data == b"on\n"
        break
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 2
    assert sleeping(marker) == 0
