"""What the jobs under a task's key are worth to its attempt."""

from __future__ import annotations

import time

from airflow_provider_bacalhau.jobs.found import worth_of


def test_what_found_jobs_are_worth(client, add):
    """A failed job would be collected as a result, or a good one repeated."""
    add(state="Completed", slot=1)
    add(state="Failed", slot=2)
    add(state="Running", slot=3)
    add(state="Pending", slot=4)
    found = worth_of(client, client.iter_jobs(), now=time.time(), accept_timeout=-1)
    assert {one.slot: one.job_class for one in found} == {1: "good", 2: "bad", 3: "live", 4: "condemned"}
