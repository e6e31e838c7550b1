"""Logs of finished executions on their nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.engine.keptlogs import KeptLogs
from orchestrator_stub.logs.buffer import LogBuffer


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
