"""One real Airflow, and a server of its own for every cell that runs on it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from airflow_api import fetch
from narrate import Failed, Narrator
from processes import Processes
from stage import COMPONENTS, READY, ROOT, Stage

DAGS_FOLDER = Path(__file__).resolve().parent / "dags"
DAGS = ("kill_inline", "kill_deferred")
SETTINGS = {
    "CORE__PARALLELISM": "40",
    "CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "12",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "3",
    "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "WORKERS__SECRETS_BACKEND": "cell_connections.CellConnections",
    "BACALHAU__LATE_SUBMIT_GRACE": "10",
    "BACALHAU__DEPLOYMENT": "kill-matrix",
}
"""Airflow's and the provider's patience, shortened so that a cell ends while somebody watches."""
START_LIMIT = 60.0
TRIES = 6


class Lane(Stage):
    """An Airflow on the DAGs of the matrix."""

    def __init__(self, home: Path, processes: Processes, narrator: Narrator) -> None:
        super().__init__(home, processes, narrator)
        self._lock = threading.Lock()
        self._commands: dict[str, list[str]] = {}
        self.components: dict[str, subprocess.Popen[bytes]] = {}
        self.triggerer = "triggerer"
        """Name of the triggerer that runs."""

    def start(self) -> None:
        """Start everything but the servers. Raises Failed."""
        self.start_airflow(DAGS_FOLDER, paused=False, reread=3600)
        self._narrator.wait("waiting for the DAGs", self._all_dags, START_LIMIT)

    def _make_database(self) -> None:
        super()._make_database()
        with closing(sqlite3.connect(self._home / "airflow.db")) as database:
            database.execute("pragma journal_mode = wal")  # many write at once, and readers never wait

    def _all_dags(self) -> bool | None:
        if errors := self.airflow.import_errors():
            raise Failed("\n".join(errors))
        return all(self.airflow.dag(name) for name in DAGS) or None

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        settings = {f"AIRFLOW__{key}": value for key, value in SETTINGS.items()}
        # The api-server may wait for itself (its log of user actions is written on the loop that its commits need).
        patience = 2 if name == "api-server" else 60
        settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{self._home / 'airflow.db'}?timeout={patience}"
        settings["PYTHONPATH"] = str(DAGS_FOLDER)
        with self._lock:
            process = self._processes.start(name, command, {**self.environment, **settings}, ROOT)
        self._commands[name] = command
        self.components[name] = process
        return process

    # --- the victims ------------------------------------------------------------------------------------------------

    def kill(self, name: str, signum: int = signal.SIGKILL) -> None:
        """End one program, without what it has started, and wait for its end."""
        process = self.components[name]
        process.send_signal(signum)
        process.wait()
        with self._lock:
            self._processes.forget(name)

    def again(self, name: str) -> None:
        """Start a program once more that has ended."""
        self._start(name, self._commands[name])

    def another_triggerer(self) -> str:
        """Start one beside the others; its name."""
        name = f"triggerer-{len(self._commands)}"
        self._start(name, [sys.executable, "-m", "airflow", *COMPONENTS["triggerer"]])
        return name

    # --- Airflow ----------------------------------------------------------------------------------------------------

    def trigger(self, mode: str, run_id: str, conn_id: str) -> None:
        """Start a run of a mode's DAG over a connection."""
        body = {"logical_date": None, "conf": {"conn": conn_id}, "dag_run_id": run_id}
        self.tell("POST", f"/dags/kill_{mode}/dagRuns", body)

    def tell(self, method: str, path: str, body: object) -> None:
        """A change through Airflow's API, once more when its database was busy. Raises OSError."""
        for left in reversed(range(TRIES)):
            try:
                self.airflow.call(method, path, body)
            except OSError as refused:
                if "409" in str(refused) and left < TRIES - 1:
                    return  # it was done the first time
                if not left:
                    raise
                time.sleep(0.5)
            else:
                return

    def sql(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of Airflow's database, which costs Airflow nothing."""
        database = sqlite3.connect(f"file:{self._home / 'airflow.db'}?mode=ro", uri=True, timeout=20)
        with closing(database):
            return database.execute(statement, values).fetchall()


class Server:
    """The stub of one cell, with its data on disk, so that it can die and come back."""

    def __init__(self, lane: Lane, name: str, release: str, folder: Path) -> None:
        self._lane = lane
        self._name = f"stub-{name}"
        self._release = release
        self._folder = folder
        self.port = 0
        self.url = ""

    def start(self, mark: str, first: float, later: float) -> None:
        """Start it on any port. Its jobs are played: the first runs `first` seconds, others `later`, and each leaves a
        file with `mark`. Raises Failed."""
        self._folder.mkdir(parents=True)
        begin = {"stdout": "begun\n"}  # so that a live log has a frame that a fault can befall
        end = {"stdout": "done\n", "files": {"outputs/mark": mark}, "exit": 0}
        scripts = [
            {"match": {"attempt": 1}, "stages": [begin, {"after": first, **end}]},
            {"match": {}, "stages": [begin, {"after": later, **end}]},
        ]
        (self._folder / "scripts.json").write_text(json.dumps(scripts))
        self.again()

    def again(self) -> None:
        """Start it where it was. Raises Failed."""
        serve = "-m orchestrator_stub serve --host 127.0.0.1 --s3 off --nodes 1 --docker-runner scripted".split()
        own = ["--port", str(self.port), "--emulate", self._release, "--scripts", str(self._folder / "scripts.json")]
        self._lane._start(self._name, [sys.executable, *serve, *own, "--data-dir", str(self._folder / "data")])
        deadline = time.monotonic() + START_LIMIT
        while (ready := READY.search(self._log())) is None:
            if time.monotonic() > deadline or self._lane.components[self._name].poll() is not None:
                raise Failed(f"the stub of {self._name} does not start:\n{self._log()}")
            time.sleep(0.05)
        self.url = ready["url"]
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """It dies at once."""
        self._lane.kill(self._name)

    def _log(self) -> str:
        path = self._lane._processes.log(self._name)
        return path.read_text(errors="replace") if path.exists() else ""

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        """An answer of it."""
        return fetch(f"{self.url}{path}", method, body)

    def journal(self) -> list[dict[str, Any]]:
        """What its clients did; without our own looks."""
        entries = self.ask("/stub/journal")["entries"]
        return [one for one in entries if not one["client"].startswith("Python-urllib")]


def supervisor_of(pid: int) -> int:
    """The process that watches over a task's process."""
    with Path(f"/proc/{pid}/stat").open() as stat:
        return int(stat.read().rpartition(")")[2].split()[1])


def send(pid: int, signum: int) -> bool:
    """Signal a process; False when it is gone."""
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return False
    return True
