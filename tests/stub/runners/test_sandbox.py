"""Docker tasks run as programs of this machine, as recorded servers run containers (goldens 70-73)."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.job import Network, SpecConfig, Task
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.sandbox import SandboxRunner

IMAGE = "localhost/busybox:latest"
SH = ["/bin/sh", "-c"]


@pytest.fixture
def runner(release):
    """A sandbox of the release."""
    return SandboxRunner(release, "/usr/bin/bwrap")


@pytest.fixture
def sandbox(runner, make_work, printed):
    """Runs engine parameters; gives back (exit code, stdout, stderr, run)."""

    async def run(params, **more):
        work = make_work("docker", {"Image": IMAGE, **params}, **more)
        finished = await asyncio.wait_for(runner.run(work), 60)
        return finished.exit_code, printed(work), printed(work, 2), work

    return run


@pytest.fixture
def shell(sandbox):
    """Runs a line of shell."""

    async def run(line, **more):
        return await sandbox({"Entrypoint": SH, "Parameters": [line]}, **more)

    return run


@pytest.mark.parametrize(
    ("line", "code", "stdout", "stderr"),
    [
        ("echo hello; echo err >&2", 0, b"hello\n", b"err\n"),
        ("echo hello; echo err >&2; exit 3", 3, b"hello\n", b"err\n"),
        ("exit 137", 137, b"", b""),
        ("/bin/sh -c 'kill -9 $$' 2>/dev/null; echo child $?; exit 137", 137, b"child 137\n", b""),
        ("kill -9 $$; echo still here", 0, b"still here\n", b""),
        ("nosuchcommand 2>/dev/null", 127, b"", b""),
        ('read x; echo "read gives $?"', 0, b"read gives 1\n", b""),
        ("printf '\\000\\001\\377abc'", 0, b"\0\x01\xffabc", b""),
    ],
)
async def test_recorded_command_lines(shell, line, code, stdout, stderr):
    """A program's output or exit code would differ from a container's (golden 70)."""
    assert (await shell(line))[:3] == (code, stdout, stderr)


async def test_arguments_arrive_literally(sandbox):
    """A shell between would expand or split them (golden 70, arguments)."""
    script = 'for a in "$0" "$@"; do printf \'[%s]\' "$a"; done; echo'
    given = ["a", "b c", "", "$HOME", "*", 'd"e']
    assert (await sandbox({"Entrypoint": [*SH, script], "Parameters": given}))[1] == b'[a][b c][][$HOME][*][d"e]\n'


@pytest.mark.parametrize(
    "params",
    [
        {"Entrypoint": None, "Parameters": ["/bin/sh", "-c", "echo ok"]},
        {"Entrypoint": [], "Parameters": ["sh", "-c", "echo ok"]},
        {"entrypoint": ["sh", "-c", "echo ok"], "Parameters": None},
    ],
)
async def test_entrypoint_and_parameters_make_the_command(sandbox, params):
    """Null, empty and lower-case parameters mean what they mean on a real server; a bare name is looked up."""
    assert (await sandbox(params))[1] == b"ok\n"


async def test_the_environment_is_only_what_the_job_gets(shell):
    """Variables of the stub's own process, credentials among them, would reach jobs."""
    _, out, _, work = await shell("env", env={"T_A": "1  2", "BACALHAU_JOB_ID": "j-1"})
    lines = dict(line.split("=", 1) for line in out.decode().splitlines())
    lines.pop("PWD"), lines.pop("_", None), lines.pop("SHLVL", None), lines.pop("OLDPWD", None)
    assert set(lines) == {"PATH", "HOSTNAME", "HOME", "T_A", "BACALHAU_JOB_ID"}
    assert lines["T_A"] == "1  2"


@pytest.mark.parametrize(("folder", "printed_folder"), [("/dev", "/dev"), ("/no/such", "/no/such"), ("", "/")])
async def test_the_working_directory(sandbox, folder, printed_folder):
    """It is made when missing (golden 70, workdir and workdir-missing)."""
    params = {"Entrypoint": SH, "Parameters": ["pwd"], "WorkingDirectory": folder}
    assert (await sandbox(params))[1].decode() == printed_folder + "\n"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "creating container: Error response from daemon: "),
        ({"Entrypoint": ["/no/such/command"]}, "failed to start container: failed to start container: Error response from daemon: "),
        ({"Entrypoint": ["nosuchcommand"]}, "failed to start container: executable file not found: Error response from daemon: "),
        ({"Entrypoint": ["/dev"]}, "failed to start container: failed to start container: Error response from daemon: "),
        (
            {"Entrypoint": [*SH, "pwd"], "WorkingDirectory": "/bin/sh"},
            "failed to start container: failed to start container: Error response from daemon: ",
        ),
    ],
)
async def test_what_cannot_start_is_a_failure_not_an_exit_code(sandbox, params, message):
    """126 and 127 of a program that never ran would look like its own (golden 73)."""
    with pytest.raises(StepError) as failure:
        await sandbox(params)
    assert failure.value.message.startswith(message)
    assert len(failure.value.message) > len(message)


