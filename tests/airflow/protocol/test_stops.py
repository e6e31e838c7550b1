"""What an attempt does with the jobs it finds: stop and see them stopped, adopt, collect, and only then submit."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import AttemptOver, BacalhauJobStopped, BacalhauJobTimedOut
from airflow_provider_bacalhau.lifecycle.identity import Epoch
from airflow_provider_bacalhau.version_compat import AirflowFailException

BORN = 1_000_000
OTHERS = {
    "cleared": {"epoch": Epoch(BORN, 1, 2)},
    "another spec": {"fp": "0" * 32},
    "retries edited": {"epoch": Epoch(BORN, 0, 5)},
    "retries edited, 3.1": {"epoch": Epoch(BORN, None, 2, 5)},
    "run made again": {"epoch": Epoch(2_000_000, 0, 2)},
    "run made again, older": {"epoch": Epoch(500_000, 0, 2)},
}


@pytest.mark.parametrize(("release", "try_number"), [("1.9.3", 1), ("1.7.0", 2), ("1.9.3", 3)])
@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_t6_a_job_that_may_not_be_adopted_is_stopped_before_the_submit(bench, change, try_number):
    """A cleared, edited or re-created task would run beside its old job (T6: C6, C10, C15, C16)."""
    edited = change.get("epoch") and change["epoch"].retries is not None
    before = {"epoch": Epoch(BORN, None, 2, 2)} if edited else {}
    old = bench.submission(**before).obtain()
    new = bench.submission(try_number=try_number, **change).obtain()
    assert bench.live == [new.job_id]
    assert old.job_id != new.job_id
    assert bench.stopped_before_each_submit()


@pytest.mark.parametrize("stored", [True, False], ids=["3.3", "3.1"])
def test_t6_without_a_record_a_later_try_still_looks_for_all_jobs(bench, stored):
    """Airflow 3.1 keeps no record: its retries would never see the old job (T6)."""
    bench.submission(stored=False).obtain()
    new = bench.submission(try_number=2, epoch=Epoch(BORN, 1, 2), stored=stored).obtain()
    assert bench.live == [new.job_id]


@pytest.mark.parametrize("release", ["1.7.0", "1.9.3"])
@pytest.mark.parametrize(("kind", "times"), [("drop_request", 1), ("drop_request", 9), ("drop_reply", 9)])
def test_t7_no_submit_before_a_look_shows_the_stop(bench, stub, kind, times):
    """A stop that was lost would leave the old job beside the new one (T7, C7)."""
    bench.submission().obtain()
    fault = stub.fault("DELETE", "*/jobs/*", kind, times=times)
    new = bench.submission(try_number=2, epoch=Epoch(BORN, 1, 2)).obtain()
    assert fault.hits
    assert bench.live == [new.job_id]
    if kind == "drop_request":
        assert bench.stopped_before_each_submit()


def test_t7_a_server_that_says_yes_and_does_nothing_gets_no_second_job(bench, stub, monkeypatch):
    """Asking for a stop would count as a stop (T7, C)."""
    bench.submission().obtain()
    stub.fault("DELETE", "*/jobs/*", "status", status=200, body='{"EvaluationID": "x"}', times=3)
    new = bench.submission(try_number=2, epoch=Epoch(BORN, 1, 2)).obtain()
    assert bench.live == [new.job_id]
    assert bench.stopped_before_each_submit()


def test_t7_a_job_beyond_its_accept_budget_is_seen_stopped_before_the_next(bench, stub, forgetful):
    """A job that was Pending for ever might run after all, beside its successor (T7)."""
    old = bench.submission().obtain()
    stub.clock.advance("10m")
    stub.fault("DELETE", "*/jobs/*", "drop_request", times=5)
    new = bench.submission(try_number=2).obtain()
    assert bench.jobs == [(1, "Stopped"), (2, "Running")]
    assert bench.stopped_before_each_submit()
    assert (old.slot, new.slot) == (1, 2)


@pytest.mark.parametrize("release", ["1.7.0", "1.9.3"])
@pytest.mark.parametrize("lost", [1, 2])
def test_t10_a_job_that_is_never_taken_up_is_replaced_within_the_try(task, stub, forgetful, pauses, lost):
    """A server's restart would cost a retry, or the task would wait for ever (T10, C11)."""
    forgetful["jobs"] = lost

    def time_passes():
        running = any(job["State"]["StateType"] == "Running" for job in stub.jobs())
        stub.clock.advance("2h" if running else "3m")

    pauses += [time_passes] * 100
    handle = task.run(accept_timeout=0.01)
    assert handle["state"] == "Completed"
    jobs = stub.jobs()
    assert [int(job["Labels"]["airflow-slot"]) for job in jobs] == list(range(1, lost + 2))
    assert len({job["Name"] for job in jobs}) == lost + 1
    assert [job["State"]["StateType"] for job in jobs] == ["Stopped"] * lost + ["Completed"]
    assert all(job["State"]["Message"].endswith(" accept") for job in jobs[:-1])
    assert task.bench.stopped_before_each_submit()


def test_t10_killed_between_stop_and_submit(bench, stub, forgetful):
    """The next try would find the stopped job and take its end for its own, or leave its slot to two jobs (T10)."""
    bench.submission().obtain()
    stub.clock.advance("10m")
    with pytest.raises(bench.Killed):
        bench.submission(try_number=2, steps={"before submit_job": bench.die}).obtain()
    assert bench.jobs == [(1, "Stopped")]
    pin = bench.submission(try_number=3).obtain()
    assert (pin.slot, bench.live) == (2, [pin.job_id])


