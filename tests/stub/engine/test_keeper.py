"""What is kept on disk while a stub runs: when answers may leave, and what happens when nothing can be written."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator_stub.clock import SECOND, VIRTUAL_START, RealClock, VirtualClock
from orchestrator_stub.domain.errors import OrchestratorError, SettingsError
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.engine import keeper as keeping
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.keeper import Keeper

R193 = RELEASES["1.9.3"]


@pytest.fixture
async def begin(tmp_path: Path) -> Any:
    """`begin()`: a keeper that writes; the one before lets go first."""
    running: list[Keeper] = []

    async def again(clock: Any = None, ids: Ids | None = None, folder: str = "data") -> Keeper:
        if running:
            await running.pop().close()
        running.append(Keeper(tmp_path / folder, R193))
        running[0].start(clock or RealClock(), ids or Ids(1))
        return running[0]

    yield again
    for keeper in running:
        await keeper.close()


def add(keeper: Keeper, number: int) -> None:
    """One more job."""
    keeper.store.add_job(Job(f"j-{number}", f"name-{number}", "default", "batch", 0, 1, version=1))


def on_disk(keeper: Keeper, tmp_path: Path) -> set[str]:
    """Ids of the jobs that a crash at this moment would leave."""
    crashed = tmp_path / "crashed"
    shutil.rmtree(crashed, ignore_errors=True)
    shutil.copytree(keeper._dir.folder, crashed)
    with sqlite3.connect(crashed / "state.db") as database:
        return {job_id for (job_id,) in database.execute("SELECT id FROM jobs")}


class Broken:
    """Writes nothing while `error` is set."""

    def __init__(self, keeper: Keeper, error: Exception | None) -> None:
        self.error, self.write, self.calls = error, keeper._database.write, 0
        keeper._database.write = self  # type: ignore[method-assign,assignment]

    def __call__(self, changes: Any) -> None:
        """Fail, or write."""
        self.calls += 1
        if self.error is not None:
            raise self.error
        self.write(changes)


async def test_what_is_saved_is_on_disk(begin: Any, tmp_path: Path) -> None:
    """Broken: an answered submit is gone after a crash."""
    keeper = await begin()
    add(keeper, 1)
    assert on_disk(keeper, tmp_path) == set()
    await keeper.saved()
    assert on_disk(keeper, tmp_path) == {"j-1"}


async def test_who_comes_while_a_commit_is_made_waits_for_the_next(begin: Any, tmp_path: Path) -> None:
    """Broken: an answer leaves with a commit that began before its change."""
    keeper = await begin()
    add(keeper, 1)
    first = asyncio.ensure_future(keeper.saved())
    await asyncio.sleep(0)
    add(keeper, 2)
    await keeper.saved()
    assert on_disk(keeper, tmp_path) == {"j-1", "j-2"}
    await first


async def test_many_share_a_commit(begin: Any, tmp_path: Path) -> None:
    """Broken: each of many clients waits for the disk alone."""
    keeper = await begin()
    await keeper.saved()
    disk = Broken(keeper, None)
    waiting = []
    for number in range(50):
        add(keeper, number)
        waiting.append(asyncio.ensure_future(keeper.saved()))
    await asyncio.gather(*waiting)
    assert disk.calls <= 2
    assert len(on_disk(keeper, tmp_path)) == 50


async def test_nobody_waits_when_nothing_changed(begin: Any) -> None:
    """Broken: a refused request costs a commit."""
    keeper = await begin()
    await keeper.saved()
    disk = Broken(keeper, None)
    await keeper.saved()
    assert disk.calls == 0


async def test_what_nobody_waits_for_is_written_soon(begin: Any, tmp_path: Path) -> None:
    """Broken: a run's end is only written with the next request."""
    keeper = await begin()
    await keeper.saved()
    disk = Broken(keeper, None)
    add(keeper, 1)
    add(keeper, 2)
    async with asyncio.timeout(5):
        while on_disk(keeper, tmp_path) != {"j-1", "j-2"}:
            await asyncio.sleep(keeping.SOON_S)
    assert disk.calls == 1


async def test_who_gives_up_waiting_disturbs_nobody(begin: Any, tmp_path: Path) -> None:
    """Broken: a client that hangs up breaks the commit of all others."""
    keeper = await begin()
    add(keeper, 1)
    gone, other = asyncio.ensure_future(keeper.saved()), asyncio.ensure_future(keeper.saved())
    await asyncio.sleep(0)
    gone.cancel()
    await other
    assert on_disk(keeper, tmp_path) == {"j-1"}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (sqlite3.OperationalError("disk I/O error"), "cannot be written (disk I/O error): submit again once it can"),
        (TypeError("set cannot be kept"), "cannot be written (set cannot be kept): submit again once it can"),
    ],
)
async def test_what_cannot_be_written_is_refused_and_kept_until_it_can(
    begin: Any, tmp_path: Path, monkeypatch: Any, error: Exception, text: str
) -> None:
    """Broken: an answer says that a job is taken which a crash would lose, or a change is lost with its commit."""
    monkeypatch.setattr(keeping, "RETRY_S", 0.01)
    keeper = await begin()
    await keeper.saved()
    keeper.refuse_when_full()
    disk = Broken(keeper, error)
    add(keeper, 1)
    for _ in range(2):
        with pytest.raises(OrchestratorError) as refused:
            await keeper.saved()
        assert (refused.value.status, refused.value.message) == (503, f"the stub's --data-dir {tmp_path}/data {text}")
    with pytest.raises(OrchestratorError, match="cannot be written"):
        keeper.refuse_when_full()
    assert keeper.store.by_id("j-1") is not None, "reads go on"
    disk.error = None
    async with asyncio.timeout(5):
        while on_disk(keeper, tmp_path) != {"j-1"}:
            await asyncio.sleep(0.01)
    await keeper.saved()
    keeper.refuse_when_full()
    add(keeper, 2)
    await keeper.saved()
    assert on_disk(keeper, tmp_path) == {"j-1", "j-2"}


