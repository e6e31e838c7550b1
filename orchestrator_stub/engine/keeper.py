"""Keeps the state on disk (`--data-dir`): what an answer says is written before it leaves.

All that changed up to a moment of the event loop is one commit, made in a thread; whoever waits for its answer waits
for the commit that holds its change, with all others who do. Nobody else waits.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator_stub.clock import Clock, VirtualClock
from orchestrator_stub.domain.errors import OrchestratorError, SettingsError
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.keptlogs import KeptLogs
from orchestrator_stub.engine.restart import nodes_again
from orchestrator_stub.store.changes import Changes
from orchestrator_stub.store.database import Database
from orchestrator_stub.store.datadir import LOGS, PUBLISHED, DataDir
from orchestrator_stub.store.durable import DurableStore

SOON_S = 0.01
"""Seconds until what nobody waits for is written: the next request's changes may go with it."""
RETRY_S = 0.5
"""Seconds until what could not be written is tried again."""
ROOM = 32 * 1024 * 1024
"""Bytes that have to be free, so that what runs can still be written down when it ends..."""
SHARE = 0.05
"""...but no more than this share of the disk, where that is small."""
_CLOCK, _STARTS, _INSTANCE, _FLAGS = "clock", "starts", "instance", "node flags"

_log = logging.getLogger(__name__)


