"""Stopping the job of an attempt from outside that attempt's own process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_bacalhau.errors import ApiError, Conflict, NotFound, Rejected

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.identity import Cause, Epoch

TRIES = 5


def stop_pinned(
    client: Client, pin: Mapping[str, Any], cause: str, *, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Stop the pinned job and every live twin in its slot; returns the ids that were told to stop.

    A stop is repeated while the server gives no answer: nobody looks after the job once this returns.

    :param pin: `hooks.submission.Pin.to_plain()`.
    :param cause: goes into the stop's reason with the attempt's order.
    :raises ApiError: the pinned job could not be stopped.
    """
    from airflow_provider_bacalhau.lifecycle.identity import Epoch, stop_reason

    epoch = Epoch.parse(str(pin.get("epoch", "")))
    reason = stop_reason(epoch.born_us if epoch else 0, int(pin.get("try", 1)), cast("Cause", cause))
    stopped = [str(pin["job_id"])]
    _stop(client, stopped[0], pin.get("namespace"), reason, sleep)
    if not pin.get("key"):
        return stopped
    try:
        twins = list(client.iter_jobs(namespace=pin.get("namespace"), labels=f"airflow-key={pin['key']}"))
    except ApiError:
        return stopped
    for job in twins:
        own_slot = (job.labels.get("airflow-epoch"), job.labels.get("airflow-slot")) == (pin["epoch"], str(pin["slot"]))
        if own_slot and not job.is_terminal and job.id not in stopped:
            _stop(client, job.id, job.namespace, reason, sleep)
            stopped.append(job.id)
    return stopped


def _stop(client: Client, job_id: str, namespace: str | None, reason: str, sleep: Callable[[float], None]) -> None:
    for number in range(TRIES):
        try:
            client.stop_job(job_id, reason=reason, namespace=namespace)
        except (NotFound, Conflict):
            return
        except ApiError as error:
            if isinstance(error, Rejected) or number == TRIES - 1:
                raise
            sleep(0.5 * 2**number)
        else:
            return


def stop_epoch(client: Client, key: str, epoch: Epoch, try_number: int, cause: str) -> list[str]:
    """Stop every live job of a task that a try of this epoch could adopt; returns their ids.

    :raises ApiError: the jobs cannot be listed, or one of them cannot be stopped.
    """
    from airflow_provider_bacalhau.lifecycle.identity import read_labels, stop_reason

    reason = stop_reason(epoch.born_us, try_number, cast("Cause", cause))
    stopped = []
    for job in client.iter_jobs(namespace="*", labels=f"airflow-key={key}"):
        stamped = read_labels(job.labels)
        if stamped is not None and epoch.may_adopt(stamped.epoch) and not job.is_terminal:
            _stop(client, job.id, job.namespace, reason, time.sleep)
            stopped.append(job.id)
    return stopped
