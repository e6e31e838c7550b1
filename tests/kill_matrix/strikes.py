"""Victims that many cells share: all of them walk to their moments, the victim dies once, all go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from lane import Lane, send
from scene import REACH

TAKEN_OVER = 30.0
"""Seconds within which another triggerer takes over from one that stands still."""


class Batch:
    """Cells of one lane that see the same strike."""

    def __init__(self, lane: Lane, who: str, size: int) -> None:
        self._lane = lane
        self._who = who
        self._open = size
        self._arrived: set[int] = set()
        self._changed = threading.Condition()
        self._struck = threading.Event()

    def meet(self) -> None:
        """A cell is at its moment; returns after the strike."""
        with self._changed:
            self._arrived.add(threading.get_ident())
            self._changed.notify_all()
        self._struck.wait()

    def leave(self, _: object) -> None:
        """A cell is over, or will never be at its moment."""
        with self._changed:
            if threading.get_ident() not in self._arrived:
                self._open -= 1
            self._changed.notify_all()

    def start(self) -> threading.Thread:
        """Wait for all and strike, in a thread."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._arrived) >= self._open, REACH + 10)
        try:
            strike(self._lane, self._who)
        finally:
            self._struck.set()


def strike(lane: Lane, who: str) -> None:
    """The victim dies, and comes back."""
    if who == "scheduler-kill":
        lane.kill("scheduler")  # its workers live on, as with any executor whose workers are elsewhere
        lane.again("scheduler")
    elif who == "triggerer-term":
        lane.kill(lane.triggerer, signal.SIGTERM)
        lane.again(lane.triggerer)
    elif who == "triggerer-kill":
        children = children_of(lane.components[lane.triggerer].pid)
        for child in children:
            send(child, signal.SIGKILL)
        lane.kill(lane.triggerer)
        lane.again(lane.triggerer)
    else:
        split(lane)


def split(lane: Lane) -> None:
    """The triggerer stands still until another has taken over, and wakes up."""
    first = lane.components[lane.triggerer].pid
    family = [first, *children_of(first)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        [(owner,)] = lane.sql("select max(id) from job where job_type = 'TriggererJob'")
        other = lane.another_triggerer()
        deadline = time.monotonic() + TAKEN_OVER
        while time.monotonic() < deadline:
            [(left,)] = lane.sql("select count(*) from trigger where triggerer_id is null or triggerer_id <= ?", [owner])
            if not left:
                break
            time.sleep(0.2)
        time.sleep(1.0)
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)
    time.sleep(10.0)  # the one that woke up sees what is not its own any more
    lane.kill(lane.triggerer, signal.SIGTERM)
    lane.triggerer = other


def children_of(pid: int) -> list[int]:
    """All that a process has started, and what those have."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children_of(child)]
    return found
