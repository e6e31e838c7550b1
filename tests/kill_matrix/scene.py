"""One cell played: a server and a run of its own, up to the moment, somebody dies, and what is left afterwards."""

from __future__ import annotations

import io
import json
import signal
import tarfile
import time
from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from airflow_api import DIRECT, quote
from cells import LOOK, SHARED, USER, WIRE, Cell
from lane import Lane, Server, send, supervisor_of
from verdicts import LIVE, Facts, JobFact

REACH = 90.0
"""Seconds that a life may take to its moment."""
REST = 75.0
"""Seconds from the moment to the task's end."""
GONE = 60.0
"""Seconds for which a server is gone."""
SETTLE = 20.0
"""Seconds after the task's end within which its jobs have to end."""
LATE = 8.0
"""Seconds that a late request takes, and that is more than the client's patience."""
HELD = 600.0
FINAL = ("success", "failed")
LOOK_EVERY = 0.1


class Missed(Exception):
    """The moment never came; the text says what came instead."""


class Scene:
    """One cell on a lane. `meet` is called at the moment for a victim that other cells share; it returns after the
    strike."""

    def __init__(self, lane: Lane, cell: Cell, number: int, folder: Path, meet: Callable[[], None] | None = None) -> None:
        self.lane = lane
        self.cell = cell
        self.run_id = f"cell-{number}"
        self.server = Server(lane, self.run_id, cell.release, folder / self.run_id)
        self._meet = meet
        self._fault = ""
        self._cleared_at = 0.0
        self.doing = "starts"

    def play(self) -> Facts:
        """All of it. Raises Missed or Failed."""
        cell = self.cell
        try:
            self.server.start(cell.name, *durations(cell))
            if cell.place not in ("", "answered") and not _asks_for_end(cell):
                self._arm()
            self.lane.trigger(cell.mode, self.run_id, f"server-{self.server.port}-{patience(cell)}")
            self.doing = "on the way"
            self._reach()
            self.doing = "struck"
            if cell.who in SHARED and self._meet is not None:
                self._meet()
            else:
                self._strike()
            self._let_go()
            self.doing = "settles"
            return self._settle()
        finally:
            self.doing = "ends"

    def close(self) -> None:
        """Nothing of it stays."""
        if self._row()[0] not in FINAL:
            self._mark("failed")
        if self.server.url:
            self.server.kill()

    # --- the way to the moment ----------------------------------------------------------------------------------------

    def _arm(self) -> None:
        request = self.cell.request
        assert request is not None
        match = {"method": request.method, "path": request.path, "nth": request.nth}
        self._fault = self._fault_on(match, _deed(self.cell))

    def _fault_on(self, match: dict[str, Any], do: dict[str, Any]) -> str:
        return str(self.server.ask("/stub/faults", "POST", {"match": match, "do": do})["id"])

    def _await_end(self) -> None:
        """Until the job has ended and nobody who waits for it knows: the last look that saw it run is answered late."""
        self._until(lambda: any(one.state not in ("Pending", "Undefined") for one in self._jobs()))
        gate = self._fault_on({"method": "GET", "path": LOOK}, {"kind": "delay", "seconds": HELD, "after": "effect"})
        self._until(lambda: any(not one.is_live for one in self._jobs()))
        if self.cell.place != "answered":
            self._arm()
        self.server.ask(f"/stub/faults/{gate}", "DELETE")

    def _reach(self) -> None:
        cell = self.cell
        if _asks_for_end(cell):
            self._await_end()
        if cell.place == "answered":
            self._until(self._is_answered)
        elif cell.place:
            self._until(lambda: self._standing()["hits"] > 0)
        else:
            self._until(getattr(self, f"_is_{cell.point}"))
        if cell.who not in WIRE and self._row()[2] > 1:  # a busy machine: Airflow took a heartbeat for lost
            raise Missed(f"{cell.name}: Airflow gave the first try up by itself")

    def _until(self, look: Callable[[], bool]) -> None:
        deadline = time.monotonic() + REACH
        while not look():
            if time.monotonic() > deadline or self._row()[0] in FINAL:
                raise Missed(f"{self.cell.name}: the moment did not come, the task is {self._row()[0]}")
            time.sleep(LOOK_EVERY / 2)

    def _standing(self) -> dict[str, Any]:
        return next(one for one in self.server.ask("/stub/faults")["faults"] if one["id"] == self._fault)

    def _is_answered(self) -> bool:
        request = self.cell.request
        assert request is not None
        since = max((one.ended for one in self._jobs() if one.state not in LIVE), default=0.0) if request.ended else 0.0
        seen = [
            one
            for one in self.server.journal()
            if one["method"] == request.method and fnmatchcase(one["path"], request.path) and _moment(one["time"]) > since
        ]
        return len(seen) >= request.nth

    def _is_started(self) -> bool:
        state, pid, _, _ = self._row()
        return state == "running" and pid is not None

    def _is_deferred(self) -> bool:
        return self._row()[0] == "deferred"

    def _is_working(self) -> bool:
        """Whether a process of the task is still there."""
        pid = self._row()[1]
        return pid is not None and Path(f"/proc/{pid}").exists()

    def _is_quiet(self) -> bool:
        if self.cell.mode == "deferred" and self._row()[0] != "deferred":
            return False
        looks = [one for one in self.server.journal() if "/jobs/j-" in one["path"] and one["method"] == "GET"]
        if len(looks) < 3 or not any(one.state == "Running" for one in self._jobs()):
            return False
        time.sleep(0.4)
        return True

    def _is_fired(self) -> bool:
        state, _, _, method = self._row()
        return state in ("scheduled", "queued") and method is not None

    def _row(self) -> tuple[Any, ...]:
        """State, pid, try number and next method of the task."""
        rows = self.lane.sql(
            "select state, pid, try_number, next_method from task_instance where run_id = ?", [self.run_id]
        )
        return rows[0] if rows else (None, None, 0, None)

    # --- the strike ---------------------------------------------------------------------------------------------------

    def _strike(self) -> None:
        who = self.cell.who
        if who in WIRE:
            return
        if who.startswith("worker"):
            self._strike_worker(int(self._row()[1]))
        elif who.startswith("server"):
            self.server.kill()
            time.sleep(GONE if who == "server-gone" else 0.0)
            self.server.again()
        elif who == "clear":
            self._cleared_at = time.time()
            wanted = {"dag_run_id": self.run_id, "task_ids": ["job"], "only_failed": False, "reset_dag_runs": True}
            self.lane.tell("POST", f"/dags/{self._dag}/clearTaskInstances", {"dry_run": False, **wanted})
        else:
            self._mark("failed" if who == "mark-failed" else "success")

    def _strike_worker(self, pid: int) -> None:
        who = self.cell.who
        # before 3.3 a supervisor that is told to end passes nothing on to its task
        watcher = supervisor_of(pid) if who == "worker-lost" or not self.cell.airflow.startswith("3.1") else pid
        if who == "worker-term":
            send(watcher, signal.SIGTERM)
            return
        if who == "worker-lost":
            send(watcher, signal.SIGKILL)
        send(pid, signal.SIGKILL)

    def _mark(self, state: str) -> None:
        path = f"/dags/{self._dag}/dagRuns/{quote(self.run_id)}/taskInstances/job"
        self.lane.tell("PATCH", path, {"new_state": state})

    @property
    def _dag(self) -> str:
        return f"kill_{self.cell.mode}"

    def _let_go(self) -> None:
        """Requests that are held go on when their time has come."""
        cell = self.cell
        if cell.who in WIRE or cell.who in ("server-kill", "server-gone") or cell.place in ("", "answered", "before-lost"):
            return
        if cell.place == "before-late":
            self._patiently(lambda: bool(self._jobs()) or self._row()[0] in FINAL, SETTLE)
        elif cell.who in USER or cell.who == "worker-term":
            time.sleep(3.0)  # the reaction of the one who was told to end comes first
        self.server.ask(f"/stub/faults/{self._fault}", "DELETE")

    def _patiently(self, look: Callable[[], bool], limit: float) -> bool:
        deadline = time.monotonic() + limit
        while not (seen := look()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        return seen

    # --- what is left -------------------------------------------------------------------------------------------------

    def _settle(self) -> Facts:
        rest = REST + (GONE if self.cell.who == "server-gone" else 0.0)
        self._patiently(lambda: self._row()[0] in FINAL, rest)
        # a worker hears of a click with its next heartbeat, and may submit until then
        self._patiently(lambda: not self._is_working(), SETTLE)
        self._patiently(lambda: not any(one.is_live for one in self._jobs()), SETTLE)
        time.sleep(2.0)
        state, _, tries, _ = self._row()
        jobs = self._jobs()
        source = self._source(jobs) if state == "success" else ""
        return Facts(jobs, state or "", tries, source, self._cleared_at)

    def _jobs(self) -> list[JobFact]:
        answer = self.server.ask("/api/v1/orchestrator/jobs?namespace=*&limit=100")
        found = [
            JobFact(
                one["ID"],
                one["State"]["StateType"],
                one["CreateTime"] / 1e9,
                one["ModifyTime"] / 1e9,
                one["State"].get("Message", ""),
            )
            for one in answer["Items"] or ()
        ]
        return sorted(found, key=lambda one: one.created)

    def _source(self, jobs: list[JobFact]) -> str:
        """The job whose result the task's value leads to, when its content is right."""
        uris = self.lane.airflow.xcom(self._dag, self.run_id, {"task_id": "job", "map_index": -1}, "return_value")
        names = {str(uri).rpartition("/")[2] for uri in uris} if isinstance(uris, list) else set()
        for job in jobs:
            published = self.server.ask(f"/api/v1/orchestrator/jobs/{job.id}/results").get("Items") or ()
            urls = {one["Params"]["URL"].rpartition("/")[2]: one["Params"]["URL"] for one in published}
            if names and names <= set(urls) and all(_mark_in(urls[name]) == self.cell.name for name in names):
                return job.id
        return ""

    def evidence(self, folder: Path) -> None:
        """Keep what explains a cell: jobs, journal, the logs of all tries."""
        folder.mkdir(parents=True, exist_ok=True)
        jobs = self.server.ask("/api/v1/orchestrator/jobs?namespace=*&limit=100")["Items"]
        (folder / "jobs.json").write_text(json.dumps(jobs, indent=1))
        lines = [f"{one['time']} {one['status']} {one['method']} {one['path']} {one['fault']}" for one in self.server.journal()]
        (folder / "journal.txt").write_text("\n".join(lines))
        path = f"/dags/{self._dag}/dagRuns/{quote(self.run_id)}/taskInstances/job/logs"
        for number in range(1, int(self._row()[2] or 0) + 1):
            answer = self.lane.airflow.call("GET", f"{path}/{number}?map_index=-1&full_content=true") or {"content": []}
            events = [one if isinstance(one, str) else json.dumps(one) for one in answer["content"]]
            (folder / f"try-{number}.log").write_text("\n".join(events))


def durations(cell: Cell) -> tuple[float, float]:
    """Seconds that the first job runs, and any later one. A job that nobody may wait for runs long, so that it is seen
    when it is left behind."""
    if cell.ended or (cell.request is not None and cell.request.ended):
        return 5.0, 3.0
    if cell.who in ("clear", "worker-term"):
        return (40.0, 3.0) if _has_job(cell) else (10.0, 3.0)
    if cell.who in USER:
        return 60.0, 3.0
    return (20.0, 3.0) if cell.who in ("worker-lost", *SHARED) else (7.0, 3.0)


def patience(cell: Cell) -> int:
    """Seconds that a client waits for an answer; fewer where none will come in time."""
    if cell.who == "late-request":
        return 3
    return 8 if cell.place == "before-lost" else 35


def _has_job(cell: Cell) -> bool:
    """Whether somebody has submitted a job when the strike comes."""
    request = cell.request
    if request is None:
        return cell.point != "started"
    return request.has_job and not (request.name == "submit" and cell.place.startswith("before"))


def _asks_for_end(cell: Cell) -> bool:
    return cell.request is not None and cell.request.ended


def _deed(cell: Cell) -> dict[str, Any]:
    wire: dict[str, dict[str, Any]] = {
        "lost-request": {"kind": "drop_request"},
        "lost-reply": {"kind": "drop_reply"},
        "late-request": {"kind": "delay", "seconds": LATE},
        "500": {"kind": "status", "status": 500, "body": "broken"},
        "503": {"kind": "status", "status": 503, "body": "busy", "headers": {"Retry-After": "2"}},
        "garbage": {"kind": "garbage", "bytes": 200},
    }
    after = "effect" if cell.place == "after" else "request"
    return wire.get(cell.who) or {"kind": "delay", "seconds": HELD, "after": after}


def _moment(text: str) -> float:
    """Epoch seconds of a time in the journal."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")[:26].rstrip("+") + "+00:00").timestamp()


def _mark_in(url: str) -> str:
    with DIRECT.open(url, timeout=10) as answer, tarfile.open(fileobj=io.BytesIO(answer.read())) as archive:
        for entry in archive:
            if entry.isfile() and entry.name.endswith("mark") and (reader := archive.extractfile(entry)) is not None:
                return reader.read().decode()
    return ""
