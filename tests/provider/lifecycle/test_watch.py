"""Waiting: looks, paces, deadlines, blips, and the same verdict whoever waits."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import AuthError, ServerFault, Unreachable
from airflow_provider_bacalhau.lifecycle.watch import GRACE, Observation, Watch, WatchPolicy

T0 = 1_700_000_000.0
BLIP = Unreachable("no connection")


@pytest.fixture
def watch():
    """A watch that starts at T0."""

    def make(**policy):
        return Watch.start(WatchPolicy(**policy), submitted_at=T0, job_id="j-1", namespace="etl")

    return make


@pytest.fixture
def running(make_job, make_execution):
    """A look at a job that runs."""
    return Observation(make_job(), [make_execution()])


def walk(watch, *looks):
    """Take looks `(seconds after T0, observation)`; the last step."""
    step = None
    for at, seen in looks:
        step = watch.observe(seen, T0 + at)
        watch = step.watch
    return step


def test_a_running_job_is_looked_at_again(watch, running):
    """The main path before the end."""
    step = walk(watch(), (1, running))
    assert (step.verdict, step.after) == (None, 0.5)


def test_a_finished_job_gives_the_verdict(watch, make_job, make_execution):
    """The main path."""
    ended = make_execution(compute="Completed", desired="Stopped")
    step = walk(watch(), (1, Observation(make_job("Completed"), [ended])))
    assert step.after is None
    assert step.verdict.outcome == "succeeded"


@pytest.mark.parametrize(("age", "after"), [(0, 0.5), (10, 0.5), (60, 3.0), (200, 10.0), (90_000, 10.0)])
def test_the_pace_follows_the_age_of_the_job(watch, running, age, after):
    """A short job waits for its verdict, a thousand long ones flood the server."""
    assert walk(watch(), (age, running)).after == after


def test_poll_interval_overrides_the_pace(watch, running):
    """The user's word."""
    assert walk(watch(poll_interval=30.0), (1, running)).after == 30.0


# ---- errors ----


def test_a_blip_never_fails_a_running_job(watch, running):
    """A restarted load balancer must not cost a job of two days."""
    step = walk(
        watch(total_timeout=60.0), (1, running), (500, Observation(error=BLIP)), (1_000, Observation(error=BLIP))
    )
    assert step.verdict is None
    assert walk(step.watch, (1_010, running)).watch.failing_since is None


def test_the_error_budget_is_time_not_looks(watch, running):
    """A hundred quick failures are still a blip."""
    first = walk(watch(), (1, running), *[(2 + n / 10, Observation(error=BLIP)) for n in range(100)])
    assert first.verdict is None
    step = walk(first.watch, (602, Observation(error=BLIP)))
    assert (step.verdict.outcome, step.verdict.kind) == ("lost", "unreachable")
    assert "no connection" in step.verdict.message


def test_a_single_failed_look_after_a_long_sleep_is_no_outage(watch, running):
    """A trigger that was away for an hour has seen one failure, not an hour of them."""
    assert walk(watch(), (1, running), (3_600, Observation(error=BLIP))).verdict is None
    assert walk(watch(error_budget=0.0), (1, running), (2, Observation(error=BLIP))).verdict is None


def test_refused_credentials_are_given_up_sooner(watch, running):
    """They do not come back by themselves, but a rotation must not kill jobs."""
    denied = Observation(error=AuthError("API key refused"))
    step = walk(watch(), (1, running), (2, denied), (50, denied))
    assert step.verdict is None
    assert walk(step.watch, (63, denied)).verdict.kind == "unreachable"


def test_errors_slow_the_pace_and_obey_the_server(watch, running):
    """A server in trouble is not helped by more looks."""
    fault = Observation(error=ServerFault("down", retry_after=30.0))
    step = walk(watch(), (1, running), (2, fault))
    assert (step.after, step.least) == (30.5, 30.0)
    assert 30.0 < step.pause(0.0) < step.pause(1.0) < 30.6
    assert walk(watch(), (1, running), (2, Observation(error=ServerFault("down", retry_after=86_400.0)))).after < 61
    paces = []
    step = walk(watch(), (1, running))
    for at in range(2, 9):
        step = walk(step.watch, (at, Observation(error=BLIP)))
        paces.append(step.after)
    assert paces == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


# ---- lost ----


def test_one_404_is_not_lost(watch, running):
    """A submit that commits late, or a replica behind, answers 404 for a moment."""
    gone = Observation(not_found=True)
    assert walk(watch(), (1, running), (500, gone)).verdict is None
    assert walk(watch(), (1, running), (500, gone), (559, gone)).verdict is None
    assert walk(watch(), (1, running), (500, gone), (505, running), (561, gone)).verdict is None


