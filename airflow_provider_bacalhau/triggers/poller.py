"""One loop that looks at jobs for all triggers of a triggerer that wait on the same server and namespace.

A trigger asks `look(job_id)` when its watch says so and gets an observation. Questions that fall together share one
connection pool and one request budget, and where a list is cheaper than many single looks, one list answers those
whose job has not moved. The loop runs in an empty context, since a task made inside a trigger would write into that
trigger's task log, and ends with its last waiter.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow_provider_bacalhau.errors import ApiError, ServerFault

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.config import ClientConfig
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.watch import Observation
    from airflow_provider_bacalhau.models.job import Job

log = logging.getLogger(__name__)

GATHER = 0.005
"""Seconds, for each waiter, that questions are collected before they are answered together."""

LONGEST_GATHER = 1.0
"""Seconds that a question waits at most for others to fall together with it."""

RATE = 50.0
"""Requests per second that all waiters of one server and namespace share; a look costs the server 2 ms."""

AT_ONCE = 16
"""Requests in flight at one moment."""

LONGEST_REST = 60.0
"""Seconds of a server's Retry-After for which nobody asks, at most."""

LIST_FROM = 16
"""Questions that have to fall together before a list is tried in place of single looks."""

STALE_AFTER = 60.0
"""Seconds after which even a job that did not move is looked at singly, for the sake of its executions."""

_pollers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], Poller]] = WeakKeyDictionary()


@asynccontextmanager
async def joined(config: ClientConfig, namespace: str | None) -> AsyncIterator[Poller]:
    """Wait along with all others on this loop that wait on the same server and namespace."""
    pollers = _pollers.setdefault(asyncio.get_running_loop(), {})
    key = (config.digest(), namespace or "")
    poller = pollers.get(key)
    if poller is None:
        poller = pollers[key] = Poller(config, namespace)
    poller.members += 1
    try:
        yield poller
    finally:
        poller.members -= 1
        if not poller.members:
            pollers.pop(key, None)
            await poller.aclose()


