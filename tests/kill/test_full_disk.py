"""A disk that is full: submits are refused in a sentence, reads go on, nothing is broken, and space mends it."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stubs import JOBS, Served, job

SIZE = 8 * 1024 * 1024
BIG = 700_000
"""Bytes of a job that needs more than is left when the stub still takes jobs."""


class Tmpfs:
    """A small disk of its own."""

    def __init__(self, where: Path) -> None:
        """Mount it. Raises CalledProcessError where that is not allowed."""
        self.where = where
        where.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", where], check=True, capture_output=True)

    def fill(self, stub: Served, leaving: int = 0) -> None:
        """Take all space but so many bytes."""
        disk = os.statvfs(self.where)
        with (self.where / "filler").open("ab") as file:
            file.write(bytes(max(0, disk.f_bavail * disk.f_frsize - leaving)))

    def free(self, stub: Served) -> None:
        """Make room again."""
        (self.where / "filler").unlink()

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", self.where], check=True)


class Limited:
    """Where nothing can be mounted: no file of the stub may grow any more."""

    def __init__(self, where: Path) -> None:
        self.where = where
        where.mkdir()

    def fill(self, stub: Served, leaving: int = 0) -> None:
        """Files may not become larger than the largest is, give or take what is left."""
        largest = max(path.stat().st_size for path in self.where.rglob("*") if path.is_file())
        _, most = resource.prlimit(stub.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(stub.process.pid, resource.RLIMIT_FSIZE, (min(largest, 65536) + leaving // 4, most))

    def free(self, stub: Served) -> None:
        """They may grow again."""
        _, most = resource.prlimit(stub.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(stub.process.pid, resource.RLIMIT_FSIZE, (most, most))

    def close(self) -> None:
        """Nothing to do."""


@pytest.fixture
def disk(tmp_path):
    """A disk that can be filled."""
    try:
        made = Tmpfs(tmp_path / "mounted")
    except (subprocess.CalledProcessError, OSError):
        made = Limited(tmp_path / "limited")
    yield made
    made.close()


def submit(stub, name, size=0):
    """Submit a job; status, job id or the sentence."""
    status, body = stub.ask("PUT", JOBS, job(name, Meta={"load": "x" * size}))
    return status, body["JobID"] if status == 200 else body["Message"]


def submit_until(stub, name, wanted):
    """Try again until the status is this; what was answered."""
    for _ in range(200):
        status, said = submit(stub, name)
        if status == wanted:
            return said
        time.sleep(0.05)
    raise AssertionError(f"never {wanted}: {status} {said}")


def check_reads(stub, *jobs):
    """Whatever is asked is answered."""
    listed = {each["ID"] for each in stub.ask("GET", JOBS)[1]["Items"]}
    assert set(jobs) <= listed
    for job_id in jobs:
        assert stub.ask("GET", f"{JOBS}/{job_id}/history")[0] == 200


def test_a_full_disk_costs_nothing_but_new_jobs(disk, serve):
    """A full disk would break the state, or answer for jobs that a crash loses, or need a restart."""
    folder = disk.where / "data"
    stub = serve(folder)
    first = submit(stub, "first")[1]
    for number in range(2):
        disk.fill(stub, leaving=600_000)
        status, said = submit(stub, f"big-{number}", BIG)
        assert status == 503, "taken by the stub, refused by the disk"
        assert said.startswith("the stub's --data-dir " if isinstance(disk, Limited) else "the disk of the stub's --data-dir ")
        assert "\n" not in said
        assert submit(stub, f"more-{number}")[0] == 503
        check_reads(stub, first)
        disk.free(stub)
        check_reads(stub, first, submit_until(stub, f"next-{number}", 200))
    disk.fill(stub)
    submit_until(stub, "none", 503)
    assert stub.ask("DELETE", f"{JOBS}/{first}")[0] == 503
    check_reads(stub, first)
    stub.kill()
    stub = serve(folder)
    check_reads(stub, first)
    if isinstance(disk, Tmpfs):
        assert "is full: make room there, then submit again" in submit_until(stub, "none", 503)
        disk.free(stub)
    last = submit_until(stub, "last", 200)
    stub.kill()
    with sqlite3.connect(folder / "state.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    stub = serve(folder)
    check_reads(stub, first, last)
    assert stub.stop() == 0