def test_404_for_a_minute_is_lost(watch, running):
    """Waiting for ever for a job that nobody knows."""
    gone = Observation(not_found=True)
    verdict = walk(watch(), (1, running), (500, gone), (530, gone), (560, gone)).verdict
    assert (verdict.outcome, verdict.kind, verdict.job_id) == ("lost", "lost", "j-5b2f0c11-1111-4222-8333-444444444444")


# ---- deadlines ----


def test_a_job_that_is_never_taken_up_times_out(watch, make_job):
    """Jobs Pending when a server crashed stay so for ever."""
    pending = Observation(make_job("Pending"))
    first = walk(watch(accept_timeout=120.0), (1, pending), (119, pending))
    assert (first.verdict, first.after) == (None, 1.0)
    verdict = walk(first.watch, (120, pending)).verdict
    assert (verdict.outcome, verdict.kind, verdict.phase) == ("timed_out", "timeout", "accept")


@pytest.mark.parametrize("state", ["Queued", "Running"])
def test_a_queued_or_scheduled_job_is_taken_up(watch, make_job, state):
    """accept_timeout must not kill a job that only waits for a node."""
    look = Observation(make_job(state))
    assert walk(watch(accept_timeout=120.0), (1, look), (500, Observation(make_job("Pending")))).verdict is None


def test_an_execution_counts_as_taken_up_while_the_job_is_pending(watch, make_job, make_execution):
    """Before 1.5 a running job stays Pending."""
    look = Observation(make_job("Pending"), [make_execution()])
    assert walk(watch(accept_timeout=120.0), (500, look)).verdict is None


def test_queue_timeout_counts_from_when_it_was_queued_plus_grace(watch, make_job):
    """The server checks its own limit once a minute; the client must not be faster."""
    queued = Observation(make_job("Queued"))
    first = walk(watch(queue_timeout=60.0), (100, queued), (100 + 60 + GRACE - 1, queued))
    assert first.verdict is None
    assert walk(first.watch, (100 + 60 + GRACE, queued)).verdict.phase == "queue"


def test_run_timeout_starts_again_with_another_execution(watch, make_job, make_execution):
    """A second try on another node has the whole limit, as it has on the server."""
    one = Observation(make_job(), [make_execution(1)])
    two = Observation(make_job(), [make_execution(1, compute="Failed", desired="Stopped"), make_execution(2)])
    first = walk(watch(run_timeout=60.0), (0, one), (200, two), (60 + GRACE + 1, two))
    assert first.verdict is None
    assert walk(first.watch, (200 + 60 + GRACE, two)).verdict.phase == "run"


def test_total_timeout_counts_from_submit_plus_grace(watch, running):
    """On 1.5.2 a running job may stay Running for ever after its node restarted."""
    first = walk(watch(total_timeout=600.0), (1, running), (779, running))
    assert first.verdict is None
    verdict = walk(first.watch, (780, running)).verdict
    assert (verdict.phase, verdict.seconds, verdict.finished_at) == ("total", 780.0, T0 + 780)


def test_a_job_that_ended_in_time_is_not_timed_out(watch, make_job, make_execution):
    """A trigger that slept past the deadline must see the result first."""
    ended = Observation(make_job("Completed"), [make_execution(compute="Completed", desired="Stopped")])
    assert walk(watch(total_timeout=1.0), (9_999, ended)).verdict.succeeded


def over(watch, at, seen):
    """What a look says when the task's own time is over 100 s after T0."""
    return watch.overdue(seen, T0 + at, deadline=T0 + 100, limit="execution_timeout")


def test_the_tasks_own_time_ends_the_wait_at_a_look_that_answered(watch, running):
    """A job that ended well a moment before would fail because nobody looked."""
    one = walk(watch(expected_version=1), (1, running)).watch
    assert over(one, 99, running) is None
    assert over(one, 101, Observation(error=BLIP)) is None
    assert over(one, 101, Observation(not_found=True)) is None
    verdict = over(one, 101, running)
    assert (verdict.outcome, verdict.phase, verdict.seconds) == ("timed_out", "task", 101.0)
    assert verdict.message == "not finished when the execution_timeout was over"
    assert verdict.phases == "accepted after 0s, ran 1m41s"
    assert one.overdue(running, T0 + 101, deadline=None, limit="x") is None


def test_a_server_that_stays_silent_does_not_hold_the_task(watch, running):
    """A task would wait for ever beyond its own limit."""
    one = walk(watch(), (1, running)).watch
    verdict = over(one, 130, Observation(error=BLIP))
    assert (verdict.phase, verdict.job_id) == ("task", one.job_id)
    assert verdict.message.endswith("nobody can tell how the job is: no connection")


def test_who_did_not_submit_a_job_does_not_say_since_when_it_runs(watch, running):
    """`wait_for_job` on a job of yesterday would say that it ran for the ten seconds of the wait."""
    assert over(walk(watch(), (1, running)).watch, 101, running).phases == ""


