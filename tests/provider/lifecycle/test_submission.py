"""The table that decides what an attempt does with the jobs it finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_bacalhau.lifecycle import submission as rules
from airflow_provider_bacalhau.lifecycle.identity import Epoch
from airflow_provider_bacalhau.lifecycle.submission import (
    Adopt,
    Collect,
    Found,
    Me,
    Policy,
    Record,
    Stop,
    Submit,
    Superseded,
    Wait,
)

MINE = Epoch(100, 0, 1)
OLD = Epoch(100, 0, 0)
ME = Me(MINE, "fp", name_of=lambda slot: f"name-{slot}")
NOW = 1_000.0


def found(job_class="live", *, epoch=MINE, slot=1, fp="fp", id="j-1", created=1, name=""):
    return Found(id, "default", epoch, slot, fp, job_class, created, name)


def record(**changed):
    base = Record(1, MINE.text, 1, "fp", "name-1", "", "default", "bacalhau_default", "submitting", NOW - 10)
    return replace(base, **changed)


def decide(*jobs, me=ME, rec=None, policy=None, now=NOW, **options):
    return rules.decide(me, rec, jobs, policy or Policy(), now, **options)


def stopped(action):
    assert isinstance(action, Stop)
    return {order.job.id: order.cause for order in action.orders}


# ---- row by row ----


def test_row_1_a_refused_record_ends_the_attempt():
    """A superseded worker that goes on submits beside its successor."""
    assert decide(found(), refused=True) == Superseded()


@pytest.mark.parametrize("job_class", ["live", "condemned"])
@pytest.mark.parametrize(
    "epoch", [OLD, Epoch(100, 1, 1), Epoch(99, 0, 1), Epoch(101, 0, 1), Epoch(100, 0, 2)], ids=lambda e: e.text
)
def test_row_2_live_jobs_of_another_epoch_are_stopped_first(job_class, epoch):
    """A job from before a clear would run beside the new one."""
    assert list(stopped(decide(found(job_class, epoch=epoch)))) == ["j-1"]


def test_row_2_without_a_deployment_a_job_of_another_birth_is_left_alone():
    """It may belong to another Airflow with the same dag and run ids."""
    policy = Policy(deployment_known=False)
    assert decide(found(epoch=Epoch(99, 0, 1)), policy=policy) == Submit(1)
    assert list(stopped(decide(found(epoch=Epoch(100, 1, 1)), policy=policy))) == ["j-1"]
    assert rules.is_foreign(ME, found(epoch=Epoch(99, 0, 1)), policy)


def test_row_2_airflow_31_outlives_a_heartbeat_before_it_stops_what_looks_newer():
    """Without a fence a worker that was superseded while paused would stop its successor's job."""
    me = replace(ME, epoch=Epoch(100, 0, 1, 1), started_at=NOW - 10)
    newer = found(epoch=Epoch(100, 1, 2, 1))
    assert decide(newer, me=me) == Wait(20.0)
    assert list(stopped(decide(newer, me=me, now=NOW + 21))) == ["j-1"]


def test_row_3_a_job_that_was_never_taken_up_is_stopped():
    """A job Pending since a server crash would be waited for until its timeout again and again."""
    assert stopped(decide(found("condemned"))) == {"j-1": "accept"}


def test_row_4_a_live_job_of_another_spec_is_stopped():
    """Adopting it would give the result of another spec."""
    assert stopped(decide(found(fp="other"))) == {"j-1": "superseded"}


def test_row_5_and_6_a_good_result_is_collected_after_the_others_are_stopped():
    """Running again what is already done wastes the work; leaving the others leaves orphans."""
    good, live = found("good", id="j-1"), found("live", slot=2, id="j-2")
    assert list(stopped(decide(good, live))) == ["j-2"]
    assert decide(good, replace(live, job_class="bad")) == Collect(good)


def test_row_6_of_two_results_the_first_is_taken():
    """Two attempts must agree on one job."""
    first, second = found("good", id="j-9", created=1), found("good", id="j-1", created=2)
    assert decide(second, first) == Collect(first)


def test_row_7_of_twins_the_highest_slot_then_the_oldest_stays():
    """Two watchers that choose differently stop both."""
    low, old, young = found(id="j-1"), found(slot=2, id="j-9", created=1), found(slot=2, id="j-2", created=2)
    assert stopped(decide(low, young, old)) == {"j-1": "twin", "j-2": "twin"}
    assert decide(old) == Adopt(old)


def test_row_8_a_live_job_is_adopted():
    """A retry that submits again runs the work twice."""
    assert decide(found()) == Adopt(found())


