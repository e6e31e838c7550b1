"""Logs of jobs. A log may never delay or change a verdict, so everything here runs in a side thread with a deadline.

A node serves one live stream at a time and does not notice a follower that leaves: a stream that gives nothing at
first is closed with one line that says so, and is not opened again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from airflow_provider_bacalhau.errors import ApiError, BacalhauError

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.config import ClientConfig
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.connection import Connected
    from airflow_provider_bacalhau.lifecycle.watch import Observation
    from airflow_provider_bacalhau.models.execution import Execution
    from airflow_provider_bacalhau.models.job import Job
    from airflow_provider_bacalhau.results.fetch import Fetcher
    from airflow_provider_bacalhau.results.manifest import Item, Manifest

MOST_FOLLOWED = 16
"""Executions of one job that are followed live."""

log = logging.getLogger(__name__)


class LiveLog:
    """Follows the executions of a running docker job and hands whole lines to `emit`, which a side thread calls.

    :param emit: gets one line of output; it must be safe to call from another thread.
    """

    def __init__(self, config: ClientConfig, job_id: str, namespace: str | None, emit: Callable[[str], None]) -> None:
        self._config = config
        self._job_id = job_id
        self._namespace = namespace
        self._emit = emit
        self._nodes: set[str] = set()
        self._whole: set[str] = set()
        self._followers: set[asyncio.Task[None]] = set()
        self._ended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def offer(self, seen: Observation) -> None:
        """Start to follow executions that run since this look, one a node."""
        if self._ended or seen.job is None or seen.job.engine == "wasm":
            return  # a wasm job has no live log on any release (FINDINGS 1)
        for one in seen.executions:
            runs = one.is_live and one.desired_state == "Running" and one.node_id not in self._nodes
            if runs and len(self._nodes) < MOST_FOLLOWED:
                self._nodes.add(one.node_id)
                self._submit(one.id, one.node_id, f"[{one.partition}] " if seen.job.count > 1 else "")

    def finish(self, seconds: float) -> frozenset[str]:
        """Wait at most so long for the streams to end, then close them; returns the executions that were read whole."""
        loop, thread = self._loop, self._thread
        self._ended, self._loop = True, None
        if loop is not None and thread is not None:
            ending = asyncio.run_coroutine_threadsafe(self._end(seconds), loop)
            with contextlib.suppress(TimeoutError):  # a stream that cannot even be closed is left to the process' end
                ending.result(seconds + 1.0)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(1.0)
        return frozenset(self._whole)

    def _submit(self, execution_id: str, node: str, prefix: str) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name="bacalhau-logs", daemon=True)
            self._thread.start()
        self._loop.call_soon_threadsafe(self._start, execution_id, node, prefix)

    def _start(self, execution_id: str, node: str, prefix: str) -> None:
        task = asyncio.ensure_future(self._follow(execution_id, node, prefix))
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)

    async def _end(self, seconds: float) -> None:
        if self._followers:
            await asyncio.wait(self._followers, timeout=seconds)
        left = list(self._followers)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _follow(self, execution_id: str, node: str, prefix: str) -> None:
        from airflow_provider_bacalhau.client.aio import AsyncClient
        from airflow_provider_bacalhau.lifecycle.logs import live_gave_nothing

        try:
            async with AsyncClient(self._config) as client:
                if await self._read(client, execution_id, prefix):
                    self._whole.add(execution_id)
        except TimeoutError:
            self._emit(live_gave_nothing(node))
        except Exception as error:  # a log that breaks is read again after the verdict
            log.debug("Following %s ended: %s", execution_id, error)

    async def _read(self, client: AsyncClient, execution_id: str, prefix: str) -> bool:
        """Emit lines until the server closes; True when at least one frame came."""
        from airflow_provider_bacalhau.lifecycle.logs import FIRST_FRAME_SECONDS, LineAssembler

        frames = client.stream_logs(self._job_id, execution_id=execution_id, follow=True, namespace=self._namespace)
        assembler, patience = LineAssembler(), FIRST_FRAME_SECONDS
        came = False
        try:
            while True:
                frame = await asyncio.wait_for(anext(frames), None if came else patience)
                came = True
                assembler, lines = assembler.feed(frame.stream, frame.text)
                for line in lines:
                    self._emit(prefix + line.text)
        except StopAsyncIteration:
            return came
        finally:
            for line in assembler.flush():
                self._emit(prefix + line.text)
            await frames.aclose()


class Output:
    """What one execution wrote. `note` is the line that says where the rest is, empty when this is all."""

    def __init__(self, execution: Execution, stdout: str, stderr: str, note: str = "") -> None:
        self.execution_id = execution.id
        self.partition = execution.partition
        self.stdout = stdout
        self.stderr = stderr
        self.note = note

    def lines(self) -> list[str]:
        """The lines to show, stdout before stderr, and the note."""
        shown = [*self.stdout.splitlines(), *self.stderr.splitlines()]
        return [*shown, self.note] if self.note else shown


def outputs_of(
    hook: Connected,
    job: Job,
    executions: Sequence[Execution],
    manifest: Manifest,
    *,
    skip: frozenset[str] = frozenset(),
    seconds: float,
) -> list[Output]:
    """What the executions of an ended job wrote, from the best source, by partition; at most `seconds` of reading."""
    ordered = sorted(executions, key=lambda one: (one.partition, one.create_time, one.id))
    wanted = [one for one in ordered if one.id not in skip and one.is_terminal]
    found = {one.id: _captured(one, _place(manifest, one)) for one in wanted if one.stdout or one.stderr}

    def read() -> None:
        with hook.new_client() as client:
            reader = _Reader(hook, client, job, manifest)
            for one in wanted:
                better = reader.read(one)
                if better is not None:
                    found[one.id] = better

    worker = threading.Thread(target=_quietly, args=(read,), name="bacalhau-output", daemon=True)
    worker.start()
    worker.join(seconds)
    return [found[one.id] for one in wanted if one.id in found]


def dump(hook: Connected, job_id: str, *, namespace: str | None, execution_id: str | None, timeout: float) -> str:
    """What the log socket gives at once, within `timeout` seconds."""
    from airflow_provider_bacalhau.client.redaction import hide

    pieces: list[str] = []

    def read() -> None:
        with hook.new_client() as client:
            frames = client.stream_logs(
                job_id, execution_id=execution_id, follow=False, namespace=namespace, idle_timeout=timeout
            )
            pieces.extend(frame.text for frame in frames)

    failure: list[BaseException] = []

    def guarded() -> None:
        try:
            read()
        except (ApiError, TimeoutError) as error:
            failure.append(error)

    worker = threading.Thread(target=guarded, name="bacalhau-dump", daemon=True)
    worker.start()
    worker.join(timeout)
    if failure and not pieces and isinstance(failure[0], ApiError):
        raise failure[0]
    return hide("".join(pieces), hook.config)  # a frame may end in the middle of what it must not show


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _quietly(read: Callable[[], None]) -> None:
    try:
        read()
    except Exception as error:  # what was captured is shown instead
        log.debug("Reading output ended: %s", error)


class _Reader:
    """Reads the outputs of one job's executions, each from its best source."""

    def __init__(self, hook: Connected, client: Client, job: Job, manifest: Manifest) -> None:
        self._hook = hook
        self._client = client
        self._job = job
        self._manifest = manifest
        self._fetcher: Fetcher | None = None

    def read(self, one: Execution) -> Output | None:
        """One execution's output; None when there is nothing better than what was captured."""
        from airflow_provider_bacalhau.lifecycle.logs import source_after_verdict

        item = _item(self._manifest, one)
        source = source_after_verdict(
            truncated=one.stdout_truncated or one.stderr_truncated,
            engine=self._job.engine,
            published=item is not None,
            ran=one.reported_exit_code is not None,
            dump_is_full=self._client.capabilities().logs_after_end_full,
        )
        if source == "archive" and item is not None:
            return self._from_archive(one, item)
        if source == "dump":
            return self._from_dump(one)
        return _captured(one, _place(self._manifest, one)) if source == "run_output" else None

    def _from_archive(self, one: Execution, item: Item) -> Output | None:
        from airflow_provider_bacalhau.hooks.results import fetcher

        if self._fetcher is None:
            quiet = log.debug
            self._fetcher = fetcher(self._hook, [self._job], client=self._client, note=lambda line: quiet("%s", line))
        try:
            out, err = (self._fetcher.read_member(item, name) for name in ("stdout", "stderr"))
        except BacalhauError as error:
            log.debug("No output from %s: %s", item.uri, error)
            return None
        note = "" if out.complete and err.complete else _note(len(out.text) + len(err.text), item.uri)
        return Output(one, out.text, err.text, note)

    def _from_dump(self, one: Execution) -> Output | None:
        from airflow_provider_bacalhau.client.redaction import hide

        streams = {1: "", 2: ""}
        frames = self._client.stream_logs(
            self._job.id, execution_id=one.id, follow=False, namespace=self._job.namespace, idle_timeout=5.0
        )
        for frame in frames:
            streams[frame.stream] = streams.get(frame.stream, "") + frame.text
        texts = [hide(streams[stream], self._hook.config) for stream in (1, 2)]
        return Output(one, *texts) if any(texts) else None


def _captured(one: Execution, place: str) -> Output:
    cut = one.stdout_truncated or one.stderr_truncated
    note = _note(len(one.stdout.encode()) + len(one.stderr.encode()), place) if cut else ""
    return Output(one, one.stdout, one.stderr, note)


def _note(shown: int, place: str) -> str:
    from airflow_provider_bacalhau.lifecycle.logs import incomplete

    return incomplete(shown, None, place)


def _item(manifest: Manifest, one: Execution) -> Item | None:
    return next((item for item in manifest.items if item.execution_id == one.id), None)


def _place(manifest: Manifest, one: Execution) -> str:
    item = _item(manifest, one)
    return item.uri if item is not None else ""