def test_executions_that_fail_alike_share_a_line(watch, make_job, make_execution):
    """Six lines would say one thing."""
    failed = [make_execution(n, compute="Failed", desired="Stopped", compute_message="boom") for n in range(3)]
    notes = walk(watch(), (1, Observation(make_job(), failed))).notes
    assert [note for note in notes if "boom" in note] == ["execution e-00000000 on n-aaaaaaaa and 2 more: Failed: boom"]


def test_a_silent_server_leaves_the_id_of_the_request(watch, running):
    """An admin could not find in the server's log what had no answer."""
    fault = Observation(error=ServerFault("down", request_id="r-7"))
    assert walk(watch(), (1, running), (2, fault), (700, fault)).verdict.request_id == "r-7"


# ---- service and daemon ----


def test_a_service_is_up_when_its_executions_stay(watch, make_job, make_execution):
    """A service that dies after a second would count as started."""
    job = make_job(type="service", count=2)
    both = Observation(job, [make_execution(1), make_execution(2, partition=1)])
    policy = {"wait_until": "running", "job_type": "service", "count": 2}
    one = walk(watch(**policy), (0, Observation(job, [make_execution(1)])), (11, Observation(job, [make_execution(1)])))
    assert one.verdict is None
    step = walk(one.watch, (12, both), (21, both))
    assert (step.verdict, step.after) == (None, 1.0)
    assert (walk(step.watch, (22, both)).verdict.outcome, walk(step.watch, (22, both)).verdict.kind) == (
        "succeeded",
        "running",
    )


def test_a_replaced_execution_starts_the_count_again(watch, make_job, make_execution):
    """A crash loop is not running."""
    job = make_job(type="service")
    looks = [(at, Observation(job, [make_execution(at)])) for at in range(0, 60, 5)]
    assert walk(watch(wait_until="running", job_type="service", count=1), *looks).verdict is None


def test_a_daemon_that_shows_new_is_up(watch, make_job, make_execution):
    """From 1.6 on executions of ops and daemon jobs never leave New."""
    look = Observation(make_job(type="daemon", count=0), [make_execution(compute="New")])
    assert walk(watch(wait_until="running", job_type="daemon"), (0, look), (10, look)).verdict.kind == "running"


def test_an_execution_that_goes_back_in_state_is_the_same(watch, make_job, make_execution):
    """After a restart an execution goes back from 5 to 3; nothing happened to the service."""
    job = make_job(type="service")
    before, after = make_execution(), make_execution(compute="AskForBidAccepted")
    step = walk(
        watch(wait_until="running", job_type="service", count=1),
        (0, Observation(job, [before])),
        (10, Observation(job, [after])),
    )
    assert step.verdict.kind == "running"


def test_a_service_that_fails_is_not_waited_for(watch, make_job):
    """Its failure is the verdict."""
    step = walk(
        watch(wait_until="running", job_type="service", count=1), (0, Observation(make_job("Failed", type="service")))
    )
    assert step.verdict.outcome == "failed"


# ---- altered, words, plain values ----


def test_an_altered_job_ends_the_wait(watch, make_job, make_execution):
    """It runs somebody else's spec now."""
    look = Observation(make_job(version=2), [make_execution()])
    assert walk(watch(expected_version=1), (1, look)).verdict.kind == "altered"
    assert walk(watch(), (1, look)).verdict is None


def test_one_line_per_state_change_and_few_in_between(watch, make_job, make_execution):
    """A task log of one line per look is of no use."""
    pending, running = Observation(make_job("Pending")), Observation(make_job(), [make_execution()])
    current, notes = watch(), []
    for at in range(0, 3_600, 5):
        step = current.observe(pending if at < 10 else running, T0 + at)
        current, notes = step.watch, notes + list(step.notes)
    assert notes[:2] == ["job j-5b2f0c11: Pending", "job j-5b2f0c11: Pending -> Running"]
    assert notes[2] == "job j-5b2f0c11 is Running (1 BidAccepted), 1m10s after submit"
    assert len(notes) <= 10


def test_a_failed_execution_is_told_once_while_the_job_goes_on(watch, make_job, make_execution):
    """The first try's cause is lost otherwise when the second succeeds."""
    failed = make_execution(1, compute="Failed", desired="Stopped", compute_message="disk full")
    look = Observation(make_job(), [failed, make_execution(2)])
    first = walk(watch(), (1, look))
    assert "execution e-00000001 on n-aaaaaaaa: Failed: disk full" in first.notes
    assert walk(first.watch, (2, look)).notes == ()


def test_an_outage_is_told_when_it_begins_and_ends(watch, running):
    """Silence looks like a hanging task."""
    step = walk(watch(), (1, running), (2, Observation(error=BLIP)))
    assert len(step.notes) == 1
    assert walk(step.watch, (3, Observation(error=BLIP))).notes == ()
    assert "answers again" in walk(step.watch, (42, running)).notes[0]
