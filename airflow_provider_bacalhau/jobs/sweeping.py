"""Sweeping what lies beside a watched job: twins of a lost reply, jobs of tries that died (protocol W)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_bacalhau.errors import BacalhauError
from airflow_provider_bacalhau.jobs.found import jobs_of, worth_of
from airflow_provider_bacalhau.jobs.stopping import stop_until_ended

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.attempt import Pin

SWEEP = 10.0
"""Seconds for which a sweep insists on one stray; the next sweep goes on."""

log = logging.getLogger(__name__)


class Sweeper:
    """Stops what a late submit or a dead try left beside the watched job: at first, when a late one may have landed,
    every five minutes, and before a verdict is believed. Only where something may have been left at all.

    `pin` is the job to follow; a sweep may change it to a twin of the watched one.
    """

    def __init__(self, pin: Pin, *, started_at: float, grace: float) -> None:
        self.pin = pin
        self._started_at = started_at
        self._grace = grace
        self._last_at: float | None = None

    def due(self, now: float) -> bool:
        """Whether it is time to sweep."""
        from airflow_provider_bacalhau.lifecycle.submission import next_sweep

        return self.pin.sweeps and now >= next_sweep(self._started_at, self._last_at, self._grace)

    def sweep(self, client: Client, now: float) -> bool:
        """Stop strays; True when another job than before is to be followed. No answer is no reason to fail."""
        from airflow_provider_bacalhau.lifecycle.identity import Epoch, stop_reason
        from airflow_provider_bacalhau.lifecycle.submission import Me, Policy, sweep

        if not self.pin.sweeps:
            return False
        self._last_at = now
        pin, epoch = self.pin, Epoch.parse(self.pin.epoch)
        try:
            found = worth_of(client, jobs_of(client, pin.key), now=now)
            mine = next((job for job in found if job.id == pin.job_id), None)
            if mine is None or epoch is None:
                return False
            plan = sweep(Me(epoch, pin.fp, pin.slot), mine, found, Policy(deployment_known=pin.deployed))
            for order in plan.orders:
                reason = stop_reason(epoch.born_us, pin.try_number, order.cause)
                log.info("Stopping the stray Bacalhau job %s (%s).", order.job.id, order.cause)
                stop_until_ended(client, order.job.id, namespace=order.job.namespace, reason=reason, patience=SWEEP)
        except BacalhauError as error:
            log.info("Looking for strays had no clear answer, trying again later: %s", error)
            return False
        follow = plan.follow
        self.pin = replace(pin, job_id=follow.id, namespace=follow.namespace, name=follow.name)
        return follow.id != pin.job_id
