"""A submit of unknown fate: lost, unanswered, or arriving when its sender is long dead."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.lifecycle.identity import Epoch

OLD = ["1.5.2", "1.7.0"]
CLEARED = Epoch(1_000_000, 1, 2)


@pytest.mark.parametrize(("release", "stored"), [("1.5.2", False), ("1.7.0", True), ("1.8.0", False), ("1.9.3", True)])
@pytest.mark.parametrize("kind", ["drop_request", "drop_reply", "reset", "garbage"])
def test_t8_a_submit_without_an_answer_is_one_job(bench, stub, kind, stored):
    """The user's program would run twice because an answer was lost, or not at all because the request was (T8)."""
    what = {"bytes": 40} if kind == "garbage" else {}
    stub.fault("PUT", "*/jobs", kind, **what)
    pin = bench.submission(stored=stored).obtain()
    assert bench.only_job()["ID"] == pin.job_id
    assert (pin.adopted, pin.sweeps) == (False, True)


MOMENTS = ["before the look", "between look and submit", "after the submit", "after the job's end"]


def second_try(bench, land, moment, **changes):
    """The try after one that died in its submit, which lands at that moment; returns its pin."""
    if moment == "before the look":
        land()
    steps = {"before submit_job": land} if moment == "between look and submit" else {}
    pin = bench.submission(try_number=2, steps=steps, **changes).obtain()
    if moment == "after the job's end":
        bench.stub.clock.advance("2h")
    if moment.startswith("after"):
        land()
    return pin


