"""The program that becomes bubblewrap: limits are set and root is given up before anything else runs."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from orchestrator_stub.runners.launcher import command_of


@pytest.fixture
def run(tmp_path):
    """Carries out an order that starts a shell line; gives back the finished process."""

    def run(line, *, binds=(), user=None, **limits):
        order = {
            "argv": ["/bin/sh", "-c", line, "sh", *range(len(binds))],
            "binds": [str(bind) for bind in binds],
            "user": (1_900_000_000 if os.geteuid() == 0 else -1) if user is None else user,
            "processes": 10_000,
            "memory": -1,
            "file_size": 10**9,
            **limits,
        }
        path = tmp_path / "order.json"
        path.write_text(json.dumps(order))
        return subprocess.run(command_of(path), capture_output=True, text=True, env={"SECRET": "x"}, check=False)

    return run


def test_limits_hold_in_what_is_started(run):
    """A job could use all memory, processes and disk of the machine."""
    done = run("ulimit -d; ulimit -f; ulimit -c; cat /proc/self/limits", memory=2**26, file_size=2**20, processes=4321)
    assert done.stdout.splitlines()[:3] == ["65536", "2048", "0"]
    assert [line.split()[2:4] for line in done.stdout.splitlines() if "processes" in line] == [["4321", "4321"]]


def test_root_becomes_somebody_else_for_good(run):
    """Root is exempt from the limit on processes, and could undo the walls; others stay who they are."""
    done = run("cat /proc/self/status")
    facts = {name: values.split() for name, _, values in (line.partition(":") for line in done.stdout.splitlines())}
    assert facts["Uid"] == [str(os.geteuid() or 1_900_000_000)] * 4
    assert facts["Gid"] == [str(os.getegid() or 1_900_000_000)] * 4
    assert facts["Groups"] == [] or os.geteuid()
    assert facts["CapPrm"] == facts["CapEff"] == ["0000000000000000"]


def test_folders_that_only_the_stub_reaches_are_handed_over(run, tmp_path):
    """Mounts lie in folders of the stub that the unprivileged user cannot enter."""
    locked = tmp_path / "locked"
    (locked / "inner").mkdir(parents=True)
    (locked / "inner" / "f").write_text("seen\n")
    (locked / "file").write_text("too\n")
    locked.chmod(0o700)
    done = run(f"cat $1/f $2; cat {locked}/file", binds=[locked / "inner", locked / "file"])
    assert done.stdout == ("seen\ntoo\ntoo\n" if os.geteuid() else "seen\ntoo\n")


def test_the_environment_is_empty(run):
    """Variables of the stub could steer bubblewrap, which runs outside of the walls."""
    assert "SECRET" not in run("env").stdout


def test_what_goes_wrong_is_one_line(run, tmp_path):
    """The user would see a traceback instead of a reason."""
    done = run("true", binds=[tmp_path / "missing"], user=None if os.geteuid() == 0 else -1, argv=["/no/such/bwrap"])
    assert done.returncode == 125
    assert done.stderr.startswith("sandbox: ")
    assert done.stderr.count("\n") == 1
