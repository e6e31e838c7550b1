"""How nodes serve logs, in the release's ways: what comes, what is waited for, and when it ends (FINDINGS-docker 8).

By default every visitor is served at once and a stream ends with its program. With `strict`, as on released servers,
a node serves one stream after the other, does not notice that a client leaves, and holds back the end of a killed one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.release import Release
from orchestrator_stub.engine.compute import Compute
from orchestrator_stub.engine.logqueue import LogQueue
from orchestrator_stub.logs.bell import Bell
from orchestrator_stub.logs.buffer import Chunk, LogBuffer, Place
from orchestrator_stub.logs.frames import Misreader, chunk_frames, error_frame

FILE_PATIENCE = 60 * SECOND
"""How long a node of 1.8+ waits for the first byte of a log (FINDINGS 1 row 11.3; 76/ok-blocked)."""
START_PATIENCE = 5 * SECOND
"""How long a node up to 1.7 waits for an execution to begin (75/q3-log)."""
_NO_STREAM = (
    "nats stream: close 5000 (internal server error): error in handler : failed to get log stream for execution: "
)


@dataclass(slots=True)
class _Visit:
    """One request for a log at a node."""

    execution: Execution
    follow: bool
    tail: bool
    number: int = 0
    """Its number in the queue; 0 where nobody has to queue."""
    served_at: int = 0
    """Unix nanoseconds; 0 before its turn."""
    left: bool = False
    """Nobody reads any more; the node does not know."""

    @property
    def node_id(self) -> str:
        """The node that was asked."""
        return self.execution.node_id

    @property
    def is_wasm(self) -> bool:
        """Nodes log wasm programs in their own ways (FINDINGS 1 row 11.3)."""
        return self.execution.job.task.engine.type.lower() == "wasm"


class LogService:
    """The log streams of all nodes."""

    def __init__(self, compute: Compute, release: Release, clock: Clock, *, strict: bool = False) -> None:
        self._compute = compute
        self._release = release
        self._clock = clock
        self._strict = strict
        self._queue = LogQueue()
        self._next_turn = Bell()
        self._ghosts: set[asyncio.Task[None]] = set()
        self._is_over = False

    @property
    def hears_clients(self) -> bool:
        """Whether it is noticed that a client leaves."""
        return not self._strict

    async def frames(self, execution: Execution, *, follow: bool, tail: bool) -> AsyncGenerator[str, None]:
        """The frames that the execution's node sends, until it closes the stream.

        `follow`: to the end of the run instead of what is there. `tail`: only what comes from now on. With `strict` a
        generator that is closed early leaves a visitor behind who goes on holding the node's stream.
        """
        visit = _Visit(execution, follow, tail)
        if self._strict:
            visit.number = self._queue.join(execution.node_id)
        over = False
        try:
            async with contextlib.aclosing(self._serve(visit)) as frames:
                async for frame in frames:
                    yield frame
            over = True
        finally:
            if over or self._is_over or not self._strict:
                self._leave(visit)
            else:
                visit.left = True
                ghost = asyncio.get_running_loop().create_task(self._haunt(visit))
                self._ghosts.add(ghost)
                ghost.add_done_callback(self._ghosts.discard)

    async def close(self) -> None:
        """End all streams that nobody reads any more; from now on who leaves is gone."""
        self._is_over = True
        for ghost in list(self._ghosts):
            ghost.cancel()
        await asyncio.gather(*self._ghosts, return_exceptions=True)

    # Turns.

    async def _haunt(self, visit: _Visit) -> None:
        """Hold the node's stream for as long as a reader would have held it."""
        try:
            async with contextlib.aclosing(self._serve(visit)) as frames:
                async for _ in frames:
                    pass
        finally:
            self._leave(visit)

    async def _turn(self, visit: _Visit) -> None:
        while visit.number and not self._queue.is_served(visit.node_id, visit.number):
            await self._next_turn.heard()
        visit.served_at = visit.served_at or self._clock.peek()

    def _leave(self, visit: _Visit) -> None:
        if visit.number:
            self._queue.leave(visit.node_id, visit.number)
            self._next_turn.ring()

    # What comes.

    async def _serve(self, visit: _Visit) -> AsyncGenerator[str, None]:
        """Frames as the release makes them of what is written, and for a follower until the stream may end."""
        await self._turn(visit)
        found = await (self._file(visit) if self._release.logs_from_node else self._running(visit))
        if isinstance(found, str):
            yield error_frame(found)
            return
        log, since = found
        frames_of = Misreader() if visit.is_wasm else chunk_frames
        if not visit.left:
            async with contextlib.aclosing(_chunks(visit, log, since)) as chunks:
                async for chunk in chunks:
                    for frame in frames_of(chunk):
                        yield frame
                    if isinstance(frames_of, Misreader) and frames_of.is_lost:
                        return
        elif visit.follow:
            await log.until_closed()
        if visit.follow and log.killed_at and self._strict:
            await self._until(max(log.killed_at, visit.served_at) + self._release.killed_log_held * SECOND)

    async def _file(self, visit: _Visit) -> tuple[LogBuffer, Place] | str:
        """1.8+: the node reads a file that is made with the first byte, where to begin in it; or why there is none.

        Wasm programs have none.
        """
        log = None if visit.is_wasm else self._compute.log(visit.execution.id)
        since = log.end() if log is not None and visit.tail else Place()
        if log is None or not log.readable:
            log = await self._by(visit.served_at + FILE_PATIENCE, _never() if visit.is_wasm else self._readable(visit))
        return "timeout while waiting for execution logs" if log is None else (log, since)

    async def _running(self, visit: _Visit) -> tuple[LogBuffer, Place] | str:
        """Up to 1.7: the node asks the engine, which only shows what runs; else what the orchestrator hands on."""
        name = visit.execution.id
        log = await self._by(visit.served_at + START_PATIENCE, self._begun(visit))
        if log is None and self._compute.is_known(name):
            return f"{_NO_STREAM}{name}. getting outputs for execution ({name})"
        since = log.end() if log is not None and visit.tail else Place()
        if self._strict and log is not None:
            await self._until(self._clock.now() + self._release.container_look_ms * SECOND // 1000)
        if log is None or (self._strict and log.closed):
            return f"{_NO_STREAM}{name}. cannot get logs when container is not running"
        return log, since

    # Waiting.

    async def _begun(self, visit: _Visit) -> LogBuffer | None:
        """The log once the execution runs; None when it is over."""
        while (log := self._compute.log(visit.execution.id)) is None and self._compute.is_known(visit.execution.id):
            await self._compute.begun.heard()
        return log

    async def _readable(self, visit: _Visit) -> LogBuffer:
        """The log once there is something in it; never for an execution that never started."""
        while (log := self._compute.log(visit.execution.id)) is None:
            await self._compute.begun.heard()
        await log.until_readable()
        return log

    async def _by(self, due: int, thing: Awaitable[LogBuffer | None]) -> LogBuffer | None:
        """What comes until `due` (unix nanoseconds), else None."""
        ours, over = asyncio.ensure_future(thing), asyncio.ensure_future(self._until(due))
        try:
            await asyncio.wait({ours, over}, return_when=asyncio.FIRST_COMPLETED)
            return ours.result() if ours.done() else None
        finally:
            for task in (ours, over):
                task.cancel()
            await asyncio.gather(ours, over, return_exceptions=True)

    async def _until(self, due: int) -> None:
        """Until it is `due`, unix nanoseconds."""
        if self._clock.peek() >= due:
            return
        over = asyncio.Event()
        timer = self._clock.call_at(due, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()


async def _chunks(visit: _Visit, log: LogBuffer, since: Place) -> AsyncGenerator[Chunk, None]:
    if visit.follow:
        async with contextlib.aclosing(log.follow(since)) as live:
            async for chunk in live:
                yield chunk
        return
    for chunk in log.backlog(since):
        yield chunk


async def _never() -> None:
    """Until cancelled."""
    await asyncio.get_running_loop().create_future()
