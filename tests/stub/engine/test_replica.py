"""A replica that lags: jobs and nodes as they were, through the orchestrator's own reads."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.states import JobState, Membership
from orchestrator_stub.engine.orchestrator import ExecutionQuery, HistoryQuery, JobQuery, NodeQuery
from orchestrator_stub.engine.replica import Replica


class Time:
    """Seconds that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time():
    """The replica's time."""
    return Time()


@pytest.fixture
def follow(time):
    """`follow(cluster, lag)`: gives what the replica's orchestrator looks like at each call."""

    def start(cluster, lag=10.0):
        replica = Replica(cluster.orchestrator._store, lag, time)
        return replica, lambda: cluster.orchestrator.known_to(replica)

    return start


def ids(orchestrator, **query):
    """Ids of the listed jobs."""
    return [job.id for job in orchestrator.list_jobs(JobQuery(**query)).items]


async def test_a_new_job_is_unknown_until_the_lag_is_over(build, follow, time):
    """A look-up right after a submit would find the job, and a client that submits twice for it would go unnoticed."""
    cluster = build()
    old = cluster.submit("old")
    _, seen = follow(cluster)
    new = cluster.submit("new")
    time.now += 9.9
    assert (ids(seen()), ids(seen(), reverse=True)) == ([old], [old])
    for ref in (new, "new", new[:12]):
        with pytest.raises(OrchestratorError, match=f"job not found: {ref}"):
            seen().get_job(ref)
    assert seen().get_job("old").id == old
    time.now += 0.2
    assert ids(seen()) == [old, new] == ids(cluster.orchestrator)
    assert seen().get_job("new").id == new


async def test_a_job_is_shown_as_it_was_with_executions_and_history(build, follow, time):
    """Parts of an answer would be of different times."""
    cluster = build(outcome={"after": 5.0})
    job = cluster.submit("one")
    await cluster.settle()
    _, seen = follow(cluster)
    told = len(cluster.story(job))
    await cluster.advance(6)
    assert cluster.state(job) is JobState.COMPLETED
    assert len(cluster.story(job)) > told
    assert seen().get_job(job).state is not JobState.COMPLETED
    assert not seen().executions(job, ExecutionQuery()).items[0].compute.is_terminal
    assert len(seen().history(job, HistoryQuery()).items) == told
    assert seen().results(job) == []
    time.now += 11
    assert seen().get_job(job) is cluster.orchestrator.get_job(job)
    assert seen().executions(job, ExecutionQuery()) == cluster.orchestrator.executions(job, ExecutionQuery())


async def test_each_change_is_heard_of_in_its_own_time(build, follow, time):
    """A replica would jump from the first state to the last."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("one")
    await cluster.settle()
    _, seen = follow(cluster)
    for version in (2, 3):
        time.now += 4
        cluster.submit("one", priority=version)
        assert cluster.orchestrator.get_job(job).version == version
    shown = []
    for _ in range(5):
        shown.append((seen().get_job(job).version, len(seen().versions(job))))
        time.now += 3
    assert shown == [(1, 1), (1, 1), (2, 2), (2, 2), (3, 3)]


async def test_nodes_are_shown_as_they_were(build, follow, time):
    """A node that was rejected would look so at once."""
    cluster = build(nodes=2)
    _, seen = follow(cluster)
    cluster.orchestrator.update_node(cluster.node(2).id, "reject")
    query = NodeQuery(approval="approved")
    assert len(seen().list_nodes(query).items) == 2
    assert seen().get_node(cluster.node(2).id).membership is Membership.APPROVED
    time.now += 10.1
    assert len(seen().list_nodes(query).items) == 1


async def test_what_is_known_is_not_kept(build, follow, time):
    """A stub whose fault stands for hours would keep every state that any job ever had."""
    cluster = build()
    replica, seen = follow(cluster)
    for number in range(50):
        cluster.submit(f"job-{number}")
        await cluster.settle()
        time.now += 5
    seen()
    assert len(replica._past) <= 3
    assert len(replica._order) < 30


async def test_nothing_is_followed_any_more_once_it_is_closed(build, follow):
    """Changes would go on costing something for every replica that there ever was."""
    cluster = build()
    replica, _ = follow(cluster)
    cluster.submit("one")
    replica.close()
    replica.close()
    cluster.submit("two")
    assert (cluster.orchestrator._store.followers, len(replica._past)) == ([], 0)
