"""Stop the jobs of this Airflow that nobody waits for any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_bacalhau.errors import BacalhauError, ConfigError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bacalhau.lifecycle.reap import Sight, TaskKey

CHUNK = 50
"""Runs that Airflow is asked for at once: they travel in a URL."""


class BacalhauReapOperator(BaseOperator):
    """Stop live jobs whose task instances are over or gone, as `python -m airflow_provider_bacalhau reap --yes` does;
    meant for a DAG of its own that runs every hour.

    Only jobs of this deployment are touched, and none that may outlive its task (`detached`). Every job's fate goes to
    the log; the task's value is the plan as plain values, the ids under `stopped`. The task fails when Airflow or the
    cluster cannot be asked, or when a job does not end.

    :param bacalhau_conn_id: a connection of type `bacalhau`; its namespace, if it has one, is the only one that is
        looked at. (templated)
    :param older_than: seconds or timedelta; a job that was made less than this ago, by the server's clock, is left
        alone however its task ended.
    :param dry_run: only say what would be stopped.
    :param limit: stop at most so many jobs, the oldest first; None: all.
    """

    template_fields: Sequence[str] = ("bacalhau_conn_id",)
    template_ext: Sequence[str] = ()
    ui_color = "#fbeee8"

    def __init__(
        self,
        *,
        bacalhau_conn_id: str = "bacalhau_default",
        older_than: float | timedelta = 3_600.0,
        dry_run: bool = False,
        limit: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bacalhau_conn_id = bacalhau_conn_id
        self.older_than = older_than
        self.only_show = dry_run  # BaseOperator has a method dry_run
        self.limit = limit
        seconds = older_than.total_seconds() if isinstance(older_than, timedelta) else older_than
        if not _is_number(seconds, int, float):
            raise ConfigError(f"{self.task_id}: older_than={older_than!r} is no time; pass seconds or a timedelta.")
        if limit is not None and not _is_number(limit, int):
            raise ConfigError(f"{self.task_id}: limit={limit!r} is no number of jobs.")

    def execute(self, context: Context) -> dict[str, Any]:
        """Find and stop; returns `lifecycle.reap.Outcome.to_plain()`."""
        from airflow_provider_bacalhau.hooks.attempt import configured_deployment
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
        from airflow_provider_bacalhau.hooks.outcome import airflow_error
        from airflow_provider_bacalhau.jobs.reaping import carry_out, find
        from airflow_provider_bacalhau.lifecycle.durations import seconds_of
        from airflow_provider_bacalhau.lifecycle.reap import Outcome

        hook = BacalhauHook(self.bacalhau_conn_id)
        try:
            client = hook.get_conn()
            plan = find(
                client,
                states_by_api,
                deployment=hook.options.deployment or configured_deployment(),
                namespace=hook.namespace,
                older_than=seconds_of(self.older_than) or 0.0,
            )
            for line in plan.told():
                self.log.info("%s", line)
            outcome = Outcome(plan, done=False, limit=self.limit)
            if not self.only_show:
                outcome = carry_out(client, plan, limit=self.limit)
            for line in outcome.told("dry_run is set"):
                self.log.info("%s", line)
            if outcome.failed:
                raise BacalhauError(" ".join(outcome.told("")))
        except BacalhauError as error:
            raise airflow_error(error) from None
        finally:
            hook.close()
        return outcome.to_plain()


def _is_number(value: Any, *kinds: type) -> bool:
    return type(value) in kinds and bool(value >= 0)


def states_by_api(keys: Sequence[TaskKey]) -> dict[TaskKey, Sight]:
    """What Airflow says about task instances to a task, which must not read the database: states without times and
    tries. What it does not find it leaves out of its answer."""
    from airflow_provider_bacalhau.lifecycle.reap import Sight

    sights: dict[TaskKey, Sight] = {}
    by_task: dict[tuple[str, str], list[TaskKey]] = defaultdict(list)
    for key in keys:
        by_task[key.dag_id, key.task_id].append(key)
    run_states: dict[tuple[str, str], str | None] = {}
    for (dag_id, task_id), of_task in by_task.items():
        runs = sorted({key.run_id for key in of_task})
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(runs), CHUNK):
            found |= _task_states(dag_id, task_id, runs[start : start + CHUNK])
        for key in of_task:
            # asked for one task at a time, because a mapped `a[1]` and a task `a_1` would have the same name
            name = task_id if key.map_index < 0 else f"{task_id}_{key.map_index}"
            states = found.get(key.run_id, {})
            state = states.get(name)
            run = (dag_id, key.run_id)
            if state is None and run not in run_states:
                run_states[run] = _run_state(*run)
            if name not in states:
                sights[key] = Sight(missing="task" if run_states[run] is not None else "run")
            else:
                sights[key] = Sight(state=_text(state), run_state=run_states.get(run))
    return sights


def _task_states(dag_id: str, task_id: str, run_ids: list[str]) -> dict[str, dict[str, Any]]:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return RuntimeTaskInstance.get_task_states(dag_id=dag_id, task_ids=[task_id], run_ids=run_ids)


def _run_state(dag_id: str, run_id: str) -> str | None:
    """None: there is no such run."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    if not RuntimeTaskInstance.get_dr_count(dag_id=dag_id, run_ids=[run_id]):
        return None
    return _text(RuntimeTaskInstance.get_dagrun_state(dag_id=dag_id, run_id=run_id))


def _text(state: Any) -> str | None:
    return None if state is None else str(getattr(state, "value", state))
