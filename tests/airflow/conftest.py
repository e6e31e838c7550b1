"""What the tests of the Airflow-facing rooms share: a scripted orchestrator, and contexts.

`orchestrator` answers like Bacalhau 1.9.3 as far as a test says so, at once and without any clock: a job has the state
that the test gave it.
"""

from __future__ import annotations

import datetime
import importlib
import json
import os
import re
import threading
import types
import urllib.parse
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"
DAGS = Path(os.environ["AIRFLOW_HOME"]) / "dags"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(DAGS)
EXIT_CODES = {"Completed": 9, "Failed": 10, "Stopped": 11}
BORN = datetime.datetime(2026, 1, 1, 12, 0, tzinfo=datetime.UTC)


class Orchestrator:
    """A server whose jobs do what the test says: `outcome(job)` gives the state of a new job."""

    def __init__(self):
        self.version = "v1.9.3"
        self.jobs = {}
        self.executions = {}
        self.results = {}
        self.nodes = []
        self.requests = []
        self.stops = []
        self.faults = []
        self.outcome = lambda job: "Completed"
        self.exit_code = 0
        self.stdout = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self):
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def puts(self):
        """How many submits arrived, whatever became of them."""
        return sum(method == "PUT" and path.endswith("/jobs") for method, path in self.requests)

    def only_job(self):
        """The job, when there is exactly one."""
        (job,) = self.jobs.values()
        return job

    def add(self, job, state=None):
        """Store a job as the server would after its submit."""
        job = {**job, "ID": f"j-{uuid.uuid4()}", "Version": 1, "Revision": 1}
        job.setdefault("Namespace", "default")
        now = datetime.datetime.now(datetime.UTC).timestamp() * 1e9
        job |= {"CreateTime": int(now), "ModifyTime": int(now)}
        self.jobs[job["ID"]] = job
        self.become(job["ID"], state or self.outcome(job))
        return job

    def become(self, job_id, state, message="", exit_code=None):
        """Give a job a state, and its one execution the matching one."""
        job = self.jobs[job_id]
        job["State"] = {"StateType": state, "Message": message}
        job["Revision"] += 1
        if state == "Pending":
            self.executions[job_id] = []
            return
        code = self.exit_code if exit_code is None else exit_code
        self.executions[job_id] = [
            {
                "ID": f"e-{job_id[2:]}",
                "JobID": job_id,
                "NodeID": "n-11111111-0000-0000-0000-000000000000",
                "Namespace": job["Namespace"],
                "DesiredState": {"StateType": 1 if state == "Running" else 2},
                "ComputeState": {"StateType": EXIT_CODES.get(state, 5), "Message": message},
                "PublishedResult": (self.results.get(job_id) or [{"Type": ""}])[0],
                "RunOutput": {"Stdout": self.stdout, "stderr": "", "ExitCode": code} if state == "Completed" else None,
                "CreateTime": job["CreateTime"],
                "ModifyTime": job["ModifyTime"] + 1_000_000_000,
            }
        ]

    def answer(self, method, path, query, body):
        """Status and body of one request."""
        path = path.removeprefix("/api/v1")
        if path == "/agent/version":
            return 200, {"GitVersion": self.version}
        if path == "/orchestrator/nodes":
            return 200, {"Nodes": self.nodes, "NextToken": ""}
        if path == "/orchestrator/jobs":
            return self._submit(body) if method == "PUT" else self._list(query)
        found = re.fullmatch(r"/orchestrator/jobs/([^/]+)(/\w+)?", path)
        job = found and next((j for j in self.jobs.values() if found[1] in (j["ID"], j["Name"])), None)
        if not job:
            return 404, {"Message": f"job {path} not found", "Code": "NotFound"}
        if method == "DELETE":
            return self._stop(job, body)
        if found[2] == "/results":
            return 200, {"Items": self.results.get(job["ID"], []), "NextToken": ""}
        if found[2] == "/executions":
            return 200, {"Items": self.executions[job["ID"]], "NextToken": ""}
        if found[2] == "/history":
            return 200, {"Items": [], "NextToken": ""}
        shown = {"Job": job}
        if "executions" in query.get("include", [""])[0]:
            shown |= {"Executions": {"Items": self.executions[job["ID"]]}, "History": {"Items": []}}
        return 200, shown

    def _submit(self, body):
        spec = (body or {}).get("Job")
        if not spec:
            return 400, {"Message": "empty/nil job", "Code": "BadRequest"}
        if any(job["Name"] == spec["Name"] for job in self.jobs.values()) and self.version >= "v1.8":
            return 500, {"Message": "no changes detected in new job spec", "Code": "InternalError"}
        return 200, {"JobID": self.add(spec)["ID"], "EvaluationID": str(uuid.uuid4()), "Warnings": None}

    def _list(self, query):
        wanted = dict(pair.split("=") for pair in query.get("labels", []) if "=" in pair)
        jobs = [j for j in self.jobs.values() if wanted.items() <= (j.get("Labels") or {}).items()]
        return 200, {"Items": jobs, "NextToken": ""}

    def _stop(self, job, body):
        self.stops.append((job["ID"], (body or {}).get("reason", "")))
        state = job["State"]["StateType"]
        if state in ("Completed", "Failed"):
            return 500, {"Message": f"cannot stop job in state {state}", "Code": ""}
        self.become(job["ID"], "Stopped", self.stops[-1][1])
        return 200, {"EvaluationID": "" if state == "Stopped" else str(uuid.uuid4())}

    def _handler(outer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet, else each answer waits for a delayed ACK

            def handle_one(self):
                path, _, query = self.path.partition("?")
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                outer.requests.append((self.command, path))
                fault = next((one for one in outer.faults if one(self.command, path)), None)
                status, answer = outer.answer(self.command, path, urllib.parse.parse_qs(query), body)
                if fault is not None:
                    outer.faults.remove(fault)
                    self.close_connection = True
                    self.connection.close()
                    return
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Bacalhau-Git-Version", outer.version)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                self.wfile.flush()

            do_GET = do_PUT = do_DELETE = handle_one

            def log_message(self, *args):
                """Nothing: requests are kept in `requests`."""

        return Handler


class TaskInstance:
    """As much of a running task as the provider reads, with the XCom it pushed."""

    def __init__(self, task, try_number=1, max_tries=2):
        self.task = task
        self.dag_id, self.run_id, self.task_id, self.map_index = "etl", "run-1", task.task_id, -1
        self.try_number, self.max_tries = try_number, max_tries
        self.start_date = datetime.datetime.now(datetime.UTC)
        self.log_url = f"http://airflow/dags/etl/runs/run-1/tasks/{task.task_id}?try_number={try_number}"
        self.xcom = {}

    def xcom_push(self, key, value):
        """Keep it as Airflow would: as JSON."""
        self.xcom[key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids=None, key="return_value", map_indexes=None):
        """Only its own."""
        return self.xcom.get(key)


class Store:
    """Airflow 3.3's task state store; `lost` makes it that of a try that another one replaced."""

    def __init__(self):
        self.values = {}
        self.lost = False

    def get(self, key, default=None):
        """A lost store reads empty, as the real one does."""
        return default if self.lost else self.values.get(key, default)

    def set(self, key, value, retention=None):
        """A lost store refuses."""
        if self.lost:
            raise RuntimeError("404 not found")
        self.values[key] = json.loads(json.dumps(value))


@pytest.fixture
def orchestrator(monkeypatch):
    """A scripted server that `bacalhau_default` leads to."""
    server = Orchestrator()
    monkeypatch.setenv("AIRFLOW_CONN_BACALHAU_DEFAULT", json.dumps({"conn_type": "bacalhau", "host": server.url}))
    yield server
    server.close()


@pytest.fixture
def connection(monkeypatch, orchestrator):
    """Change the connection: `connection(login=..., extra={...})`."""

    def change(**fields):
        value = {"conn_type": "bacalhau", "host": orchestrator.url, **fields}
        monkeypatch.setenv("AIRFLOW_CONN_BACALHAU_DEFAULT", json.dumps(value))

    return change


@pytest.fixture
def store():
    """A task state store that outlives tries."""
    return Store()


@pytest.fixture
def context(store):
    """A context maker: `context(task, try_number=2)`; tries of one task share the store."""

    from airflow_provider_bacalhau.version_compat import trigger_has_on_kill

    has_store = trigger_has_on_kill()  # both came with 3.3

    def make(task, *, try_number=1, max_tries=2, born=BORN, clear_number=0, stored=has_store):
        run = types.SimpleNamespace(start_date=born, clear_number=clear_number, triggering_user_name="ada")
        ti = TaskInstance(task, try_number, max_tries)
        dag = types.SimpleNamespace(schedule=None, folder="/nowhere")
        made = {"ti": ti, "task": task, "dag": dag, "dag_run": run, "run_id": "run-1"}
        return {**made, "task_state_store": store} if stored else made

    return make


SPEC = {
    "Type": "batch",
    "Count": 1,
    "Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "acme/clean:1"}}}],
}


@pytest.fixture
def spec():
    """A small job."""
    return json.loads(json.dumps(SPEC))


@pytest.fixture
def pauses(monkeypatch):
    """No test sleeps: every pause runs the next step of this list instead, so that the world moves between looks."""
    steps = []

    def next_step(seconds, kill=None):
        if steps:
            steps.pop(0)()

    for place in ("attempt", "job", "submission"):
        monkeypatch.setattr(f"airflow_provider_bacalhau.hooks.{place}.pause", next_step)
    return steps


@pytest.fixture
def served():
    """Serve bytes as a compute node's publisher does: `served(data, name=...)` gives the URL."""
    files = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            data = files.get(self.path)
            self.send_response(200 if data is not None else 404)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *args):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def serve(data, name):
        files[f"/{name}"] = data
        return f"http://127.0.0.1:{server.server_port}/{name}"

    yield serve
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(orchestrator):
    """The hook's client."""
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

    hook = BacalhauHook()
    yield hook.get_conn()
    hook.close()


@pytest.fixture
def add(orchestrator, spec):
    """Store a job of this task: `add(slot, state)`."""

    def make(slot=1, state="Running", epoch="1-0-0", fp="f", name=None):
        labels = {"airflow-key": "k", "airflow-epoch": epoch, "airflow-slot": str(slot), "airflow-fp": fp}
        return orchestrator.add({**spec, "Name": name or f"a-{len(orchestrator.jobs)}", "Labels": labels}, state)["ID"]

    return make


@pytest.fixture
def estate(bacalhau_connection, run_dag, monkeypatch):
    """What tasks left behind on a stub and in the database of an Airflow called "prod eu": see `left_behind`."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("AIRFLOW__BACALHAU__DEPLOYMENT", "prod eu")
    return importlib.import_module("left_behind").Estate(bacalhau_connection)


@pytest.fixture
def deferral():
    """The deferral that a call ends with."""

    def catch(call):
        with pytest.raises(BaseException) as caught:
            call()
        assert type(caught.value).__name__ == "TaskDeferred", caught.value
        return caught.value

    return catch
