"""How long it takes to place many jobs on many nodes, and how long a reader waits meanwhile."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from types import TracebackType

from load import exchanges

PAUSE_S = 0.005
"""Between two reads of the reader."""


class Reader:
    """Reads an address again and again from a thread of its own, for the body of a `with`."""

    def __init__(self, url: str) -> None:
        self.waits: list[float] = []
        """Seconds that each answer took."""
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        for seconds in exchanges(self._url, None, 10**9):
            self.waits.append(seconds)
            if self._over.wait(PAUSE_S):
                return

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()


def schedule(jobs_url: str, body: bytes, jobs: int) -> float:
    """Submit jobs one after the other; the seconds until all have ended."""
    began = time.perf_counter()
    for _ in exchanges(jobs_url, body, jobs):
        pass
    while not all_over(jobs_url):
        time.sleep(PAUSE_S)
    return time.perf_counter() - began


def all_over(jobs_url: str) -> bool:
    """Whether the newest jobs, at most a hundred, have ended."""
    with urllib.request.urlopen(f"{jobs_url}?limit=100&reverse=true") as answer:
        states = {job["State"]["StateType"] for job in json.load(answer)["Items"]}
    return states <= {"Completed", "Failed", "Stopped"}
