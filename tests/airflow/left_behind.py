"""What is left in Airflow's database and on a cluster when tasks end, die or are cleared: rows and live jobs.

Loaded by the tests of `reap`, in the command and in the operator.
"""

from __future__ import annotations

import datetime

from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef, stamp

BORN = 1_767_268_800_000_000
LIVE = ("Pending", "Queued", "Running")
JOB = {
    "Type": "batch",
    "Count": 1,
    "Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "acme/clean:1"}}}],
}
NO_ROW = object()

ORPHANS = {
    "the worker was killed on the last try": {"state": "failed", "try_number": 3},
    "the worker was killed while it reacted to SIGTERM": {"state": "failed"},
    "marked failed while the triggerer was dead": {"state": "failed", "next_method": "execute_complete"},
    "marked success while the triggerer was dead": {"state": "success", "run_state": "success"},
    "marked failed while it was queued after its event": {"state": "failed", "try_number": 1},
    "marked success while it was scheduled after a clear": {"state": "success", "run_state": "running"},
    "its run was marked failed while it had no state": {"state": "skipped", "run_state": "failed"},
    "the stop of on_kill was lost": {"state": "failed", "run_state": "failed"},
    "a late submit landed after the last look": {"state": "success", "run_state": "success"},
    "cleared, and its upstream failed this time": {"state": "upstream_failed", "run_state": "failed"},
    "a mapped item that is no longer there": {"state": "removed", "map_index": 3},
    "a mapped item, whose siblings run": {"state": "failed", "map_index": 7},
    "its run was deleted": {"state": NO_ROW},
    "its DAG was deleted": {"state": NO_ROW, "dag_id": "gone"},
    "its run goes on without it": {"state": NO_ROW, "run_state": "running"},
}
"""Every way to have nobody left (protocol 5: X1, X2, X5), as the row that Airflow keeps of it."""

KEPT = {
    **{f"its task is {state}": {"state": state} for state in (
        "running", "deferred", "queued", "scheduled", "up_for_retry", "up_for_reschedule", "restarting",
    )},
    "its task waits for its turn": {"state": None},
    "a mapped item, whose sibling failed": {"state": "running", "map_index": 8},
    "detached, and its task succeeded": {"state": "success", "lifetime": "detached"},
    "detached, and its run was deleted": {"state": NO_ROW, "lifetime": "detached"},
    "another deployment's": {"state": "failed", "deployment": "other"},
    "a deployment's whose label is the same": {"state": "failed", "deployment": "prod/eu"},
    "nobody's deployment": {"state": "failed", "deployment": None},
    "cleared, but its run is over": {"state": None, "run_state": "success"},
    "its labels do not say whose": {"state": "failed", "labels": {"airflow-lifetime": ""}},
}


class Estate:
    """Jobs that run for ever on a stub, and rows in the database of the test's Airflow."""

    def __init__(self, stub):
        self.stub = stub
        stub.on(image="acme/clean:*", optional=True).hang()

    def job(self, task, *, deployment="prod eu", lifetime="task", labels=(), namespace="default", ordinal=None):
        """A job that a task (dag_id, run_id, task_id, map index) submitted a moment ago; its id."""
        ref = TaskRef(deployment, *task, ordinal=ordinal)
        spec = {**JOB, "Namespace": namespace}
        wire = stamp(spec, ref=ref, epoch=Epoch(BORN, 0, 2), slot=1, lifetime=lifetime, fp="f" * 32)
        wire["Labels"] |= dict(labels)
        hook = BacalhauHook()
        try:
            return hook.get_conn().submit_job(wire).job_id
        finally:
            hook.close()

    def row(self, task, state, *, run_state="running", ended=None, **columns):
        """A task instance; its run too, unless it is there."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import insert

        self.run(task[0], task[1], run_state)
        ids = dict(zip(("dag_id", "run_id", "task_id", "map_index"), (*task, -1), strict=False))
        given = {"pool": "default_pool", "try_number": 1, "max_tries": 2, "end_date": ended, **columns}
        with create_session() as session:
            session.execute(insert(TaskInstance).values(**ids, state=state, **given))

    def run(self, dag_id, run_id, state):
        """A run without any task."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        now = datetime.datetime.now(datetime.UTC)
        with create_session() as session:
            if session.scalar(select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)) is None:
                session.add(DagRun(dag_id, run_id, run_type="manual", state=state, run_after=now, start_date=now))

    def leave(self, cases):
        """Rows and live jobs of all cases, each with a run of its own; what became of what, by job id."""
        return {self._one(number, case): name for number, (name, case) in enumerate(cases.items())}

    def alive(self, ids):
        """Those of the jobs that run still."""
        running = {job["ID"] for job in self.stub.jobs() if job["State"]["StateType"] in LIVE}
        return sorted(ids[job_id] for job_id in ids if job_id in running)

    def _one(self, number, case):
        kinds = ("deployment", "lifetime", "labels")
        row = {name: value for name, value in case.items() if name not in kinds}
        task = (row.pop("dag_id", "etl"), f"run-{len(self.stub.jobs())}", f"clean_{number}", row.pop("map_index", -1))
        state = row.pop("state")
        if state is not NO_ROW:
            self.row(task, state, **row)
        elif row:
            self.run(task[0], task[1], row["run_state"])
        return self.job(task, **{name: case[name] for name in kinds if name in case})
