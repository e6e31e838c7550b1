"""The few calls of Airflow's REST API that the commands need, on the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from typing import Any

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class AirflowApi:
    """A client of one api-server whose everyone is admin."""

    def __init__(self, url: str) -> None:
        """`url` without a final slash, e.g. `http://127.0.0.1:8080`."""
        self.url = url
        self._token = ""

    def healthy(self) -> dict[str, bool] | None:
        """Which components beat, or None while the api-server does not answer."""
        try:
            answer = fetch(f"{self.url}/api/v2/monitor/health")
        except OSError:
            return None
        return {name: part.get("status") == "healthy" for name, part in answer.items()}

    def warm_up(self) -> None:
        """Have the api-server build what it builds at the first request of a worker."""
        with suppress(OSError, ValueError):  # only time is lost when this fails
            fetch(f"{self.url}/execution/health", timeout=60)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call below `/api/v2`; None on 404. Raises OSError with the answer's text on any other failure."""
        if not self._token:
            self._token = fetch(f"{self.url}/auth/token")["access_token"]
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            return fetch(f"{self.url}/api/v2{path}", method, body, headers)
        except urllib.error.HTTPError as refused:
            if refused.code == 404:
                return None
            text = refused.read().decode(errors="replace")[:500]
            raise OSError(f"{method} {path}: {refused.code} {text}") from refused

    def dag(self, dag_id: str) -> Any:
        """The DAG as Airflow knows it, or None."""
        return self.call("GET", f"/dags/{dag_id}")

    def import_errors(self) -> list[str]:
        """Why DAG files could not be read."""
        found = self.call("GET", "/importErrors") or {}
        return [f"{each['filename']}:\n{each['stack_trace']}" for each in found.get("import_errors", ())]

    def unpause(self, dag_id: str) -> None:
        """Let runs of the DAG start."""
        self.call("PATCH", f"/dags/{dag_id}?update_mask=is_paused", {"is_paused": False})

    def trigger(self, dag_id: str) -> str:
        """Start a run; returns its id."""
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": {}})["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """State of a run."""
        return str(self.call("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Task instances of a run, in the order they started."""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances")["task_instances"]
        return sorted(found, key=lambda task: (task["start_date"] or "~", task["task_id"], task["map_index"]))

    def xcom(self, dag_id: str, run_id: str, task: dict[str, Any], key: str) -> Any:
        """Value of an XCom of a task instance, or None."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{quote(task['task_id'])}/xcomEntries/{key}"
        entry = self.call("GET", f"{path}?map_index={task['map_index']}&deserialize=false&stringify=false")
        return as_value(entry["value"]) if entry else None

    def log(self, dag_id: str, run_id: str, task: dict[str, Any]) -> list[str]:
        """Lines of a task instance's last try."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{quote(task['task_id'])}/logs/{task['try_number']}"
        answer = self.call("GET", f"{path}?map_index={task['map_index']}&full_content=true") or {"content": []}
        lines = []
        for event in answer["content"]:
            lines.append(event if isinstance(event, str) else str(event.get("event", "")))
            if not isinstance(event, str):
                lines += [f"{each['exc_type']}: {each['exc_value']}" for each in event.get("error_detail") or ()]
        return lines


def fetch(
    url: str, method: str = "GET", body: object = None, headers: dict[str, str] | None = None, *, timeout: float = 30
) -> Any:
    """JSON of one request, sent straight to the address. Raises OSError."""
    data = None if body is None else json.dumps(body).encode()
    wanted = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
    with DIRECT.open(urllib.request.Request(url, data, wanted, method=method), timeout=timeout) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def as_value(value: Any) -> Any:
    """An XCom value, whether the release sends lists and mappings as JSON or as text of JSON."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:  # only looks like it
            return value
    return value


def quote(text: str) -> str:
    """Text as one segment of a path."""
    return urllib.parse.quote(text, safe="")
