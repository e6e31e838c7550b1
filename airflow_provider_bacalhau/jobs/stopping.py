"""Stopping jobs so that they are stopped: told to, and told again, until a look shows them ended (protocol C)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_bacalhau.errors import ApiError, BacalhauError, Conflict, NotFound, Rejected
from airflow_provider_bacalhau.jobs.found import jobs_of

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.identity import Cause, Epoch

PATIENCE = 120.0
"""Seconds within which a job that was told to stop has to be seen ended."""

SHORTEST, LONGEST = 0.2, 10.0
"""Seconds between two stops of one job: twice as long each time."""

log = logging.getLogger(__name__)


def stop_until_ended(
    client: Client,
    job_id: str,
    *,
    namespace: str | None,
    reason: str,
    patience: float = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Stop a job and look; repeat both until it is seen ended. One that has ended already, or is unknown, is fine.

    A single stop proves nothing: its request, its answer, or the server itself may have been lost, and nobody looks
    after the job once this returns.

    :param reason: comes back as the job's State.Message.
    :param patience: seconds after which this gives up.
    :raises ApiError: the server refuses the stop, or gave no usable answer within `patience`.
    :raises BacalhauError: the job is still alive after `patience`.
    """
    until, pause = clock() + patience, SHORTEST
    while True:
        try:
            if _ended(client, job_id, namespace, reason):
                return
            problem: BacalhauError = BacalhauError(
                f"Bacalhau job {job_id} did not end within {patience:.0f}s of its stop: stop it by hand."
            )
        except NotFound:
            return
        except Rejected:
            raise
        except ApiError as error:
            log.info("Stopping Bacalhau job %s had no clear answer, trying again: %s", job_id, error)
            problem = error
        if clock() >= until:
            raise problem
        sleep(pause)
        pause = min(pause * 2, LONGEST)


def _ended(client: Client, job_id: str, namespace: str | None, reason: str) -> bool:
    try:
        client.stop_job(job_id, reason=reason, namespace=namespace)
    except Conflict as error:  # ended already, says the server; the look has the last word
        log.info("Bacalhau job %s takes no stop: %s", job_id, error)
    return client.get_job(job_id, namespace=namespace).is_terminal


def stop_pinned(
    client: Client, pin: Mapping[str, Any], cause: str, *, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Stop the pinned job and every live twin in its slot; returns the ids of those that have been.

    :param pin: `lifecycle.attempt.Pin.to_plain()`.
    :param cause: goes into the stop's reason with the attempt's order.
    :raises BacalhauError: one of them could not be stopped; the pinned one is seen to first.
    """
    from airflow_provider_bacalhau.lifecycle.identity import Epoch, stop_reason

    epoch = Epoch.parse(str(pin.get("epoch", "")))
    reason = stop_reason(epoch.born_us if epoch else 0, int(pin.get("try", 1)), cast("Cause", cause))
    stopped = [str(pin["job_id"])]
    stop_until_ended(client, stopped[0], namespace=pin.get("namespace"), reason=reason, sleep=sleep)
    if not pin.get("key"):
        return stopped
    for job in jobs_of(client, pin["key"], pin.get("namespace")):
        own_slot = (job.labels.get("airflow-epoch"), job.labels.get("airflow-slot")) == (pin["epoch"], str(pin["slot"]))
        if own_slot and not job.is_terminal and job.id not in stopped:
            stop_until_ended(client, job.id, namespace=job.namespace, reason=reason, sleep=sleep)
            stopped.append(job.id)
    return stopped


def stop_epoch(client: Client, key: str, epoch: Epoch, try_number: int, cause: str) -> list[str]:
    """Stop every live job of a task that a try of this epoch could adopt; returns their ids.

    :raises BacalhauError: the jobs cannot be listed, or one of them could not be stopped.
    """
    from airflow_provider_bacalhau.lifecycle.identity import read_labels, stop_reason

    reason = stop_reason(epoch.born_us, try_number, cast("Cause", cause))
    stopped = []
    for job in jobs_of(client, key):
        stamped = read_labels(job.labels)
        if stamped is not None and epoch.may_adopt(stamped.epoch) and not job.is_terminal:
            stop_until_ended(client, job.id, namespace=job.namespace, reason=reason)
            stopped.append(job.id)
    return stopped