class Poller:
    """Answers `look` for many waiters. Made by `joined`; cancelling a waiter cancels no request of another."""

    def __init__(
        self, config: ClientConfig, namespace: str | None, *, make_client: Callable[[], AsyncClient] | None = None
    ) -> None:
        self.members = 0
        self._config = config
        self._namespace = namespace
        self._make_client = make_client or self._new_client
        self._asked: dict[str, asyncio.Future[Observation]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self._last: dict[str, tuple[float, Observation]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._next_at = 0.0
        self._ahead = 0.0
        self._lister: Client | None = None
        self._look_cost = 0.005
        self._list_cost = 0.0

    @property
    def ahead(self) -> float:
        """Seconds by which the server's clock is ahead of ours, as the last answer told; 0 before the first."""
        return self._ahead

    async def look(self, job_id: str) -> Observation:
        """One look at a job, shared with whoever asks for the same job meanwhile. Errors are part of the answer."""
        self._start()
        future = self._asked.get(job_id)
        if future is None:
            future = self._asked[job_id] = asyncio.get_running_loop().create_future()
            future.add_done_callback(_heard)
            self._wake.set()
        return await asyncio.shield(future)

    async def aclose(self) -> None:
        """End the loop and its client; a waiter that still asks is told that the wait was cancelled."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _start(self) -> None:
        if self._task is None or self._task.done():
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._run(), name="bacalhau-poller", context=contextvars.Context())

    def _new_lister(self) -> Client:
        from airflow_provider_bacalhau.client.sync import Client

        return Client(self._config)

    def _new_client(self) -> AsyncClient:
        from airflow_provider_bacalhau.client.aio import AsyncClient

        return AsyncClient(self._config)

    async def _run(self) -> None:
        asked: dict[str, asyncio.Future[Observation]] = {}
        try:
            # the TLS context and the imports take 150 ms, for which the triggerer's whole loop would stand still
            async with await asyncio.to_thread(self._make_client) as client:
                while True:
                    await self._wake.wait()
                    await asyncio.sleep(min(LONGEST_GATHER, self.members * GATHER))
                    self._wake.clear()
                    asked, self._asked = self._asked, {}
                    await self._answer(client, asked)
        except Exception as error:
            log.exception("The loop that looks at Bacalhau jobs failed; it starts again with the next look.")
            for future in (*asked.values(), *self._asked.values()):
                if not future.done():
                    future.set_exception(error)
        finally:
            if self._lister is not None:
                self._lister.close()
            for look in self._looks:
                look.cancel()
            for future in (*asked.values(), *self._asked.values()):
                future.cancel()
            self._asked = {}

    async def _answer(self, client: AsyncClient, asked: dict[str, asyncio.Future[Observation]]) -> None:
        if len(asked) >= LIST_FROM:
            if self._list_cost < len(asked) * self._look_cost:
                asked = await self._skim(asked)
            else:  # the server may forget jobs again
                self._list_cost *= 0.98
        for job_id, future in asked.items():
            await self._pace()
            await self._slots.acquire()
            look = asyncio.get_running_loop().create_task(
                self._single(client, job_id, future), context=contextvars.Context()
            )
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def _single(self, client: AsyncClient, job_id: str, future: asyncio.Future[Observation]) -> None:
        from airflow_provider_bacalhau.hooks.job import aobserve

        began = time.monotonic()
        try:
            seen = await aobserve(client, job_id, self._namespace)
            self._ahead = client.learnt.ahead
        except Exception as error:  # a fault of ours ends one look, not the loop
            if not future.done():
                future.set_exception(error)
            return
        except asyncio.CancelledError:
            future.cancel()
            raise
        finally:
            self._slots.release()
        now = time.monotonic()
        self._look_cost += (min(now - began, 1.0) - self._look_cost) / 8
        if isinstance(seen.error, ServerFault) and seen.error.retry_after:  # it means all who ask
            self._next_at = max(self._next_at, now + min(seen.error.retry_after, LONGEST_REST))
        if seen.job is not None and not seen.job.is_terminal:
            self._last[job_id] = (now, seen)
        else:
            self._last.pop(job_id, None)
        if not future.done():
            future.set_result(seen)

    async def _skim(self, asked: dict[str, asyncio.Future[Observation]]) -> dict[str, asyncio.Future[Observation]]:
        """Answer from one list what has not moved since its last look; returns the rest."""
        known = {job_id: self._last[job_id] for job_id in asked if job_id in self._last}
        if len(known) < LIST_FROM:
            return asked
        began = time.monotonic()
        await self._pace()
        try:
            listed = await asyncio.to_thread(self._list)  # reading a thousand jobs takes too long for a loop
        except ApiError as error:
            log.info("Listing jobs failed, looking at each of them: %s", error)
            return asked
        now = time.monotonic()
        self._list_cost = now - began
        rest = {}
        for job_id, future in asked.items():
            at, seen = known.get(job_id, (0.0, None))
            job = listed.get(job_id)
            if seen is None or now - at > STALE_AFTER or _moved(job, seen.job):
                rest[job_id] = future
            elif not future.done():
                future.set_result(seen)
        return rest

    def _list(self) -> dict[str, Job]:
        if self._lister is None:
            self._lister = self._new_lister()
        return {job.id: job for job in self._lister.iter_jobs(namespace=self._namespace, labels="airflow-key")}

    async def _pace(self) -> None:
        now = time.monotonic()
        self._next_at = max(self._next_at, now) + 1.0 / RATE
        if (ahead := self._next_at - 1.0 / RATE - now) > 0:
            await asyncio.sleep(ahead)


def _moved(now: Job | None, before: Job | None) -> bool:
    if now is None or before is None:
        return True
    return (now.state, now.revision, now.version) != (before.state, before.revision, before.version)


def _heard(future: asyncio.Future[Observation]) -> None:
    """A look whose waiter has gone may fail unheard."""
    if not future.cancelled():
        future.exception()