class Keeper:
    """The data directory of a running stub. `start` and all below it are called on the event loop."""

    def __init__(self, folder: Path, release: Release) -> None:
        """Take the directory, or make it, and read what has to be known (blocking).

        Raises SettingsError when it cannot be used; it is untouched then.
        """
        self._dir = DataDir(folder, release.name)
        try:
            self.published = self._dir.subfolder(PUBLISHED)
            """Archives of the local publisher."""
            self.logs = self._dir.subfolder(LOGS)
            """A folder for each log."""
            self._database = Database(self._dir.state)
            try:
                self.store = DurableStore(self._database, names=release.unique_names)
            except BaseException:
                self._database.close()
                raise
        except (OSError, sqlite3.Error, ValueError, LookupError, TypeError) as error:
            self._dir.close()
            text = f"--data-dir {folder}: its state cannot be read ({error}); give another folder"
            raise SettingsError(text) from None
        self.starts = int(self.store.facts.get(_STARTS, "0"))
        """How often a stub has started here before."""
        self._thread = ThreadPoolExecutor(1, "data-dir")
        self._clock: Clock
        self._loop: asyncio.AbstractEventLoop
        self._sweeping: asyncio.Future[None] | None = None
        self._on_disk = 0
        self._round: asyncio.Task[str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._problem = ""

    def seed(self, given: int | None) -> int | None:
        """The seed of this start: the given one at the first, later others, so that no id is given twice."""
        if given is None or not self.starts:
            return given
        return random.Random(f"{given} start {self.starts}").getrandbits(64)  # noqa: S311 - has to be foreseen

    def start(self, clock: Clock, ids: Ids) -> None:
        """Begin to write. A virtual clock goes on from where it was, and `ids` gives the nodes their names again."""
        self._clock, self._loop = clock, asyncio.get_running_loop()
        machines = [node for node, _ in self.store.machines]
        ids.remember(
            [node.id for node in machines if node.is_compute],
            own=next((node.id for node in machines if not node.is_compute), ""),
            instance=self.store.facts.get(_INSTANCE, ""),
        )
        if isinstance(clock, VirtualClock):
            clock.advance_to(int(self.store.facts.get(_CLOCK, "0")))
        self.store.changed = self._soon
        self._soon()
        self.store.put_fact(_STARTS, str(self.starts + 1))
        kept = self._database.log_folders()
        left = [folder for folder in self.logs.iterdir() if folder.name not in kept]
        left += self.published.glob(".*.part")
        self._sweeping = self._loop.run_in_executor(None, _delete, left)

    def nodes(self, made: Sequence[Node], flags: str) -> list[Node]:
        """The nodes to start with. `made`: those of the flags, by names that were given before; `flags`: what these say
        about nodes, in any words."""
        as_before = self.store.facts.get(_FLAGS) == flags
        self.store.put_fact(_FLAGS, flags)
        return nodes_again(made, self.store.machines, as_before=as_before)

    def remember(self, ids: Ids) -> None:
        """Nodes that come later get new names; the server keeps its own."""
        self.store.put_fact(_INSTANCE, ids.instance())
        ids.remember((), instance=ids.instance())

    @property
    def note(self) -> str:
        """What those should know who start the stub."""
        known = len(self.store)
        return f"state is kept in {self._dir.folder}, {known:,} job{'s' * (known != 1)} so far"

    def kept_logs(self, clock: Clock) -> KeptLogs:
        """Logs of finished executions, those of before too."""
        return KeptLogs(clock, self.store, self.logs)

    # What requests ask.

    def refuse_when_full(self) -> None:
        """Before anything is changed. Raises OrchestratorError 503 when it could not be kept."""
        if self._problem:
            raise _unavailable(self._problem)
        disk = os.statvfs(self._dir.folder)
        if disk.f_bavail * disk.f_frsize < min(ROOM, disk.f_blocks * disk.f_frsize * SHARE):
            raise _unavailable(self._full())

    async def saved(self) -> None:
        """Until all that has changed so far is on disk. Raises OrchestratorError 503 when it cannot be written; it
        stays in memory then, and is tried again."""
        if self._clock.mode != "real":  # it may have moved, and nothing else
            self.store.put_fact(_CLOCK, str(self._clock.peek()))
        wanted = self.store.count
        while self._on_disk < wanted:
            problem = await asyncio.shield(self._round or self._begin())
            if problem and self._on_disk < wanted:
                raise _unavailable(problem)

    async def close(self) -> None:
        """Write what is left, and let go of the directory."""
        if self._timer is not None:
            self._timer.cancel()
        if self._round is not None:
            await self._round
        if self.store.count > self._on_disk and (problem := await self._begin()):
            _log.error("what changed last is lost: %s", problem)
        if self._timer is not None:
            self._timer.cancel()
        if self._sweeping is not None:
            await self._sweeping
        self.store.changed = _nothing
        self._thread.shutdown()
        self._database.close()
        self._dir.close()

    # Writing.

    def _soon(self, seconds: float = SOON_S) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._round is None and self.store.count > self._on_disk:
            self._begin()

    def _begin(self) -> asyncio.Task[str]:
        count, changes = self.store.count, self.store.take()
        changes.facts[_CLOCK] = str(self._clock.peek())
        written = self._loop.run_in_executor(self._thread, self._database.write, changes)
        self._round = self._loop.create_task(self._written(written, count, changes))
        return self._round

    async def _written(self, written: asyncio.Future[None], count: int, changes: Changes) -> str:
        """The end of one commit; "", or the sentence that says why it could not be made."""
        try:
            await written
        except Exception as error:  # whatever it is must not be lost, nor be answered as if it were kept
            self.store.put_back(changes)
            self._problem = self._why(error)
        else:
            self._on_disk, self._problem = count, ""
        self._round = None
        if self.store.count > self._on_disk:
            self._soon(RETRY_S if self._problem else SOON_S)
        return self._problem

    def _why(self, error: Exception) -> str:
        if not isinstance(error, OSError | sqlite3.Error):
            _log.error("the state could not be written", exc_info=error)
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return self._full()
        return f"the stub's --data-dir {self._dir.folder} cannot be written ({error}): submit again once it can"

    def _full(self) -> str:
        return f"the disk of the stub's --data-dir {self._dir.folder} is full: make room there, then submit again"


def _delete(left: list[Path]) -> None:
    """What killed runs left: logs that nobody can ask for, archives that were not finished. Runs of this start take no
    name that is there."""
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _nothing() -> None:
    pass


def _unavailable(text: str) -> OrchestratorError:
    return OrchestratorError(503, text, code="ServiceUnavailable", component="JobStore")