async def test_a_complaint_of_the_walls_is_not_the_programs_output(runner, make_work, printed):
    """The log of a job that did not start would show bubblewrap's words."""
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": ["nosuchcommand"]})
    with pytest.raises(StepError):
        await runner.run(work)
    assert printed(work, 2) == b""


async def test_output_that_only_looks_like_a_complaint_is_kept(shell):
    """A program that prints "bwrap: " would lose its output."""
    assert (await shell("echo bwrap: hi >&2; exit 4"))[:3] == (4, b"", b"bwrap: hi\n")


async def test_a_relative_target_and_too_little_memory_fail_to_start(shell):
    """Goldens 72 input-relative-target and 73 memory-tiny."""
    with pytest.raises(StepError, match="^creating container: Error response from daemon: "):
        await shell("true", inputs={"in/x": b""})
    with pytest.raises(StepError, match="^failed to start container: failed to start container: Error response "):
        await shell("true", memory=1_000_000)


async def test_inputs_are_files_that_the_job_may_change(shell):
    """Golden 72: readable, writable, not executable, owned by the job; others may be made beside them."""
    line = (
        "f=/inputs/hello.txt; for p in r w x; do test -$p $f && echo $p; done; test -O $f && echo owner;"
        " echo new > $f; echo x > /inputs/other && cat $f /data/c/d"
    )
    inputs = {"/inputs/hello.txt": b"hello\n", "/data/c/d": b"third\n"}
    assert (await shell(line, inputs=inputs))[1] == b"r\nw\nowner\nnew\nthird\n"


@pytest.mark.parametrize("target", ["/inputs", "/inputs/"])
async def test_a_target_is_the_path_of_the_file(shell, target):
    """Golden 72, input-dir-target and input-slash."""
    assert (await shell("test -d /inputs && echo directory; cat /inputs", inputs={target: b"x\n"}))[1] == b"x\n"


async def test_result_paths_are_folders_that_the_job_fills(shell):
    """Golden 72: made before the start, also where a file name is given; the job cannot remove them."""
    line = "echo deep > /a/b/c/f; test -d /out.txt && echo directory; rmdir /a/b/c 2>/dev/null; rmdir /out.txt 2>/dev/null; echo $?"
    _, out, _, work = await shell(line, results={"deep": "/a/b/c", "file": "/out.txt"})
    results = work.folder.parent / "results"
    assert out == b"directory\n1\n"
    assert (results / "deep" / "f").read_bytes() == b"deep\n"
    assert list((results / "file").iterdir()) == []


async def test_an_input_inside_a_result_path_leaves_an_empty_file(shell):
    """FINDINGS-docker 4: the archive holds an empty 0755 file in its place, not its content."""
    _, out, _, work = await shell(
        "cat /outputs/in; echo x > /outputs/f", inputs={"/outputs/in": b"input\n"}, results={"outputs": "/outputs"}
    )
    left = work.folder.parent / "results" / "outputs" / "in"
    assert (out, left.read_bytes(), left.stat().st_mode & 0o777) == (b"input\n", b"", 0o755)


