"""Stubs in this process: started and ended on one event loop in the background, in a few milliseconds each."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator_stub.domain.errors import EXTRA
from orchestrator_stub.testing.handle import StubHandle

if TYPE_CHECKING:
    from orchestrator_stub.app import Stub
    from orchestrator_stub.settings.flags import Settings
    from orchestrator_stub.testing.backends import Backends

DEFAULT_FLAGS = ("--port", "0", "--docker-runner", "scripted", "--clock", "auto", "--seed", "1")
"""What a stub is started with, before the flags that are given."""

_T = TypeVar("_T")


class MissingExtraError(ImportError):
    """The stub's libraries are not installed; the text says how to get them."""


@contextmanager
def stub_server(*flags: str) -> Iterator[StubHandle]:
    """A stub of its own for the time of a `with` block, on free ports, with nothing left behind.

    :param flags: as of `bacalhau-stub serve`; they win over `DEFAULT_FLAGS`.
    :raises SettingsError: a flag is wrong; the text says what would be right
    :raises MissingExtraError: the extra `stub` is not installed
    """
    with background() as loop:
        stub = _make(flags, loop)
        loop.run(stub.start())
        try:
            handle = StubHandle(stub.url, ca_file=stub.info.ca_file)
            try:
                yield handle
            finally:
                handle.close()
        finally:
            loop.run(stub.stop())


def _make(flags: tuple[str, ...], loop: Background) -> Stub:
    try:
        from orchestrator_stub.app import Stub
        from orchestrator_stub.testing.backends import Backends
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{EXTRA} ({error.name} is missing)") from None
    loop.backends = loop.backends or Backends()
    return Stub(_parsed(flags) if flags else _usual(), s3_backend=loop.backends.take)


def _parsed(flags: tuple[str, ...]) -> Settings:
    from orchestrator_stub.settings.flags import parse

    return parse([*DEFAULT_FLAGS, *flags], prog="stub_server")


@functools.cache
def _usual() -> Settings:
    """Parsing takes longer than starting."""
    return _parsed(())


class Background:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.backends: Backends | None = None
        """What keeps the objects of its stubs, once there is one."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bacalhau-stub", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do it there, wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End the thread; whatever still runs there is cancelled."""
        if self.backends is not None:
            self.run(self.backends.close())
        self.run(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_all(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._loop.shutdown_default_executor()


_lock = threading.Lock()
_users = 0
_shared: Background | None = None


def _forget() -> None:
    """In a forked process, where the thread is not."""
    global _lock, _users, _shared
    _lock, _users, _shared = threading.Lock(), 0, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def background() -> Iterator[Background]:
    """The process's one loop for stubs; it ends with the last who uses it."""
    global _users, _shared
    with _lock:
        _shared = _shared or Background()
        _users += 1
        loop = _shared
    try:
        yield loop
    finally:
        with _lock:
            _users -= 1
            last = None if _users else _shared
            _shared = None if last else _shared
        if last is not None:
            last.close()
