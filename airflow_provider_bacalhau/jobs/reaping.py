"""Finding the jobs that outlived their tasks, and stopping them (protocol P)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_bacalhau.errors import BacalhauError, ConfigError
from airflow_provider_bacalhau.jobs.patience import PASSING
from airflow_provider_bacalhau.jobs.stopping import stop_until_ended

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.reap import Outcome, Plan, Sight, TaskKey

    AskAirflow = Callable[[Sequence[TaskKey]], Mapping[TaskKey, Sight]]
    """What Airflow says about task instances: one sight for each."""

OLDER_THAN = 3_600.0
"""Seconds that a job is left alone after it was made, unless told otherwise."""

PAGE = 1_000
"""Jobs per answer: every page costs the server a walk over all that it ever stored."""

INSISTENCE = 60.0
"""Seconds for which one job is told to stop, before the next one is."""

log = logging.getLogger(__name__)


def find(
    client: Client, ask: AskAirflow, *, deployment: str | None, namespace: str | None, older_than: float = OLDER_THAN
) -> Plan:
    """What to do with each live job of a deployment.

    The jobs are listed before Airflow is asked: a job that is seen first and whose task is over after that has nobody
    left, whereas a job of a task that begins in between is not in the list.

    :param ask: gets the task instances that matter, each once.
    :param namespace: None: all.
    :param older_than: seconds since a job's creation, by the server's clock.
    :raises ConfigError: no deployment is set.
    :raises ApiError: the server cannot be asked.
    """
    from airflow_provider_bacalhau.lifecycle.reap import is_ours, keys_of, plan_for, selector

    if not deployment:
        raise ConfigError(
            "No deployment is set, so this Airflow's jobs cannot be told from another's: set `deployment` in the "
            "connection's Extra, or in [bacalhau] of Airflow's configuration (AIRFLOW__BACALHAU__DEPLOYMENT)."
        )
    space, stored, alive = namespace or "*", 0, []
    for job in client.iter_jobs(namespace=space, labels=selector(deployment), limit=PAGE):
        if is_ours(job, deployment):
            stored += 1
            if not job.is_terminal:
                alive.append(job)
    now = time.time() + client.learnt.ahead
    sights = ask(keys_of(alive))
    return plan_for(
        alive, sights, deployment=deployment, namespace=space, stored=stored, older_than=older_than, now=now
    )


def carry_out(
    client: Client, plan: Plan, *, limit: int | None = None, sleep: Callable[[float], None] = time.sleep
) -> Outcome:
    """Stop what the plan says, the oldest first, each until a look shows it ended; once the server does not answer any
    more, the rest is left.

    :param limit: how many jobs are stopped at most; None: all.
    """
    from airflow_provider_bacalhau.lifecycle.reap import Outcome

    stopped, failed = list[str](), dict[str, str]()
    for line in plan.of("STOP")[:limit]:
        log.info("Stopping Bacalhau job %s of %s: %s.", line.job_id, line.task, line.reason)
        try:
            stop_until_ended(
                client,
                line.job_id,
                namespace=line.namespace,
                reason=line.stop_reason,
                patience=INSISTENCE,
                sleep=sleep,
            )
        except BacalhauError as error:
            failed[line.job_id] = str(error)
            if isinstance(error, PASSING):
                break
        else:
            stopped.append(line.job_id)
    return Outcome(plan, True, tuple(stopped), failed, limit)