async def test_a_disk_that_is_nearly_full_refuses_before_anything_is_changed(begin: Any, monkeypatch: Any) -> None:
    """Broken: jobs are taken until not even their end can be written down."""
    keeper = await begin()
    disk = keeping.os.statvfs(".")
    megabyte = 1024 * 1024

    def with_free(free: int, of: int) -> None:
        facts = {"f_frsize": megabyte, "f_bavail": free, "f_blocks": of}
        monkeypatch.setattr(keeping.os, "statvfs", lambda _: type("Disk", (), facts))

    assert disk.f_frsize
    with_free(33, 100_000)
    keeper.refuse_when_full()
    with_free(31, 100_000)
    with pytest.raises(OrchestratorError, match="is full: make room there, then submit again") as refused:
        keeper.refuse_when_full()
    assert refused.value.status == 503
    with_free(2, 8)
    keeper.refuse_when_full()
    with_free(0, 8)
    with pytest.raises(OrchestratorError):
        keeper.refuse_when_full()


async def test_a_virtual_clock_goes_on_from_where_it_was(begin: Any) -> None:
    """Broken: time begins anew, so what comes after a restart is dated before what was."""
    clock = VirtualClock()
    keeper = await begin(clock)
    clock.advance(3600)
    await keeper.saved()
    later = VirtualClock()
    await begin(later)
    assert later.peek() >= VIRTUAL_START + 3600 * SECOND
    real = RealClock()
    await begin(real)
    assert abs(real.peek() - RealClock().peek()) < SECOND
    after_real = VirtualClock()
    await begin(after_real)
    assert after_real.peek() >= real.peek() - SECOND, "a real time was seen before"


async def test_a_seed_gives_other_ids_at_each_start(begin: Any) -> None:
    """Broken: a seeded stub names new jobs like old ones, and each submit is a conflict."""
    seeds = []
    for _ in range(3):
        keeper = await begin()
        seeds.append((keeper.seed(7), keeper.seed(None)))
        await keeper.saved()
    assert seeds[0] == (7, None), "the first start is as without a directory"
    assert len({seed for seed, _ in seeds}) == 3
    keeper = await begin(folder="other")
    await keeper.saved()
    keeper = await begin(folder="other")
    assert keeper.seed(7) == seeds[1][0], "the same requests and crashes give the same ids"


async def test_names_outlive_a_restart(begin: Any) -> None:
    """Broken: nodes or the server are called otherwise after a restart."""
    ids = Ids(1)
    keeper = await begin(ids=ids)
    first = [Node(ids.node()), Node(ids.node()), Node(ids.node(own=True), is_compute=False)]
    for node in (first[2], *first[:2]):
        keeper.store.put_node(node)
    assert keeper.nodes(first, "two") == first
    keeper.remember(ids)
    instance = ids.instance()
    ids = Ids(2)
    keeper = await begin(ids=ids)
    assert [ids.node(), ids.node(), ids.node(own=True)] == [node.id for node in first]
    assert ids.instance() == instance
    made = [replace(node, labels={"new": "yes"}) for node in first]
    assert keeper.nodes(made, "two") == first, "the same flags: as it was"
    keeper.remember(ids)
    assert ids.node() not in {node.id for node in first}, "a node that is added later"
    keeper = await begin(ids=Ids(3))
    assert keeper.nodes(made, "three") == made, "other flags: as they say"


async def test_what_killed_runs_left_is_cleared_away(begin: Any, tmp_path: Path) -> None:
    """Broken: each crash leaves logs and half archives for ever."""
    keeper = await begin()
    (keeper.logs / "e-1").mkdir()
    (keeper.published / ".e-1.tar.gz.part").touch()
    (keeper.published / "e-2.tar.gz").touch()
    keeper = await begin()
    await keeper._sweeping
    assert list(keeper.logs.iterdir()) == []
    assert [path.name for path in keeper.published.iterdir()] == ["e-2.tar.gz"]


async def test_closing_writes_what_is_left(begin: Any) -> None:
    """Broken: a stub that is stopped loses what it did last."""
    keeper = await begin()
    add(keeper, 1)
    keeper = await begin()
    assert keeper.store.by_id("j-1") is not None


async def test_what_is_lost_at_the_end_is_said(begin: Any, caplog: Any) -> None:
    """Broken: a stub that is stopped while its disk is full ends as if nothing were wrong."""
    keeper = await begin()
    await keeper.saved()
    add(keeper, 1)
    Broken(keeper, sqlite3.OperationalError("disk I/O error"))
    keeper = await begin()
    assert "what changed last is lost: the stub's --data-dir " in caplog.text
    assert keeper.store.by_id("j-1") is None


def test_a_state_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    """Broken: a damaged file is a traceback, and the directory stays locked."""
    keeper = Keeper(tmp_path / "data", R193)
    keeper._database.close()
    keeper._dir.close()
    (tmp_path / "data" / "state.db").write_bytes(b"nothing of ours" * 300)
    for _ in range(2):
        with pytest.raises(SettingsError, match="its state cannot be read .*; give another folder"):
            Keeper(tmp_path / "data", R193)