def test_row_8_not_durable_starts_afresh_but_keeps_what_this_attempt_sent():
    """With durable=False an earlier try's job must not be taken over."""
    policy = Policy(durable=False)
    assert stopped(decide(found(), policy=policy)) == {"j-1": "twin"}
    assert decide(found(), me=replace(ME, put_slot=1), policy=policy) == Adopt(found())


def test_row_9_what_this_attempt_sent_is_its_own_even_when_it_failed():
    """A lost reply plus a job that fails at once would run it a second time inside one attempt."""
    assert decide(found("bad"), me=replace(ME, put_slot=1)) == Adopt(found("bad"))


def test_row_10_a_submit_under_another_name_may_still_arrive():
    """Submitting beside it gives two live jobs."""
    assert decide(rec=record(name="other")) == Wait(80.0)
    assert decide(rec=record(name="other", at=NOW - 91)) == Submit(1)
    assert decide(rec=record(name="other", phase="submitted")) == Submit(1)
    assert decide(rec=record(name="name-1")) == Submit(1)


def test_row_10_has_nothing_to_wait_for_once_that_job_is_found():
    """An old epoch's submit that has arrived is stopped like any other, not waited for."""
    rec = record(name="other", epoch=OLD.text)
    assert decide(found("bad", epoch=OLD, name="other"), rec=rec) == Submit(1)


def test_row_11_the_next_slot_is_above_all_spent_ones():
    """A slot used twice in one epoch has one name, so the second submit would find the spent job."""
    assert decide() == Submit(1)
    assert decide(found("bad", slot=2)) == Submit(3)
    assert decide(found("bad", slot=2, fp="other")) == Submit(3)
    assert decide(found("bad", slot=2, epoch=OLD)) == Submit(1)


def test_row_11_an_undecided_submit_is_repeated_into_its_slot():
    """Only the same name is harmless when the lost request arrives after all."""
    assert decide(rec=record(slot=3, name="name-3")) == Submit(3)
    assert decide(rec=record(slot=3, fp="other", name="x", at=NOW - 100)) == Submit(4)


def test_row_12_without_unique_names_a_repeated_submit_is_ambiguous():
    """Nobody would sweep the twin that the lost request may yield."""
    policy = Policy(unique_names=False)
    assert decide(policy=policy) == Submit(1, ambiguous=False)
    assert decide(policy=policy, me=replace(ME, put_slot=1)) == Submit(1, ambiguous=True)
    assert decide(policy=policy, rec=record()) == Submit(1, ambiguous=True)


# ---- what stopped jobs mean (H) ----


def test_a_stale_actors_stop_is_repaired():
    """An attempt must not fail because an older one stopped its job late."""
    assert rules.after_stop(MINE, 2, "airflow 100.1 on_kill", heals=0, killed=False) == "again"
    assert rules.after_stop(MINE, 2, "airflow 100.2 accept", heals=2, killed=False) == "again"
    assert rules.after_stop(MINE, 2, "airflow 100.1 timeout", heals=0, killed=False) == "again"


def test_repairing_ends():
    """Two actors that stop each other would go on for ever."""
    assert rules.after_stop(MINE, 2, "airflow 100.1 on_kill", heals=3, killed=False) == "verdict"


def test_a_newer_attempts_stop_ends_this_one():
    """A superseded attempt that resubmits runs beside its successor."""
    assert rules.after_stop(MINE, 2, "airflow 100.3 superseded", heals=0, killed=False) == "over"
    assert rules.after_stop(MINE, 2, "airflow 101.1 superseded", heals=0, killed=False) == "over"


def test_a_humans_stop_and_our_own_deadline_stand():
    """Resubmitting what a person stopped takes the cluster out of their hands."""
    assert rules.after_stop(MINE, 2, "too expensive", heals=0, killed=False) == "verdict"
    assert rules.after_stop(MINE, 2, "", heals=0, killed=False) == "verdict"
    assert rules.after_stop(MINE, 2, "airflow 100.2 timeout", heals=0, killed=False) == "verdict"
    assert rules.after_stop(MINE, 2, "airflow 100.2 on_kill", heals=0, killed=True) == "verdict"


# ---- sweeping (W) ----


def test_a_sweep_takes_older_epochs_lower_slots_and_twins_only():
    """A sweep that touches anything newer stops its successor's job."""
    mine = found(slot=2, id="j-5", created=5)
    others = [
        found(epoch=OLD, id="j-old"),
        found(slot=1, id="j-low"),
        found(slot=2, id="j-twin", created=6),
        found(slot=3, id="j-high"),
        found(epoch=Epoch(100, 1, 1), id="j-newer"),
        found("bad", epoch=OLD, id="j-dead"),
    ]
    result = rules.sweep(ME, mine, [mine, *others], Policy())
    causes = {order.job.id: order.cause for order in result.orders}
    assert causes == {"j-old": "superseded", "j-low": "superseded", "j-twin": "twin"}
    assert result.follow is mine


