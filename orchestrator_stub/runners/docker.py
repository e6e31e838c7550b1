"""Runs docker tasks in containers of an engine on this machine (Docker or Podman), as compute nodes do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.image import parse_image
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.base import Finished, Mount, Work
from orchestrator_stub.runners.demux import Demultiplexer
from orchestrator_stub.runners.docker_engine import Engine, EngineAt, EngineError
from orchestrator_stub.runners.docker_files import Courier
from orchestrator_stub.runners.docker_owner import EXECUTION, JOB, OWNER, owner_label
from orchestrator_stub.runners.docker_request import container_request
from orchestrator_stub.runners.docker_spec import DAEMON, docker_spec
from orchestrator_stub.runners.image import Images, missing_image
from orchestrator_stub.runners.launcher import DEFAULT_DISK
from orchestrator_stub.runners.results import refuse_taken_names
from orchestrator_stub.runners.threads import in_own_thread

_log = logging.getLogger(__name__)

T = TypeVar("T")
_NOT_FOUND = "executable file not found"
_NO_CONNECTION = 0
OUT_OF_MEMORY = "memory limit exceeded"
"""What released servers say of a container that the kernel ended (pkg/executor/docker/handler.go)."""


class DockerRunner:
    """Runs images as they are: pulled where they are missing, with the job's network, limits and variables."""

    name = "docker"

    def __init__(self, release: Release, engine: EngineAt, *, images: Images | None = None) -> None:
        """Ready to run.

        :param images: which are missing whatever the engine has
        """
        self._release, self._at, self._images = release, engine, images or Images(release)

    def check(self, task: Task) -> Callable[[], Awaitable[None]]:
        """Refuse a broken spec and a malformed image; what is returned asks the engine for the image.

        :raises StepError: in the words of the release (FINDINGS-docker 6)
        """
        self._images.of(task)
        return partial(self._provide, docker_spec(task, self._release).image)

    async def run(self, work: Work) -> Finished:
        """Run the container to its end and remove it, whatever happens; stopped, it is killed first.

        :raises StepError: it could not be made or started, or the engine broke off
        """
        spec = docker_spec(work.task, self._release)
        _check_targets(work)
        await self._provide(spec.image)
        results = work.mounts[len(work.mounts) - len(work.task.result_paths) :]
        inputs = [mount for mount in work.mounts if mount not in results]
        labels = {OWNER: owner_label(), JOB: work.job.id, EXECUTION: work.execution.id}
        shared = [mount for mount in inputs if mount.shared]
        request = container_request(work, spec, mounts=shared, labels=labels, cpus=self._at.cpus)
        async with Engine(self._at) as engine:
            making = asyncio.ensure_future(engine.create(request))
            try:
                container = await _unbroken(making)
            except EngineError as error:
                raise StepError(f"creating container: {_words(error)}") from None
            except asyncio.CancelledError:
                if making.exception() is None:
                    await _unbroken(_remove(engine, making.result()))
                raise
            try:
                finished = await self._carry(engine, container, work, ([m for m in inputs if not m.shared], results))
            finally:
                await _unbroken(_remove(engine, container))
        refuse_taken_names(work)
        return finished

    async def _provide(self, image: str) -> None:
        """Pull an image that the engine has not yet. Raises StepError."""
        async with Engine(self._at) as engine:
            try:
                if await engine.has_image(image):
                    return
            except EngineError as error:
                raise StepError(_words(error)) from None
            reference = parse_image(image)
            _log.info("image %s is pulled", image)
            try:
                if reference is not None:
                    await engine.pull(reference)
            except EngineError as error:
                # The release's own words leave out why; whoever runs the stub can do something about it.
                _log.warning("image %s cannot be pulled: %s", image, error.message)
                raise missing_image(image) from None

    async def _carry(
        self, engine: Engine, container: str, work: Work, files: tuple[list[Mount], tuple[Mount, ...]]
    ) -> Finished:
        """Inputs in, program, results out."""
        inputs, results = files
        courier = Courier(self._at, container)
        name = f"files of {work.execution.id}"
        if inputs:
            try:
                await in_own_thread(name, partial(courier.bring, inputs, results), courier.stop)
            except EngineError as error:
                raise StepError(f"creating container: {_words(error)}") from None
        await _follow(engine, container, work)
        try:
            code, complaint = await engine.wait(container)
            if await engine.ran_out_of_memory(container):
                complaint = OUT_OF_MEMORY
            if results:
                limit = work.limits.disk or DEFAULT_DISK
                await in_own_thread(name, partial(courier.fetch, inputs, results, limit), courier.stop)
        except EngineError as error:
            text = f"received error response from docker client while waiting on container: {_words(error)}"
            raise StepError(text) from None
        return Finished(code, complaint)


async def _follow(engine: Engine, container: str, work: Work) -> None:
    """Start the program and write down what it prints until its streams end. Raises StepError."""
    refused: EngineError | None = None
    try:
        async with contextlib.AsyncExitStack() as stack:
            try:
                output = await stack.enter_async_context(engine.attached(container))
            except EngineError as error:
                refused = error  # it prepared the program for this; starting it tells why that fails
            await engine.start(container)
            if refused is not None:
                raise refused
            demultiplexer = Demultiplexer()
            async for data in output:
                for stream, piece in demultiplexer.feed(data):
                    work.log.write(stream, piece)
    except EngineError as error:
        raise StepError(_start_failure(error)) from None


def _start_failure(error: EngineError) -> str:
    """As servers put it (golden 73)."""
    kind = _NOT_FOUND if _NOT_FOUND in error.message else "failed to start container"
    return f"failed to start container: {kind}: {_words(error)}"


def _words(error: EngineError) -> str:
    return error.message if error.status == _NO_CONNECTION else f"{DAEMON}{error.message}"


def _check_targets(work: Work) -> None:
    for mount in work.mounts:
        if not mount.target.startswith("/"):
            raise StepError(f"creating container: {DAEMON}invalid mount path: '{mount.target}' must be absolute")


async def _remove(engine: Engine, container: str) -> None:
    try:
        await engine.remove(container)
    except EngineError as error:
        _log.warning("container %s stays: %s", container, error.message)


async def _unbroken(step: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """The step's result; it goes on to its end when the caller is cancelled, who hears of that afterwards."""
    task = asyncio.ensure_future(step)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()