def adopting(task, pauses, *reasons):
    """Try 2 takes over the job of try 1, whose worker died; then each of the reasons stops the job of the moment."""
    pauses.append(task.bench.die)
    task.run_until_it_waits()
    born = round(task.context["dag_run"].start_date.timestamp() * 1_000_000)

    def stop(reason):
        return lambda: task.bench.stop(task.bench.live[-1], reason.format(born))

    pauses += [stop(reason) for reason in reasons]
    return task.bench.only_job()["ID"]


def test_t11_a_stale_stop_does_not_fail_the_retry(task, stub, pauses):
    """A worker that was paused for long stops the job of its successor when it wakes up: the task would fail for
    nobody's will (T11, C12)."""
    first = adopting(task, pauses, "airflow {}.1 on_kill")
    pauses.append(lambda: stub.clock.advance("2h"))
    handle = task.run(try_number=2)
    assert handle["state"] == "Completed"
    assert handle["job_id"] != first
    assert task.bench.jobs == [(1, "Stopped"), (2, "Completed")]


def test_t11_a_persons_stop_is_final(task, pauses):
    """What somebody has just stopped would be started again (T11)."""
    adopting(task, pauses, "too expensive")
    with pytest.raises(BacalhauJobStopped, match="too expensive") as caught:
        task.run(try_number=2)
    assert isinstance(caught.value, AirflowFailException)
    assert task.bench.puts == 1


def test_t11_a_newer_tries_stop_ends_this_one(task, pauses):
    """Two tries would stop each other's jobs for ever (T11)."""
    adopting(task, pauses, "airflow {}.3 superseded")
    with pytest.raises(AttemptOver):
        task.run(try_number=2)
    assert task.bench.puts == 1


def test_t11_the_fourth_stale_stop_fails(task, pauses):
    """Something that stops every job of a task would make it submit for ever (T11)."""
    adopting(task, pauses, *["airflow {}.1 on_kill"] * 4)
    with pytest.raises(BacalhauJobStopped):
        task.run(try_number=2)
    assert task.bench.jobs == [(1, "Stopped"), (2, "Stopped"), (3, "Stopped"), (4, "Stopped")]


def test_t11_an_old_watcher_spares_the_newer_job(bench):
    """A triggerer that still watches the job from before a clear would stop its successor (T11, W)."""
    old = bench.submission(try_number=2).obtain()
    new = bench.submission(try_number=3, epoch=Epoch(BORN, 1, 2)).obtain()
    assert old.sweeps
    bench.sweeper(old).sweep(bench.client(), 0.0)
    assert bench.live == [new.job_id]


def test_t13_a_superseded_worker_sends_nothing_at_all(task, stub, store):
    """A worker that was paused for an hour would stop its successor's job, or submit beside it (T13, C14)."""
    store.lost = True
    with pytest.raises(AttemptOver):
        task.run(try_number=2)
    assert stub.journal() == []


def test_t13_a_worker_that_is_superseded_before_its_submit_sends_none(bench, store):
    """Between the first look and the submit lie minutes, when the server is away (T13, C14)."""

    def superseded():
        store.lost = True

    with pytest.raises(AttemptOver):
        bench.submission(try_number=2, steps={"before iter_jobs": superseded}).obtain()
    assert bench.puts == 0


@pytest.mark.parametrize("stored", [True, False], ids=["3.3", "3.1"])
def test_retries_that_are_edited_while_a_job_runs_never_make_two(task, stub, pauses, stored):
    """Editing the DAG would let the retry run beside the job of the first try."""
    pauses.append(task.bench.die)
    task.run_until_it_waits(stored=stored, retries=2)
    first = task.bench.live
    pauses += [lambda: None] * (not stored) + [task.bench.die]
    task.run_until_it_waits(stored=stored, retries=5, try_number=2)
    assert len(task.bench.live) == 1
    assert (task.bench.live == first) == stored  # 3.1 cannot tell it from a clear, so it starts anew


def test_a_mapped_task_never_takes_a_siblings_job(task, stub, pauses):
    """One item's result would be returned for another item's, and the other's job would be nobody's."""
    for index in (0, 1):
        pauses.append(task.bench.die)
        task.run_until_it_waits(map_index=index)
    own = {job["Labels"]["airflow-map"]: job["ID"] for job in stub.jobs()}
    stub.clock.advance("2h")
    assert task.run(map_index=1, try_number=2)["job_id"] == own["1"]
    assert task.run(map_index=0, try_number=2)["job_id"] == own["0"]
    assert task.bench.puts == 2


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("ended", [True, False])
def test_without_durability_every_try_starts_afresh(task, stub, pauses, durable, ended):
    """On Airflow 3.1 a task that was cleared while its dead worker's job ran may return the job from before the clear;
    `durable=False` is the way out (X3)."""
    pauses.append(task.bench.die)
    task.run_until_it_waits(durable=durable)
    first = task.bench.only_job()["ID"]
    stub.clock.advance("2h" if ended else "1m")
    pauses += [lambda: None] * (not durable and not ended) + [lambda: stub.clock.advance("2h")]
    handle = task.run(try_number=2, durable=durable)
    assert (handle["job_id"] == first) == durable
    assert len(stub.jobs()) == (1 if durable else 2)
    assert task.bench.live == []


def test_a_server_that_schedules_nothing_is_not_flooded(task, stub, forgetful, pauses):
    """A job a few minutes, for as long as the server is broken."""
    forgetful["jobs"] = 99
    pauses += [lambda: stub.clock.advance("3m")] * 20
    with pytest.raises(BacalhauJobTimedOut, match="not taken up"):
        task.run(accept_timeout=0.01)
    assert [state for _, state in task.bench.jobs] == ["Stopped"] * 4
