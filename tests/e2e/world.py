"""The stub and the Airflow of this suite, and one run in it, as the tests speak of them."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from airflow_api import fetch, quote
from lossy import LossyProxy
from narrate import Failed
from stage import ROOT, Stage

T = TypeVar("T")
LIMIT = 60.0
"""Seconds that a test waits for a thing that usually takes a few; the machine may be busy."""
ENDED = ("success", "failed")
QUICKLY_GIVEN_UP = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "12",
}
"""After how many seconds without a sign of life a worker or triggerer counts as dead; otherwise 300 and 30."""
DAGS = ("ended_inline", "secretive", "bacalhau_demo", "bacalhau_fan_out")


class World(Stage):
    """One stub and one Airflow on the suite's own DAGs and the examples."""

    def start(self) -> None:
        """Start both, and a proxy between them for the connection `bacalhau_lossy`. Raises Failed."""
        self.components: dict[str, tuple[list[str], subprocess.Popen[bytes]]] = {}
        self.start_stub("sandbox")
        self.stub_port = int(self.stub_url.rpartition(":")[2])
        self.proxy = LossyProxy(self.stub_port, b"PUT /api/v1/orchestrator/jobs HTTP")
        self.environment["AIRFLOW_CONN_BACALHAU_LOSSY"] = f"bacalhau://127.0.0.1:{self.proxy.port}"
        self.s3().create_bucket(Bucket="demo-raw")
        self.s3().put_object(Bucket="demo-raw", Key="numbers.txt", Body=b"3\n1\n4\n")
        self.environment |= QUICKLY_GIVEN_UP
        folder = self._home / "dags"
        shutil.copytree(ROOT / "example_dags", folder)
        shutil.copytree(Path(__file__).parent / "dags", folder, dirs_exist_ok=True)
        self.start_airflow(folder, paused=False, reread=60)
        self._narrator.wait("waiting for the DAGs", self._all_dags, LIMIT)

    def _all_dags(self) -> bool | None:
        if errors := self.airflow.import_errors():
            raise Failed("\n".join(errors))
        return all(self.airflow.dag(name) for name in DAGS) or None

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = super()._start(name, command)
        self.components[name] = (command, process)
        return process

    @contextmanager
    def second_triggerer(self) -> Iterator[subprocess.Popen[bytes]]:
        """One more triggerer beside the first; gives the first, which may be stalled meanwhile."""
        command, process = self.components["triggerer"]
        second = self._start("triggerer-2", command)
        try:
            yield process
        finally:
            second.terminate()
            self._processes.forget("triggerer-2")

    def restart(self, name: str) -> None:
        """End a component with SIGTERM, wait for its end, and start it again."""
        command, process = self.components[name]
        process.terminate()
        self._processes.forget(name)
        self._start(name, command)

    def run(self, dag_id: str) -> Run:
        """Start a run of a DAG."""
        return Run(self, dag_id, self.airflow.trigger(dag_id))

    def start_runs(self, *dag_ids: str) -> dict[str, Run]:
        """Start a run of each DAG, so that they wait for their jobs together."""
        return {dag_id: self.run(dag_id) for dag_id in dag_ids}

    def ask_ui(self, path: str) -> Any:
        """An answer of the API that only Airflow's own pages use."""
        token = fetch(f"{self.airflow.url}/auth/token")["access_token"]
        return fetch(f"{self.airflow.url}{path}", headers={"Authorization": f"Bearer {token}"})

    def jobs_of_key(self, key: str) -> list[dict[str, Any]]:
        """Jobs at the stub under a task's lock, found as the provider finds them."""
        found = fetch(f"{self.stub_url}/api/v1/orchestrator/jobs?namespace=*&labels=airflow-key%3D{key}&limit=100")
        return list(found["Items"])

    def sql(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of Airflow's database."""
        with closing(sqlite3.connect(self._home / "airflow.db", timeout=20)) as database, database:
            return database.execute(statement, values).fetchall()

    def written(self) -> dict[str, str]:
        """All that Airflow has written, by where: tables of its database, task logs, outputs of its programs."""
        tables = [name for (name,) in self.sql("select name from sqlite_master where type = 'table'")]
        found = {f"table {name}": "\n".join(map(_row, self.sql(f'select * from "{name}"'))) for name in tables}
        files = [*(self._home / "logs").rglob("*"), *(self._processes.log(name) for name in self.components)]
        return found | {str(path): path.read_text(errors="replace") for path in files if path.is_file()}


class Run:
    """One run of a DAG."""

    def __init__(self, world: World, dag_id: str, run_id: str) -> None:
        """Of a run that was started."""
        self.world = world
        self.dag_id = dag_id
        self.run_id = run_id
        self._path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances"

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Task instances by name, mapped ones as `task[0]`."""
        found = self.world.airflow.tasks(self.dag_id, self.run_id)
        return {
            f"{one['task_id']}[{one['map_index']}]" if one["map_index"] >= 0 else one["task_id"]: one for one in found
        }

    def states(self) -> dict[str, str]:
        """States of the tasks."""
        return {name: task["state"] for name, task in self.tasks().items()}

    def finish(self, within: float = LIMIT) -> str:
        """Wait until the run has ended; returns its state."""
        look = self.world.airflow.run_state
        return until(lambda: (state := look(self.dag_id, self.run_id)) in ENDED and state, within, self.explain)

    def reach(self, task: str, *states: str, try_number: int | None = None, within: float = LIMIT) -> dict[str, Any]:
        """Wait until a task has one of the states, in this try if one is given."""

        def look() -> Any:
            now = self.tasks().get(task)
            fits = now and now["state"] in states and try_number in (None, now["try_number"])
            return now if fits else None

        return until(look, within, self.explain)

    def mark_failed(self, task: str) -> None:
        """What the button in the UI does."""
        self.world.airflow.call("PATCH", f"{self._path}/{task}", {"new_state": "failed"})

    def mark_run_failed(self) -> None:
        """What the button in the UI does."""
        path = f"/dags/{self.dag_id}/dagRuns/{quote(self.run_id)}"
        self.world.airflow.call("PATCH", path, {"state": "failed"})

    def clear(self, task: str) -> None:
        """What the button in the UI does."""
        wanted = {"dag_run_id": self.run_id, "task_ids": [task], "only_failed": False, "reset_dag_runs": True}
        self.world.airflow.call("POST", f"/dags/{self.dag_id}/clearTaskInstances", {"dry_run": False, **wanted})

    def xcom(self, task: str, key: str = "return_value") -> Any:
        """What a task left behind."""
        return self.world.airflow.xcom(self.dag_id, self.run_id, self.tasks()[task], key)

    def links(self, task: str) -> dict[str, str | None]:
        """Extra links as the UI gets them."""
        return dict(self.world.airflow.call("GET", f"{self._path}/{task}/links")["extra_links"])

    def log(self, task: str, try_number: int | None = None) -> str:
        """Log of a try, the last one if none is given."""
        one = self.tasks()[task]
        lines = self.world.airflow.log(self.dag_id, self.run_id, {**one, "try_number": try_number or one["try_number"]})
        return "\n".join(lines)

    def jobs(self, task: str) -> list[dict[str, Any]]:
        """Jobs at the stub that belong to a task, oldest first."""
        owner = {"airflow-run-id": self.run_id, "airflow-dag-id": self.dag_id, "airflow-task-id": task}
        return [job for job in self.world.stub_jobs() if owner.items() <= job["Meta"].items()]

    def only_job(self, task: str) -> dict[str, Any]:
        """The one job of a task, whatever became of it."""
        jobs = self.jobs(task)
        assert len(jobs) == 1, [(job["ID"], job["State"]) for job in jobs]
        assert len(self.world.jobs_of_key(jobs[0]["Labels"]["airflow-key"])) == 1
        return jobs[0]

    def running_job(self, task: str) -> dict[str, Any]:
        """Wait until the task's last job runs on a node."""

        def look() -> Any:
            assert self.states().get(task) not in ENDED, self.explain()
            jobs = self.jobs(task)
            return jobs[-1] if jobs and jobs[-1]["State"]["StateType"] == "Running" else None

        return until(look, LIMIT, self.explain)

    def waits_in_triggerer(self, task: str) -> dict[str, Any]:
        """Wait until the task's trigger has seen its job running; returns the job."""
        job = self.running_job(task)
        self.reach(task, "deferred")
        until(lambda: f"job {job['ID'][:10]}: Running" in self.log(task), LIMIT, self.explain)
        return job

    def stopped_job(self, task: str, within: float) -> dict[str, Any]:
        """Wait until the task's first job is stopped."""
        return until(
            lambda: (job := self.jobs(task)[0])["State"]["StateType"] == "Stopped" and job, within, self.explain
        )

    def explain(self) -> str:
        """What is known, for a failing test."""
        jobs = {name: [(job["ID"], job["State"]) for job in self.jobs(name)] for name in self.tasks()}
        logs = "\n".join(f"--- {name}\n{self.log(name)}" for name, task in self.tasks().items() if task["try_number"])
        return f"{self.dag_id} {self.states()}\n{jobs}\n{logs}"


def until(look: Callable[[], T | None | bool], within: float, explain: Callable[[], str]) -> T:
    """Look until there is something to see; an AssertionError with the explanation after `within` seconds."""
    deadline = time.monotonic() + within
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen within {within:.0f} s\n{explain()}")
        time.sleep(0.3)
    return seen  # type: ignore[return-value]  # neither None nor a bool any more


def _row(values: Sequence[Any]) -> str:
    return json.dumps([value.decode(errors="replace") if isinstance(value, bytes) else value for value in values])
