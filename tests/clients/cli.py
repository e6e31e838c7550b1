"""The commands of the released command-line programs, as sequences of requests (fact sheet 12, 10.4, 2.3).

Each command returns what its user would be shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import go_types as go
from go_http import API, Wire, path_escape
from job_specs import as_sent
from programs import Program

JOBS, NODES, AGENT = f"{API}/orchestrator/jobs", f"{API}/orchestrator/nodes", f"{API}/agent"
PROGRESS_LIMIT_S = 60
LONG_RUNNING = ("service", "daemon")
_ACCEPTED = {"JobID": go.text, "EvaluationID": go.text, "Warnings": go.or_null(go.list_of(go.text))}


@dataclass
class Run:
    """What `job run` and its like showed."""

    job_id: str
    warnings: list[str]
    events: list[dict[str, Any]] = field(default_factory=list)
    """Lines of the history, as they were printed."""
    job: dict[str, Any] | None = None
    """The job at the end."""
    log: str = ""
    executions: list[dict[str, Any]] = field(default_factory=list)


class Cli:
    """The command-line program of one release."""

    def __init__(self, url: str, program: Program, *, tick: float = 0.05, **wire: Any) -> None:
        """`tick`: seconds between two looks of the progress loop; the programs wait 0.5."""
        self.wire = Wire(url, program, **wire)
        self.program = program
        self._tick = tick
        self._job = go.job(program)
        self._executions = go.page_of(go.execution(program))
        self._history = go.page_of(go.history_item(program))
        self._node = go.node(program)

    # job run and its like

    def job_run(
        self,
        spec: Mapping[str, Any],
        *,
        wait: bool = True,
        follow: bool = False,
        id_only: bool = False,
        node_details: bool = False,
        force: bool = False,
    ) -> Run:
        """`job run [--wait=false] [--follow] [--id-only] [--node-details] [--force]`."""
        job = as_sent(spec, self.program)
        body: dict[str, Any] = {"Job": job}
        if self.program.knows_versions:
            body["Force"] = force
        answer = self.wire.write("PUT", JOBS, go.struct(dict(_ACCEPTED)), body)
        run = Run(answer["JobID"], answer["Warnings"] or [])
        if wait:
            self._progress(run, job["Type"], follow=follow, quiet=id_only, node_details=node_details)
        return run

    docker_run = wasm_run = job_run

    def job_rerun(self, ref: str, version: int = 0, *, wait: bool = True) -> Run:
        """`job rerun ID [--version N]` (1.8+)."""
        read = go.struct(
            {"EvaluationID": go.text, "JobID": go.text, "JobVersion": go.uint64, "Warnings": _ACCEPTED["Warnings"]}
        )
        body = {"JobVersion": version, "Reason": ""}
        answer = self.wire.write("PUT", f"{JOBS}/{path_escape(ref)}/rerun", read, body)
        run = Run(answer["JobID"], answer["Warnings"] or [])
        if wait:
            self._progress(run, "", version=answer["JobVersion"])
        return run

    def job_diff(self, spec: Mapping[str, Any]) -> str:
        """`job run --dry-run` (1.8+)."""
        read = go.struct({"Diff": go.text, "Warnings": _ACCEPTED["Warnings"]})
        return str(self.wire.write("PUT", f"{JOBS}/diff", read, {"Job": as_sent(spec, self.program)})["Diff"])

    def _progress(
        self,
        run: Run,
        kind: str,
        *,
        version: int = 0,
        follow: bool = False,
        quiet: bool = False,
        node_details: bool = False,
    ) -> None:
        """Watch a submitted job until it is over, or begun if it runs for ever."""
        if follow:
            for _ in range(10):
                if self._get_job(run.job_id)["State"]["StateType"] != "Pending":
                    break
                time.sleep(self._tick)
            run.log = self.job_logs(run.job_id, follow=True)
            return
        for event in self._events(run.job_id, version):
            run.events.append(event)
            if kind in LONG_RUNNING and event["Type"] == "ExecutionLevel":
                break
        run.job = self._get_job(run.job_id)
        if node_details:
            run.executions = self._list_executions(run.job_id, {})
        if not quiet:  # for the closing instructions: whether there is something to download
            self._get_job(run.job_id)

    def _events(self, job_id: str, version: int) -> Iterator[dict[str, Any]]:
        """The history page by page, until its token is empty."""
        query: dict[str, Any] = {"event_type": "all", "limit": 10}
        if version:
            query["job_version"] = version
        give_up = time.monotonic() + PROGRESS_LIMIT_S
        while time.monotonic() < give_up:
            time.sleep(self._tick)
            page = self.wire.get(f"{JOBS}/{path_escape(job_id)}/history", self._history, query)
            yield from page["Items"]
            if not page["NextToken"]:
                return
            query["next_token"] = page["NextToken"]
        raise TimeoutError(f"{job_id}: the history never ended")

    def _get_job(self, ref: str, **query: Any) -> dict[str, Any]:
        job: dict[str, Any] = self.wire.get(f"{JOBS}/{path_escape(ref)}", go.struct({"Job": self._job}), query)["Job"]
        return job

    # looking at jobs

    def job_list(self, *, limit: int = 10, labels: str = "bacalhau_canary!=true", **query: Any) -> dict[str, Any]:
        """`job list [--limit] [--labels] [--order-by] [--reverse] [--next-token]`."""
        query |= {"labels": labels, "limit": limit}
        page: dict[str, Any] = self.wire.get(JOBS, go.page_of(self._job), query)
        return page

    def job_describe(self, ref: str, **query: Any) -> dict[str, Any]:
        """`job describe ID [--version] [--namespace]`: job, history and executions."""
        read = go.struct({"Job": self._job, "History": self._history, "Executions": self._executions})
        query["include"] = "executions,history"
        described: dict[str, Any] = self.wire.get(f"{JOBS}/{path_escape(ref)}", read, query)
        return described

    def job_history(self, ref: str, **query: Any) -> dict[str, Any]:
        """`job history ID [--event-type] [--execution-id] [--limit] [--next-token]`."""
        query = {"event_type": "all"} | query
        page: dict[str, Any] = self.wire.get(f"{JOBS}/{path_escape(ref)}/history", self._history, query)
        return page

    def job_executions(self, ref: str, **query: Any) -> list[dict[str, Any]]:
        """`job executions ID`."""
        return self._list_executions(ref, {"limit": 20} | query)

    def _list_executions(self, ref: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        page = self.wire.get(f"{JOBS}/{path_escape(ref)}/executions", self._executions, query)
        items: list[dict[str, Any]] = page["Items"]
        return items

    def job_versions(self, ref: str) -> list[dict[str, Any]]:
        """`job versions ID` (1.8+)."""
        page = self.wire.get(f"{JOBS}/{path_escape(ref)}/versions", go.page_of(self._job))
        items: list[dict[str, Any]] = page["Items"]
        return items

    def job_logs(self, ref: str, *, follow: bool = False, **query: Any) -> str:
        """`job logs ID [--follow] [--tail] [--execution-id]`: everything goes to the standard output."""
        if follow:
            query["follow"] = "true"
        return "".join(line["Line"] for line in self.wire.logs(f"{JOBS}/{ref}/logs", query))

    def job_stop(self, ref: str) -> str:
        """`job stop ID`: the evaluation's id.

        :raises RuntimeError: the job is over; the program does not even ask then.
        """
        job = self._get_job(ref)
        if job["State"]["StateType"] in go.TERMINAL_JOB:
            raise RuntimeError(f"Job is already in a terminal state. The current state is: {job['State']['StateType']}")
        read = go.struct({"EvaluationID": go.text})
        body = {"reason": "Stopped at user request"}
        evaluation: str = self.wire.write("DELETE", f"{JOBS}/{path_escape(ref)}", read, body)["EvaluationID"]
        return evaluation

    def job_results(self, ref: str) -> list[dict[str, Any]]:
        """What `job get ID` would download."""
        page = self.wire.get(f"{JOBS}/{path_escape(ref)}/results", go.page_of(go.spec_config(typed=True)))
        items: list[dict[str, Any]] = page["Items"]
        return items

    # nodes and the agent

    def node_list(self, **query: Any) -> list[dict[str, Any]]:
        """`node list [--filter-approval] [--filter-status] [--labels] [--order-by]`."""
        query = {key.replace("filter_", "filter-"): value for key, value in query.items()}
        nodes: list[dict[str, Any]] = self.wire.get(NODES, go.page_of(self._node, "Nodes"), query)["Nodes"]
        return nodes

    def node_describe(self, ref: str) -> dict[str, Any]:
        """`node describe ID`."""
        node: dict[str, Any] = self.wire.get(f"{NODES}/{ref}", go.struct({"Node": self._node}))["Node"]
        return node

    def node_update(self, ref: str, action: str, message: str = "") -> dict[str, Any]:
        """`node approve|reject|delete ID [--message]`."""
        read = go.struct({"Success": go.flag, "Error": go.Optional(go.text)})
        body = {"Action": action, "Message": message, "NodeID": ref}
        answer: dict[str, Any] = self.wire.write("PUT", f"{NODES}/{ref}", read, body)
        return answer

    def agent(self, what: str) -> dict[str, Any]:
        """`agent alive|version|node|config`, `auth info` (authconfig), `license inspect` (license)."""
        own = go.node_info(self.program) if self.program.knows_connection_state else self._node
        reads = {
            "alive": go.struct({"Status": go.word("OK")}),
            "version": go.build_version(),
            "node": own,
            "config": go.struct({"config": lambda value, at: go.kind(dict, "an object")(value, at)}),
            "authconfig": go.struct({"Version": go.text, "Config": go.map_of(go.untyped)}),
            "license": go.untyped,
        }
        door = what in self.program.skips_sign_in
        answer: dict[str, Any] = self.wire.get(f"{AGENT}/{what}", reads[what], open_door=door)
        return answer
