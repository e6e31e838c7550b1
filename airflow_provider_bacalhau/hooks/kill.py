"""Stopping a job from a signal handler, where no lock of the main thread may be waited for.

Airflow ends a task with SIGTERM, calls `on_kill` on top of whatever the main thread was doing, and sends SIGKILL five
seconds later. So everything that `on_kill` needs is made beforehand, the request runs in a thread with a client of its
own, and the main thread is told by a flag to submit nothing more.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

BUDGET = 3.0
"""Seconds that `pull` takes at most; Airflow kills the process after five."""

log = logging.getLogger(__name__)


class KillSwitch:
    """What `on_kill` stops, kept current by whoever submits.

    `target` is called before every submit with the name that it carries, and again with the id once there is one.
    """

    def __init__(self) -> None:
        self.pulled = False
        self.reason = ""
        self.job_id = ""
        self.name = ""
        self.namespace: str | None = None
        self.key = ""
        self.unique_names = True
        self._client: Client | None = None

    def arm(self, hook: BacalhauHook, reason: str) -> None:
        """Make the client that a kill will use; `reason` goes with the stop."""
        from airflow_provider_bacalhau.client.sync import Client

        self.reason = reason
        self._client = Client(replace(hook.config, connect_timeout=BUDGET / 2, read_timeout=BUDGET))

    def target(
        self, *, namespace: str | None, job_id: str = "", name: str = "", key: str = "", unique_names: bool = True
    ) -> None:
        """Say what would have to be stopped now."""
        self.job_id, self.name, self.namespace = job_id, name, namespace
        self.key, self.unique_names = key, unique_names

    def release(self) -> None:
        """The job has ended, or must outlive the task: a kill stops nothing any more."""
        self.target(namespace=None)

    def pull(self, *, leave: bool = False) -> None:
        """Forbid further submits and stop what is in flight, within `BUDGET` seconds; `leave` stops nothing."""
        self.pulled = True
        if leave or self._client is None or not (self.job_id or self.name):
            return
        worker = threading.Thread(target=self._stop, args=(self._client,), name="bacalhau-stop", daemon=True)
        worker.start()
        worker.join(BUDGET)

    def _stop(self, client: Client) -> None:
        for wanted in self._ids(client):
            try:
                client.stop_job(wanted, reason=self.reason, namespace=self.namespace)
                log.info("Stopped Bacalhau job %s because the task was told to end.", wanted)
            except Exception as error:  # nobody is left to hear it; the reaper finds what runs on
                log.warning("Could not stop Bacalhau job %s: %s", wanted, error)

    def _ids(self, client: Client) -> list[str]:
        if self.job_id:
            return [self.job_id]
        if self.unique_names:
            return [self.name]
        with contextlib.suppress(Exception):
            jobs = client.iter_jobs(namespace=self.namespace, labels=f"airflow-key={self.key}")
            return [job.id for job in jobs if job.name == self.name and not job.is_terminal]
        return []
