"""Logs of finished executions on their nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.engine.keptlogs import LOG_KEPT, KeptLogs
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.store.changes import SavedLog
from orchestrator_stub.store.database import Database
from orchestrator_stub.store.durable import DurableStore


async def test_each_log_stays_for_its_own_hour(tmp_path: Path) -> None:
    """Broken: the disk fills with logs, or a log is gone before its hour is over."""
    clock = VirtualClock()
    kept = KeptLogs(clock)
    folders = []
    for name in ("first", "second"):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        log = LogBuffer(folders[-1], asyncio.get_running_loop())
        log.write(1, b"x")
        log.close()
        kept.keep(name, log)
        clock.advance(600)
    clock.advance(3600 - 1200 + 1)
    kept.drop_old()
    assert (kept.get("first"), kept.get("second") is not None) == (None, True)
    assert [folder.exists() for folder in folders] == [False, True]
    assert kept.get("unknown") is None


async def test_a_reset_keeps_no_log_of_before(tmp_path: Path) -> None:
    """Broken: logs of forgotten jobs fill the disk, or those of new ones are lost with them."""
    kept = KeptLogs(VirtualClock())
    logs = {}
    for name in ("over", "running", "new"):
        (tmp_path / name).mkdir()
        logs[name] = LogBuffer(tmp_path / name, asyncio.get_running_loop())
        logs[name].close()
    kept.keep("over", logs["over"])
    kept.forget(["running"])
    kept.keep("running", logs["running"])
    kept.keep("new", logs["new"])
    assert [kept.get(name) is not None for name in logs] == [False, False, True]
    assert [(tmp_path / name).exists() for name in logs] == [False, False, True]


def written(folder: Path, *writes: tuple[int, bytes], few: bool = False, killed_at: int = 0) -> LogBuffer:
    """A log that is over."""
    folder.parent.mkdir(exist_ok=True)
    if not few:
        folder.mkdir()
    log = LogBuffer((lambda: folder) if few else folder, asyncio.get_running_loop())
    for stream, data in writes:
        log.write(stream, data)  # type: ignore[arg-type]  # 1 or 2
    log.give_up(killed_at) if killed_at else log.close()
    return log


@pytest.mark.parametrize("few", [True, False])
async def test_logs_outlive_a_restart_for_the_rest_of_their_hour(tmp_path: Path, few: bool) -> None:
    """Broken: the log of a finished job is gone after a restart, in another order, or kept for ever."""
    clock = VirtualClock()
    logs = tmp_path / "logs"
    logs.mkdir()
    database = Database(tmp_path / "state.db")
    store = DurableStore(database, names=True)
    kept = KeptLogs(clock, store, logs)
    writes = [(1, b"a"), (2, b"b\n"), (1, b"c\n")]
    kept.keep("e-1", written(logs / "e-1", *writes, few=few))
    clock.advance(1800)
    kept.keep("e-2", written(logs / "e-2.2", (2, b"x"), few=few, killed_at=77))
    before = [list(kept.get(name).snapshot()) for name in ("e-1", "e-2")]  # type: ignore[union-attr]
    assert (logs / "e-1").exists() is not few
    database.write(store.take())

    store = DurableStore(database, names=True)
    kept = KeptLogs(clock, store, logs)
    assert [list(kept.get(name).snapshot()) for name in ("e-1", "e-2")] == before  # type: ignore[union-attr]
    first, second = kept.get("e-1"), kept.get("e-2")
    assert first is not None
    assert second is not None
    assert (first.closed, first.ended.is_complete, first.killed_at, first.head(1)) == (True, True, 0, ("ac\n", False))
    assert (second.closed, second.ended.is_complete, second.killed_at) == (True, False, 77)
    assert kept.get("e-1") is first
    clock.advance(1801)
    kept.drop_old()
    assert (kept.get("e-1"), kept.get("e-2") is second) == (None, True)
    assert not (logs / "e-1").exists()
    database.write(store.take())
    assert list(DurableStore(database, names=True).logs) == ["e-2"]
    database.close()


async def test_a_log_whose_files_somebody_deleted_is_none(tmp_path: Path) -> None:
    """Broken: asking for a log breaks because somebody cleaned up the data directory."""
    database = Database(tmp_path / "state.db")
    store = DurableStore(database, names=True)
    store.put_log("e-1", SavedLog("e-1", VirtualClock().peek() + LOG_KEPT, 0, True))
    database.write(store.take())
    store = DurableStore(database, names=True)
    kept = KeptLogs(VirtualClock(), store, tmp_path)
    assert kept.get("e-1") is None
    database.close()
