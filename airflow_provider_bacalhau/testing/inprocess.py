"""What `dag.test()` of a test needs beside Airflow's own: no waits, its tasks' logs and errors, an id for the run.

The only file that reaches into Airflow's insides; each place is named with the releases that it was checked with.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import timedelta
from importlib import import_module
from typing import Any
from unittest import mock

from airflow_provider_bacalhau.testing.run import Attempt

POKE_INTERVAL = 0.1
"""Seconds between two looks of a sensor."""
_OF_THE_MACHINERY = ("airflow.api_fastapi", "airflow.models", "airflow.sdk.definitions.dag", "airflow.dag_processing")
"""Loggers of what would be the scheduler and the api-server."""


@contextlib.contextmanager
def patched(run_id: str | None, recorder: Recorder) -> Iterator[None]:
    """Airflow as a test wants it, for one `dag.test()`."""
    with contextlib.ExitStack() as stack:
        for patch in (_no_retry_delay(), _one_api_server(), *_run_id(run_id), recorder.patch()):
            stack.enter_context(patch)
        stack.enter_context(recorder.listening())
        yield


@contextlib.contextmanager
def signals_given_back() -> Iterator[None]:
    """Airflow's tasks take SIGTERM, and its limits of time take the one alarm that a process has: afterwards a test run
    would not hear that it is to end, and pytest-timeout would never strike (3.1.8, 3.3.2)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGSEGV)}
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    began = time.monotonic()
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), interval)


def _no_retry_delay() -> Any:
    """A retry begins at once, whatever `retry_delay`, its backoff or a policy say (3.1.8, 3.3.2)."""
    instance = import_module("airflow.models.taskinstance").TaskInstance
    return _replaced(instance, "next_retry_datetime", lambda ti: ti.end_date - timedelta(seconds=1))


@functools.cache
def _cached_api_server() -> Any:
    return import_module("airflow.api_fastapi.execution_api.app").InProcessExecutionAPI()


def _one_api_server() -> Any:
    """The API that tasks talk to is built once: 3.3.2 does so itself, 3.1.8 takes 1.7 s for each task."""
    supervisor = import_module("airflow.sdk.execution_time.supervisor")
    return _replaced(supervisor, "in_process_api_server", _cached_api_server)


@functools.cache
def warm_up() -> None:
    """Let that API build its routes, which it does at its first request and which takes longer than most tests."""
    import httpx

    try:
        with httpx.Client(transport=_cached_api_server().transport, base_url="http://in-process.invalid/") as client:
            client.get("health/ping")
    except Exception:  # whatever is different in a later release: then the first task waits for it
        logging.getLogger(__name__).warning("the API for tasks cannot be built beforehand", exc_info=True)


def _replaced(owner: Any, name: str, value: Any) -> Any:
    """Something of Airflow's that a later release may no longer have; then its own way of doing it has to do."""
    return mock.patch.object(owner, name, value) if hasattr(owner, name) else contextlib.nullcontext()


def _run_id(run_id: str | None) -> list[Any]:
    """`dag.test()` makes the id by itself (3.1.8, 3.3.2)."""
    if run_id is None:
        return []
    dag_run = import_module("airflow.models.dagrun").DagRun
    return [mock.patch.object(dag_run, "generate_run_id", return_value=run_id)]


@contextlib.contextmanager
def eager_sensors(dag: Any) -> Iterator[None]:
    """The DAG's sensors look often; afterwards as they were."""
    changed: list[tuple[MutableMapping[str, Any], Any]] = []
    for task in dag.tasks:
        place = vars(task) if "poke_interval" in getattr(task, "__dict__", {}) else getattr(task, "partial_kwargs", {})
        if _seconds(place.get("poke_interval")) > POKE_INTERVAL:
            changed.append((place, place["poke_interval"]))
            place["poke_interval"] = POKE_INTERVAL
    try:
        yield
    finally:
        for place, value in changed:
            place["poke_interval"] = value


def _seconds(interval: Any) -> float:
    if isinstance(interval, timedelta):
        return interval.total_seconds()
    return float(interval) if isinstance(interval, int | float) else 0.0


class Recorder:
    """Listens to the tasks of a run while they run in this process."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self._now: Attempt | None = None
        self._shown: deque[str] = deque(maxlen=16)
        """Lines of events that are about to be printed, newest last."""
        self._begun = ""
        """The beginning of a line that the task printed."""

    def patch(self) -> Any:
        """Hear of every leg of a task (3.1.8, 3.3.2); a trigger that follows belongs to it as well."""
        supervisor = import_module("airflow.sdk.execution_time.supervisor")
        run: Callable[..., Any] = supervisor.run_task_in_process

        def heard(ti: Any, task: Any, *more: Any, **named: Any) -> Any:
            attempt = self._now = self._attempt(ti)
            try:
                with self._overhearing():
                    result = run(ti, task, *more, **named)
            except BaseException as error:
                attempt.error = error
                raise
            attempt.state, attempt.error = str(result.state), result.error
            return result

        return mock.patch.object(supervisor, "run_task_in_process", heard)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Keep what is logged, by either of the two ways that Airflow logs."""
        processors: list[Any] = import_module("structlog").get_config()["processors"]
        shows = processors[-1]
        processors[-1] = lambda logger, name, event: self._logged(shows, logger, name, event)
        handler = _Handler(self._keep)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            processors[-1] = shows
            self._now = None

    def _attempt(self, ti: Any) -> Attempt:
        for attempt in reversed(self.attempts):
            if (attempt.task, attempt.map_index, attempt.number) == (ti.task_id, ti.map_index, ti.try_number):
                return attempt
        self.attempts.append(Attempt(ti.task_id, ti.map_index, ti.try_number))
        return self.attempts[-1]

    def _logged(self, shows: Callable[..., Any], logger: Any, name: str, event: MutableMapping[str, Any]) -> Any:
        """In the place of structlog's last processor, which makes a line of the event."""
        self._keep(str(event.get("logger", "")), _told(event))
        shown = shows(logger, name, event)
        self._shown.append(f"{shown}\n")
        return shown

    @contextlib.contextmanager
    def _overhearing(self) -> Iterator[None]:
        with mock.patch.object(sys, "stdout", _Tee(sys.stdout, self._printed)):
            yield
        if self._begun:
            self._printed("\n")

    def _printed(self, text: str) -> None:
        """Keep what goes to stdout and is not the line of an event."""
        if self._now is not None and text not in self._shown:
            *whole, self._begun = (self._begun + text).split("\n")
            self._now.lines += whole

    def _keep(self, logger: str, text: str) -> None:
        if self._now is not None and not logger.startswith(_OF_THE_MACHINERY):
            self._now.lines += text.splitlines()


class _Handler(logging.Handler):
    def __init__(self, keep: Callable[[str, str], None]) -> None:
        super().__init__()
        self._keep = keep

    def emit(self, record: logging.LogRecord) -> None:
        self._keep(record.name, self.format(record))


def _told(event: Mapping[str, Any]) -> str:
    """An event of structlog as its message, with the traceback that it carries."""
    text = str(event.get("event", ""))
    carried = sys.exc_info() if event.get("exc_info") is True else event.get("exc_info")
    error = carried[1] if isinstance(carried, tuple) else carried
    if not isinstance(error, BaseException):
        return text
    return f"{text}\n{''.join(traceback.format_exception(error))}"


class _Tee:
    """A stream that lets somebody overhear what is written."""

    def __init__(self, stream: Any, hear: Callable[[str], None]) -> None:
        self._stream, self._hear = stream, hear

    def write(self, text: str) -> int:
        self._hear(text)
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