@pytest.mark.parametrize(("release", "stored"), [("1.8.0", False), ("1.9.3", True)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_t8_a_late_submit_of_a_dead_try_is_the_same_job(bench, stub, moment, stored):
    """The dead try's request would start a second job, or start the first one over (T8, C8)."""
    land = bench.dies_in_submit(stored=stored)
    assert stub.jobs() == []
    pin = second_try(bench, land, moment, stored=stored)
    job = bench.only_job()
    assert (job["ID"], job["Version"]) == (pin.job_id, 1)
    assert len(stub.executions(job["ID"])) == 1
    assert job["State"]["StateType"] == ("Completed" if moment == "after the job's end" else "Running")


@pytest.mark.parametrize(("release", "stored"), [("1.5.2", False), ("1.7.0", True)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_t8_before_1_8_the_twin_of_a_late_submit_is_stopped(bench, stub, moment, stored):
    """Without unique names the dead try's request makes a second job, which nobody would ever stop (T8, X1)."""
    pin = second_try(bench, bench.dies_in_submit(stored=stored), moment, stored=stored)
    assert len(stub.jobs()) == (1 if moment == "before the look" else 2)
    sweeper = bench.sweeper(pin)
    changed = sweeper.sweep(bench.client(), 0.0)
    assert bench.live == ([] if moment == "after the job's end" else [sweeper.pin.job_id])
    assert changed == (sweeper.pin.job_id != pin.job_id)
    if moment == "after the job's end":
        assert sweeper.pin.job_id == pin.job_id  # whose result counts


@pytest.mark.parametrize("release", ["1.7.0", "1.9.3"])
def test_t9_after_a_clear_the_old_submit_is_waited_out(bench, stub):
    """Clearing a task would run its old and its new job at once, if the old request was still under way (T9, C9)."""
    land = bench.dies_in_submit()
    pin = bench.submission(try_number=2, epoch=CLEARED).obtain()
    assert bench.GRACE - 3 <= bench.waited <= bench.GRACE + 20
    assert bench.only_job()["ID"] == pin.job_id
    land()
    old, new = sorted(stub.jobs(), key=lambda job: job["ID"] == pin.job_id)
    assert not bench.sweeper(pin).sweep(bench.client(), 0.0)
    assert bench.live == [new["ID"]]
    stopped = next(job for job in stub.jobs() if job["ID"] == old["ID"])
    assert stopped["State"]["Message"] == "airflow 1000000.2 superseded"


@pytest.mark.parametrize("release", ["1.7.0", "1.9.3"])
def test_t9_what_lands_while_it_is_waited_for_is_stopped_before_the_submit(bench, stub):
    """The cleared task's old job would run beside the new one (T9, C9)."""
    land = bench.dies_in_submit()

    def pause(seconds):
        land()
        bench.pause(seconds)

    pin = bench.submission(try_number=2, epoch=CLEARED, sleep=pause).obtain()
    assert [state for _, state in bench.jobs] == ["Stopped", "Running"]
    assert bench.live == [pin.job_id]
    assert bench.stopped_before_each_submit()


def test_t9_without_a_record_the_old_submit_is_swept_when_it_lands(bench, stub):
    """Airflow 3.1 keeps no record, so nothing is waited for: two jobs would run until the end of the new one (X2)."""
    land = bench.dies_in_submit(stored=False)
    pin = bench.submission(try_number=2, epoch=CLEARED, stored=False).obtain()
    assert bench.waited == 0
    land()
    assert len(bench.live) == 2
    bench.sweeper(pin).sweep(bench.client(), 0.0)
    assert bench.live == [pin.job_id]


def test_t9_a_late_submit_of_another_spec_is_known_for_the_older_one(bench, stub):
    """After the grace the old spec's job would run on beside that of the new spec: both carry the same task's labels
    (T9, X2)."""
    land = bench.dies_in_submit()
    pin = bench.submission(try_number=2, fp="0" * 32).obtain()
    assert pin.slot == 2
    land()
    assert len(bench.live) == 2
    bench.sweeper(pin).sweep(bench.client(), 0.0)
    assert bench.live == [pin.job_id]


def test_t9_an_own_submit_of_unknown_fate_is_not_waited_for(bench):
    """Every retry after a lost reply would stand still for a minute and a half (T9)."""
    bench.dies_in_submit()
    bench.submission(try_number=2).obtain()
    assert bench.waited == 0


@pytest.mark.parametrize("release", ["1.7.0"])
def test_t14_after_a_twin_failed_a_retry_ends_with_one_job(bench, stub):
    """The first try's late request would run beside the retry's job (T14, C17)."""
    land = bench.dies_in_submit()
    survivor = bench.submission(try_number=2).obtain()
    bench.stop(survivor.job_id, "out of luck")
    land()
    assert len(bench.live) == 1
    pin = bench.submission(try_number=3).obtain()
    assert bench.live == [pin.job_id]


@pytest.mark.parametrize("release", OLD)
def test_t14_two_watchers_of_twins_keep_the_same_one(bench, stub):
    """Each would stop the other's job, and none would be left (T14)."""
    land = bench.dies_in_submit()
    first = bench.submission(try_number=2).obtain()
    land()
    other = next(job_id for job_id in bench.live if job_id != first.job_id)
    watchers = [bench.sweeper(first), bench.sweeper(type(first).from_plain({**first.to_plain(), "job_id": other}))]
    for one in watchers:
        one.sweep(bench.client(), 0.0)
    assert watchers[0].pin.job_id == watchers[1].pin.job_id
    assert bench.live == [watchers[0].pin.job_id]


@pytest.mark.parametrize("release", OLD)
def test_t14_a_retry_and_a_watcher_of_twins_keep_the_same_one(bench, stub):
    """A zombie of the last try would stop the job that the retry has taken over, and the retry the zombie's (T14)."""
    land = bench.dies_in_submit()
    first = bench.submission(try_number=2).obtain()
    stub.clock.advance("1m")
    land()
    retry = bench.submission(try_number=3).obtain()
    assert bench.live == [retry.job_id]
    watcher = bench.sweeper(first)
    watcher.sweep(bench.client(), 0.0)
    assert (watcher.pin.job_id, bench.live) == (retry.job_id, [retry.job_id])
    assert retry.job_id == first.job_id  # the oldest


@pytest.mark.parametrize("release", ["1.7.0", "1.9.3"])
@pytest.mark.parametrize("lost", ["drop_reply", "drop_request"])
def test_t16_a_job_that_failed_before_its_answer_is_this_tries_own(bench, stub, spec, lost):
    """A job that fails at once would be submitted again and again within one try (T16, C20)."""
    stub.on(image="acme/broken:*").fail("no such file")
    stub.fault("PUT", "*/jobs", lost)
    spec["Tasks"][0]["Engine"]["Params"]["Image"] = "acme/broken:1"
    pin = bench.submission(spec={**spec, "Namespace": "default"}).obtain()
    job = bench.only_job()
    assert (job["ID"], job["State"]["StateType"]) == (pin.job_id, "Failed")
    assert not pin.adopted