async def test_a_local_input_is_read_only_unless_granted(shell, tmp_path):
    """A job would change files of the user."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "f").write_text("x\n")
    mine.chmod(0o777)
    (mine / "f").chmod(0o666)
    owner = (mine / "f").stat().st_uid
    mounts = [Mount(mine, "/data", shared=True)]
    code, out, _, _ = await shell("cat /data/f; echo y > /data/f; test $? != 0", mounts=mounts)
    assert (code, out, (mine / "f").read_text()) == (0, b"x\n", "x\n")
    granted = [Mount(mine, "/data", writable=True, shared=True)]
    assert (await shell("echo y > /data/f", mounts=granted))[0] == 0
    assert (mine / "f").read_text() == "y\n"
    assert (mine / "f").stat().st_uid == owner


async def test_files_elsewhere_can_be_written_but_stay_inside(shell):
    """Containers are root of their own file system (golden 72, outside)."""
    assert (await shell("echo x > /outside && echo x > /tmp/y && echo root ok"))[1] == b"root ok\n"
    assert not Path("/outside").exists()


async def test_a_program_cannot_read_the_home_folder_or_the_users_of_this_machine(shell):
    """Keys and files of the person who runs the stub would be open to every job."""
    home = str(Path.home())
    code, out, _, _ = await shell(f"ls -A {home} /root /home 2>/dev/null; cat /etc/passwd; ls /work {Path(__file__)} 2>/dev/null")
    lines = [line for line in out.decode().splitlines() if line and not line.endswith(":")]
    assert lines == ["root:x:0:0:root:/root:/bin/sh", "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin"]


async def test_a_program_cannot_open_the_network(shell):
    """A job could reach the stub's own control port or the internet."""
    with_server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = with_server.sockets[0].getsockname()[1]
    line = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
    code, _, _, _ = await shell(f"bash -c '{line}'; c=$?; ls /sys/class/net 2>/dev/null; exit $c")
    with_server.close()
    assert code != 0


async def test_a_program_cannot_write_outside(shell, tmp_path):
    """System folders and everything of the stub must stay untouched."""
    code, out, _, _ = await shell(f"for d in /usr /bin /dev /proc /proc/sys {tmp_path}; do echo x > $d/new 2>/dev/null && echo $d; done; true")
    assert (code, out) == (0, b"")


async def test_a_program_cannot_fork_without_end(shell):
    """A fork bomb would take the machine down; the job fails, nothing remains."""
    code, out, _, _ = await shell("n=0; while [ $n -lt 3000 ]; do sleep 300 & n=$((n+1)); done; echo all")
    assert b"all" not in out
    assert code != 0


async def test_a_program_cannot_fill_the_disk(shell):
    """One file, many files and the scratch space are all limited."""
    code, _, _, _ = await shell("head -c 9000000 /dev/zero > /outputs/f 2>/dev/null", results={"outputs": "/outputs"}, disk=2**20)
    assert code != 0
    many = "n=0; while [ $n -lt 100000 ]; do head -c 900000 /dev/zero > /outputs/$n; n=$((n+1)); done"
    with pytest.raises(StepError, match="disk limit of 4194304 bytes"):
        await shell(many, results={"outputs": "/outputs"}, disk=2**22)
    code, _, _, _ = await shell("head -c 90000000 /dev/zero > /tmp/f 2>/dev/null", memory=2**25)
    assert code != 0


async def test_a_program_beyond_its_memory_is_killed(shell):
    """Golden 73, oom: completed with 137, output kept."""
    line = "echo before; x=0123456789abcdef; while :; do x=$x$x; done"
    assert (await shell(line, memory=64 * 2**20))[:2] == (137, b"before\n")


async def test_the_memory_of_all_processes_counts(shell):
    """Many small processes would take together what one may not."""
    hog = "(x=0123456789abcdef; while [ ${#x} -lt 16000000 ]; do x=$x$x; done; sleep 1; echo $x >/dev/null)"
    line = f"for i in 1 2 3 4 5 6 7 8; do {{ {hog}; echo $?; }} 2>/dev/null & done; wait; echo over"
    _, out, _, _ = await shell(line, memory=64 * 2**20)
    assert b"137\n" in out
    assert out.endswith(b"over\n")


async def test_a_stopped_program_leaves_nothing(runner, make_work, sleeping, until):
    """Children, sessions of their own and deaf programs would outlive their stop."""
    marker = f"31{os.getpid()}"
    line = f"trap '' TERM INT HUP; setsid sleep {marker} & sleep {marker} & echo on; sleep {marker}"
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": SH, "Parameters": [line]})
    task = asyncio.create_task(runner.run(work))
    async for chunk in work.log.follow():
        assert chunk.data == b"on\n"
        break
    await asyncio.to_thread(until, lambda: sleeping(marker) == 3)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 1
    assert sleeping(marker) == 0


async def test_lines_come_as_they_are_written(runner, make_work):
    """A log that shows only at the end could not be followed."""
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": SH, "Parameters": ["echo first; cat /gate; echo last"]}, inputs={"/gate": b""})
    task = asyncio.create_task(runner.run(work))
    seen = [chunk.data async for chunk in first_of(work.log, 2)]
    await task
    assert seen == [b"first\n", b"last\n"]


