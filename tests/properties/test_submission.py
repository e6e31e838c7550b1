"""What holds for every decision, whatever jobs are found (T19)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

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
    Wait,
)

NOW = 1_000.0

epochs = st.builds(
    Epoch,
    st.integers(1, 3),
    st.none() | st.integers(0, 2),
    st.integers(0, 2),
    st.none() | st.integers(0, 1),
)
jobs = st.lists(
    st.builds(
        Found,
        id=st.sampled_from([f"j-{number}" for number in range(8)]),
        namespace=st.sampled_from(["default", "etl"]),
        epoch=epochs,
        slot=st.integers(1, 3),
        fp=st.sampled_from(["a", "b"]),
        job_class=st.sampled_from(["live", "condemned", "good", "bad"]),
        created=st.integers(0, 3),
        name=st.sampled_from(["n1", "n2", ""]),
    ),
    max_size=6,
    unique_by=lambda job: job.id,
)
policies = st.builds(
    Policy,
    durable=st.booleans(),
    unique_names=st.booleans(),
    late_submit_grace=st.sampled_from([0.0, 90.0]),
    deployment_known=st.booleans(),
)
selves = st.builds(
    Me,
    epoch=epochs,
    fp=st.sampled_from(["a", "b"]),
    put_slot=st.integers(0, 3),
    started_at=st.floats(NOW - 100, NOW),
    name_of=st.sampled_from([None, lambda slot: f"n{slot}"]),
)
records = st.none() | st.builds(
    Record,
    try_number=st.integers(1, 3),
    epoch=epochs.map(lambda epoch: epoch.text),
    slot=st.integers(1, 4),
    fp=st.sampled_from(["a", "b"]),
    name=st.sampled_from(["n1", "n2", "n9"]),
    job_id=st.just(""),
    namespace=st.just("default"),
    conn_id=st.just("c"),
    phase=st.sampled_from(["submitting", "submitted"]),
    at=st.floats(NOW - 200, NOW),
)


@given(selves, records, jobs, policies)
def test_a_decision_is_always_safe(me, record, found, policy):
    """A submit beside a live job, a stop of the kept job or an adoption of another spec's job breaks exactly-once
    (T19)."""
    action = rules.decide(me, record, found, policy, NOW)
    ours = [job for job in found if not rules.is_foreign(me, job, policy)]
    live = {job.id for job in ours if job.is_live}
    if isinstance(action, Submit):
        assert not live
        assert all(job.slot < action.slot for job in ours if me.epoch.may_adopt(job.epoch))
    elif isinstance(action, (Adopt, Collect)):
        assert me.epoch.may_adopt(action.job.epoch)
        assert action.job.fp == me.fp
        assert live <= {action.job.id}
        assert policy.durable or action.job.slot == me.put_slot
        assert isinstance(action, Collect) == (action.job.job_class == "good")
    elif isinstance(action, Stop):
        assert action.orders
        assert {job.id for job in action.jobs} <= live
        left = [job for job in ours if job.is_live and job not in action.jobs]
        assert all(me.epoch.may_adopt(job.epoch) and job.fp == me.fp for job in left) or me.epoch.retries is not None
    else:
        assert isinstance(action, Wait)
        assert action.seconds > 0


@given(selves, records, jobs, policies)
def test_stop_look_decide_comes_to_an_end(me, record, found, policy):
    """An attempt that only stops and looks never gets its job (T19)."""
    now = NOW + 1_000  # past every wait
    for _ in range(3):
        action = rules.decide(me, record, found, policy, now)
        if not isinstance(action, Stop):
            break
        gone = {job.id for job in action.jobs}
        kept = [job for job in found if job.is_live and job.id not in gone and not rules.is_foreign(me, job, policy)]
        found = [replace(job, job_class="bad") if job.id in gone else job for job in found]
        assert len(kept) <= 1
    assert isinstance(action, (Submit, Adopt, Collect))


@given(selves, jobs, policies, st.integers(0, 5))
def test_the_answer_does_not_depend_on_the_order_of_the_list(me, found, policy, turn):
    """Servers list in any order; two attempts must still agree (T19)."""
    turned = found[turn:] + found[:turn]
    first = rules.decide(me, None, found, policy, NOW)
    second = rules.decide(me, None, turned, policy, NOW)
    if isinstance(first, Stop) and isinstance(second, Stop):
        assert {job.id for job in first.jobs} == {job.id for job in second.jobs}
    else:
        assert first == second


@given(selves, jobs, policies, st.booleans())
def test_a_sweep_never_touches_what_is_newer_or_followed(me, found, policy, swept):
    """A watcher that stops a newer job kills its successor's work (T19)."""
    mine = Found("j-mine", "default", me.epoch, 2, me.fp, "bad" if swept else "live", 1, swept=swept)
    result = rules.sweep(me, mine, [mine, *found], policy)
    for order in result.orders:
        job = order.job
        assert job.is_live
        assert job.id != result.follow.id
        assert not me.epoch.older_than(job.epoch)
        assert job.slot <= mine.slot or job.epoch.older_than(me.epoch)
