"""What was answered is on disk: kill -9 right after an answer loses nothing. What cannot be used is refused untouched."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator_stub.store.database import Database
from orchestrator_stub.store.datadir import STATE, DataDir

sys.path.insert(0, str(Path(__file__).parent))
from stubs import FLAGS, JOBS, ROOT, job

HANG = {"stub.bacalhau.org/hang": "true"}


def crashed(serve, stub, folder, *flags):
    """Kill it at once, and start again."""
    stub.kill()
    return serve(folder, *flags)


def of(stub, job_id):
    """A job as it is."""
    status, body = stub.ask("GET", f"{JOBS}/{job_id}")
    assert status == 200
    return body["Job"]


def test_every_kind_of_answer_survives_the_next_moment(tmp_path, serve):
    """A client would go by an answer that a crash has undone: no job, a job that runs on, an old version."""
    folder = tmp_path / "data"
    stub = serve(folder)
    sent = job("a", Labels={"l": "v"} | HANG, Meta={"m": "w"}, Priority=7)
    job_id = stub.ask("PUT", JOBS, sent)[1]["JobID"]
    stub = crashed(serve, stub, folder)
    found = of(stub, job_id)
    assert (found["Name"], found["Labels"], found["Meta"]["m"], found["Priority"]) == ("a", {"l": "v"} | HANG, "w", 7)
    assert stub.ask("PUT", JOBS, sent)[0] == 500, "no changes: it is the same job"
    assert stub.ask("PUT", JOBS, job("a", Labels={"l": "x"} | HANG))[1]["JobID"] == job_id
    stub = crashed(serve, stub, folder)
    assert (of(stub, job_id)["Version"], of(stub, job_id)["Labels"]["l"]) == (2, "x")
    assert stub.ask("DELETE", f"{JOBS}/{job_id}", {"reason": "enough"})[0] == 200
    stub = crashed(serve, stub, folder)
    assert of(stub, job_id)["State"] == {"StateType": "Stopped", "Message": "enough"}
    assert stub.ask("PUT", f"{JOBS}/{job_id}/rerun", {})[1]["JobVersion"] == 3
    stub = crashed(serve, stub, folder)
    assert (of(stub, job_id)["Version"], of(stub, job_id)["State"]["StateType"]) == (3, "Running")
    versions = stub.ask("GET", f"{JOBS}/{job_id}/versions")[1]["Items"]
    assert [each["Version"] for each in versions] == [1, 2, 3]
    stub.kill()


def test_nodes_are_who_they_were(tmp_path, serve):
    """A constraint, a rejection or a node's name in a test would mean another node after each crash."""
    folder = tmp_path / "data"
    stub = serve(folder, "--nodes", "4")
    nodes = "/api/v1/orchestrator/nodes"

    def known():
        return {
            each["Info"]["NodeID"]: (each["Membership"], each["Info"]["Labels"], each["Connection"])
            for each in stub.ask("GET", nodes)[1]["Nodes"]
        }

    first, second, *_ = before = known()
    assert stub.ask("PUT", f"{nodes}/{first}", {"Action": "reject", "NodeID": first})[0] == 200
    assert stub.ask("PUT", f"{nodes}/{second}", {"Action": "delete", "NodeID": second})[0] == 200
    stub = crashed(serve, stub, folder, "--nodes", "4")
    after = known()
    assert after == before | {first: ("REJECTED", *before[first][1:])}, "one that was deleted registers anew"
    stub = crashed(serve, stub, folder, "--nodes", "5")
    assert len(known()) == 5
    assert known().items() >= after.items()
    stub.kill()


def test_a_seed_does_not_repeat_its_ids(tmp_path, serve):
    """Each submit after a crash would be a conflict with a job of before."""
    folder = tmp_path / "data"
    ids = []
    for _ in range(3):  # the second and the third begin alike
        stub = serve(folder, "--seed", "7", "--clock", "virtual")
        ids += [stub.ask("PUT", JOBS, job())[1]["JobID"] for _ in range(2)]
        stub.kill()
    assert len(set(ids)) == 6


def test_a_virtual_clock_goes_on(tmp_path, serve):
    """What happened before a crash would be later than what happens after it."""
    folder = tmp_path / "data"
    stub = serve(folder, "--clock", "virtual")
    moved = stub.ask("POST", "/stub/clock", {"advance": 86_400})[1]["now"]
    stub = crashed(serve, stub, folder, "--clock", "virtual")
    assert moved <= stub.ask("GET", "/stub/clock")[1]["now"] < moved[:19] + "9"
    stub.kill()


def refused(*flags):
    """The one sentence of a stub that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator_stub", "serve", *FLAGS, *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("bacalhau-stub: --data-dir ").strip()


def sums(folder):
    """Every file and what is in it."""
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("why", ["release", "format", "file"])
def test_a_folder_that_cannot_be_used_is_left_as_it_is(tmp_path, why):
    """State would be lost or mixed because of a wrong flag."""
    folder, flags = tmp_path / "data", []
    if why == "file":
        folder.write_text("mine")
    else:
        taken = DataDir(folder, "1.9.3")
        Database(folder / STATE).close()
        taken.close()
    if why == "format":
        (folder / "stub.json").write_text('{"format": 2, "release": "1.9.3"}\n')
    if why == "release":
        flags = ["--emulate", "1.6.5"]
    before = sums(tmp_path)
    assert refused("--data-dir", str(folder), *flags) == f"{folder}: " + {
        "file": "is a file; give a folder",
        "format": "has format 2, this stub knows format 1; use the stub that made it, or give another folder",
        "release": "belongs to --emulate 1.9.3, not 1.6.5; serve that release, or give another folder",
    }[why]
    assert sums(tmp_path) == before


def test_a_folder_in_use_is_left_to_its_stub(tmp_path, serve):
    """Two stubs would write over each other."""
    stub = serve(tmp_path / "data")
    first = stub.ask("PUT", JOBS, job("a"))[1]["JobID"]
    assert stub.ask("GET", JOBS)[0] == 200
    owner = stub.process.pid
    before = {path: each for path, each in sums(tmp_path).items() if not path.name.startswith("state.db")}
    said = f"{tmp_path}/data: in use by another stub (process {owner}); stop that one, or give another folder"
    assert refused("--data-dir", str(tmp_path / "data")) == said
    assert {path: each for path, each in sums(tmp_path).items() if not path.name.startswith("state.db")} == before
    stub = crashed(serve, stub, tmp_path / "data")
    assert of(stub, first)["Name"] == "a"
    stub.kill()


def test_without_a_folder_no_database_is_even_imported():
    """Every start would pay for what it does not use."""
    code = (
        "import asyncio, sys\nfrom orchestrator_stub.app import Stub\nfrom orchestrator_stub.settings.flags import Settings\n"
        "async def go():\n    stub = Stub(Settings(port=0, s3='off', docker_runner='scripted'))\n    await stub.start()\n    await stub.stop()\n"
        "asyncio.run(go())\n"
        "wanted = ('sqlite3', 'orchestrator_stub.store.durable', 'orchestrator_stub.store.database', 'orchestrator_stub.store.codec',"
        " 'orchestrator_stub.store.datadir', 'orchestrator_stub.engine.keeper', 'orchestrator_stub.engine.restart')\n"
        "print([name for name in wanted if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
