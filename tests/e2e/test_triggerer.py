"""A rollout of the triggerer. The last file: the new triggerer is slow at first, which the other tests need not wait for."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_restarted_triggerer_goes_on_waiting(world):
    """A rollout of the triggerer would stop every job that a deferred task waits for, or submit it again (P1, P14)."""
    run = world.run("moved")
    run.waits_in_triggerer("job")
    world.restart("triggerer")
    assert run.only_job("job")["State"]["StateType"] in ("Running", "Completed")
    assert run.finish() == "success", run.explain()
    assert run.only_job("job")["State"]["StateType"] == "Completed"
    assert run.tasks()["job"]["try_number"] == 1
    assert run.log("job").count("starting") == 2  # the trigger, in each of the two triggerers