def test_twins_agree_on_the_survivor():
    """If each of two watchers kept its own job, both would run; if each stopped the other's, none would."""
    first, second = found(id="j-1", created=1), found(id="j-2", created=2)
    for mine in (first, second):
        result = rules.sweep(ME, mine, [first, second], Policy())
        assert [order.job.id for order in result.orders] == ["j-2"]
        assert result.follow == first


def test_after_the_end_all_twins_go_and_a_swept_job_hands_over_to_its_twin():
    """A twin left after the verdict is an orphan; one forgotten after our own sweep loses the work."""
    done, twin = found("good", id="j-1"), found(id="j-2")
    assert [o.job.id for o in rules.sweep(ME, done, [done, twin], Policy()).orders] == ["j-2"]
    mine = replace(found("bad", id="j-1"), swept=True)
    assert rules.sweep(ME, mine, [mine, twin], Policy()) == rules.Sweep((), twin)
    failed = replace(twin, job_class="bad")
    assert rules.sweep(ME, mine, [mine, failed], Policy()).follow == failed
    assert rules.sweep(ME, mine, [mine, replace(failed, swept=True)], Policy()).follow == mine
    ended = found("bad", id="j-1")
    assert [o.job.id for o in rules.sweep(ME, ended, [ended, twin], Policy()).orders] == ["j-2"]


def test_a_sweep_ignores_another_birth_without_a_deployment():
    """It may be another Airflow's job."""
    mine = found(id="j-1")
    stray = found(epoch=Epoch(99, 0, 1), id="j-2")
    assert rules.sweep(ME, mine, [mine, stray], Policy(deployment_known=False)).orders == ()


def test_sweeps_come_at_once_when_late_submits_may_land_and_then_rarely():
    """A list costs the server time for every stored job."""
    assert rules.next_sweep(NOW, None) == NOW
    assert rules.next_sweep(NOW, NOW) == NOW + 35
    assert rules.next_sweep(NOW, NOW + 36) == NOW + 336
    assert not rules.must_sweep(1, None, undecided=False)
    assert rules.must_sweep(2, None, undecided=False)
    assert rules.must_sweep(1, None, undecided=True)
    assert rules.must_sweep(1, record(), undecided=False)


# ---- record and classes ----


def test_record_survives_the_store():
    """A record that is read back differently hides a submit that is in flight."""
    assert Record.from_plain(record().to_plain()) == record()


@pytest.mark.parametrize("value", [None, "x", {}, {"phase": "looking"}, {**record().to_plain(), "slot": "1"}])
def test_what_is_no_record_is_none(value):
    """A half-written record must not crash the next try."""
    assert Record.from_plain(value) is None


def test_classes_of_jobs(make_job, make_execution):
    """A class mixed up submits twice, or waits for a job that is already lost."""
    age = {"server_now": 1_700_000_100.0}
    ran = make_execution(compute="Completed", desired="Stopped")
    assert rules.classify(make_job(), [make_execution()], **age) == "live"
    assert rules.classify(make_job("Pending"), [], **age, accept_timeout=120) == "live"
    assert rules.classify(make_job("Pending"), [], **age, accept_timeout=60) == "condemned"
    assert rules.classify(make_job("Pending"), [make_execution()], **age, accept_timeout=60) == "live"
    assert rules.classify(make_job("Queued"), [], **age, accept_timeout=60) == "live"
    assert rules.classify(make_job(), [make_execution()], **age, total_timeout=60) == "condemned"
    assert rules.classify(make_job(version=2), [make_execution()], **age) == "condemned"
    assert rules.classify(make_job("Completed"), [ran], **age) == "good"
    assert rules.classify(make_job("Completed"), [ran.model_copy(update={"exit_code": 3})], **age) == "bad"
    assert rules.classify(make_job("Completed"), [], **age) == "bad"
    assert rules.classify(make_job("Stopped"), [], **age) == "bad"
    assert rules.classify(make_job("Failed"), [], **age) == "bad"


def test_jobs_without_our_labels_are_not_found(make_job):
    """A foreign job under a made-up label must not be adopted."""
    assert rules.found_from(make_job(labels={"airflow-key": "k"}), "live") is None
    labels = {"airflow-epoch": MINE.text, "airflow-slot": "2", "airflow-fp": "fp"}
    job = make_job(labels=labels)
    assert rules.found_from(job, "live") == Found(job.id, "etl", MINE, 2, "fp", "live", job.create_time, job.name)
    swept = make_job("Stopped", labels=labels, state_message="airflow 100.1 twin")
    assert rules.found_from(swept, "bad").swept
