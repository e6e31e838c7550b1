"""Waiting is a value: however it is serialised in between, the verdict is the same."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bacalhau.errors import AuthError, ServerFault, Unreachable
from airflow_provider_bacalhau.lifecycle.verdict import Verdict
from airflow_provider_bacalhau.lifecycle.watch import Observation, Watch, WatchPolicy
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job

T0 = 1_000_000.0
seconds = st.none() | st.sampled_from([1.0, 30.0, 300.0])

executions = st.lists(
    st.builds(
        Execution,
        id=st.sampled_from(["e-1", "e-2", "e-3"]),
        partition=st.integers(0, 1),
        desired_state=st.sampled_from(["Pending", "Running", "Stopped"]),
        compute_state=st.sampled_from(["New", "BidAccepted", "Completed", "Failed", "Cancelled", "Unknown(42)"]),
        compute_message=st.sampled_from(["", "Running", "Execution timed out after 3s", "disk full"]),
        exit_code=st.sampled_from([0, 1, -1]),
        stderr=st.sampled_from(["", "oops\n"]),
    ),
    max_size=3,
    unique_by=lambda one: one.id,
)
seen_jobs = st.builds(
    Job,
    id=st.just("j-1"),
    type=st.sampled_from(["batch", "ops", "service", "daemon"]),
    count=st.integers(0, 2),
    version=st.integers(0, 2),
    state=st.sampled_from(["Undefined", "Pending", "Queued", "Running", "Completed", "Failed", "Stopped", "Odd"]),
    state_message=st.sampled_from(["", "not enough nodes to run job. requested: 2, available: 1, suitable: 1.\n• x: "]),
)
observations = st.one_of(
    st.builds(Observation, job=seen_jobs, executions=executions),
    st.builds(
        Observation,
        error=st.sampled_from([Unreachable("x"), ServerFault("y", retry_after=5.0), AuthError("z")]),
    ),
    st.just(Observation(not_found=True)),
    st.just(Observation()),
)
policies = st.builds(
    WatchPolicy,
    wait_until=st.sampled_from(["finished", "running"]),
    job_type=st.sampled_from(["batch", "service", "daemon"]),
    count=st.none() | st.integers(0, 2),
    accept_timeout=seconds,
    queue_timeout=seconds,
    run_timeout=seconds,
    total_timeout=seconds,
    poll_interval=seconds,
    error_budget=st.sampled_from([0.0, 60.0]),
    fail_on_exit_code=st.booleans(),
    expected_version=st.none() | st.just(1),
)
looks = st.lists(st.tuples(st.floats(0, 200), observations), max_size=12)


def through_json(watch):
    return Watch.from_plain(json.loads(json.dumps(watch.to_plain())))


@given(policies, looks)
def test_serialising_between_looks_changes_nothing(policy, looks):
    """A deferred task that reaches another verdict than an inline one is a different product."""
    one = other = Watch.start(policy, submitted_at=T0)
    now = T0
    for pause, seen in looks:
        now += pause
        step, twin = one.observe(seen, now), through_json(other).observe(seen, now)
        assert (step.after, step.verdict, step.notes) == (twin.after, twin.verdict, twin.notes)
        assert (step.after is None) == (step.verdict is not None)
        assert step.after is None or step.after > 0
        if step.verdict is not None:
            assert Verdict.from_plain(json.loads(json.dumps(step.verdict.to_plain()))) == step.verdict
            return
        one, other = step.watch, twin.watch


@given(policies, looks)
def test_success_needs_a_job_that_was_seen_to_succeed(policy, looks):
    """A task that succeeds without a result breaks everything behind it."""
    watch, now = Watch.start(policy, submitted_at=T0), T0
    for pause, seen in looks:
        now += pause
        step = watch.observe(seen, now)
        if step.verdict is not None:
            if step.verdict.succeeded:
                assert seen.job is not None
                up = policy.wait_until == "running" and not seen.job.is_terminal
                assert seen.job.state == "Completed" or up
            return
        watch = step.watch