async def first_of(log, count):
    """The first chunks of a log."""
    async for chunk in log.follow():
        yield chunk
        count -= 1
        if not count:
            return


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"Image": ""}, "invalid docker engine param: 'Image' cannot be empty"),
        ({"Image": IMAGE, "Entrypoint": "sh"}, "failed to decode docker engine specs. json: cannot unmarshal string into Go struct field EngineSpec.Entrypoint of type []string"),
        ({"Image": "UPPER CASE::x"}, "Error response from daemon: invalid reference format"),
    ],
)
def test_the_bid_refuses_a_broken_spec(runner, params, message):
    """It would fail later, with other words than a real server's (golden 73)."""
    with pytest.raises(StepError) as refused:
        runner.check(Task(name="main", engine=SpecConfig("docker", params)))
    assert refused.value.message == message


def test_a_missing_image_is_refused_at_the_bid(release):
    """A job would run although its image is to be missing."""
    runner = SandboxRunner(release, "/usr/bin/bwrap", images=Images(release, [ImageRule("acme/gone", missing=True)]))
    with pytest.raises(StepError, match='^image not available: "acme/gone:1"$'):
        runner.check(Task(name="main", engine=SpecConfig("docker", {"Image": "acme/gone:1"})))
    runner.check(Task(name="main", engine=SpecConfig("docker", {"Image": IMAGE})))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("Bridge", "failed to start container: failed to start container: Error response from daemon: "),
        ("Default", "failed to start container: failed to start container: Error response from daemon: "),
        ("HTTP", "setting up network: error pulling gateway image: "),
        ("None", ""),
        ("Host", ""),
        ("Full", ""),
    ],
)
async def test_a_node_without_bridge_starts_what_needs_none(release, make_work, network, message):
    """The recorded nodes had no bridge network (golden 73, network-*); other nodes run all of them."""
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": ["true"]}, network=Network(network))
    without = SandboxRunner(release, "/usr/bin/bwrap", bridge_network=False)
    if not message:
        assert (await without.run(work)).exit_code == 0
        return
    with pytest.raises(StepError) as failure:
        await without.run(work)
    assert failure.value.message.startswith(message)
    assert (await SandboxRunner(release, "/usr/bin/bwrap").run(work)).exit_code == 0


async def test_values_of_variables_arrive_literally(sandbox):
    """A shell between would expand or unquote them (golden 70, env-task, env-engine)."""
    env = {"T_A": '"quoted" $HOME *', "T_B": "x=y", "T_C": "", "T_D": "two  blanks\nand a line"}
    line = 'printf "[%s]" "$T_A" "$T_B" "${T_C-unset}" "$T_D" "${T_E-unset}"'
    out = (await sandbox({"Entrypoint": [*SH, line]}, env=env))[1]
    assert out == b'["quoted" $HOME *][x=y][][two  blanks\nand a line][unset]'


async def test_without_result_paths_there_is_no_folder_for_results(shell):
    """A job that forgets its result path would seem to work (golden 72, results-none)."""
    assert (await shell("ls /outputs 2>/dev/null || echo none"))[1] == b"none\n"


async def test_all_output_is_kept_though_only_its_head_is_shown(shell):
    """FINDINGS-docker 3, 4: the archive's stdout is whole, RunOutput has 2,048 bytes, whatever the pieces."""
    line = "i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789012345678; i=$((i+1)); done; echo end >&2"
    _, out, err, work = await shell(line)
    assert (len(out), out[-50:], err) == (100_000, b"0123456789012345678901234567890123456789012345678\n", b"end\n")
    text, truncated = work.log.head(1)
    assert (len(text), truncated, work.log.head(2)) == (2048, True, ("end\n", False))


async def test_a_stopped_program_gets_no_chance_to_say_anything(runner, make_work, printed):
    """Golden 73, execution-timeout-trap: a TERM trap leaves no trace."""
    line = "trap 'echo term; exit 7' TERM; echo on; while :; do sleep 0.05; done"
    work = make_work("docker", {"Image": IMAGE, "Entrypoint": SH, "Parameters": [line]})
    task = asyncio.create_task(runner.run(work))
    async for _ in work.log.follow():
        break
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert printed(work) == b"on\n"
