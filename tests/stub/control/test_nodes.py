"""What is done to nodes while they run, over HTTP and on a virtual clock."""

from __future__ import annotations

import json

import pytest

from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.domain.shape import Behaviour, NodeShape

API = "/api/v1/orchestrator"
HELD, GONE, REJECTED = 5, 10, 4
"""Numbers of execution states: accepted, failed, bid rejected."""


class Hand:
    """A stub, and what tests ask of it."""

    def __init__(self, client):
        self._client = client

    async def submit(self, name="a", kind="batch", count=1, constraints=(), resources=None, timeouts=None, **labels):
        """Submit a job whose labels script it (`after="10s"`); its id."""
        task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "acme/train:1"}}}
        task |= {"Resources": resources or {"CPU": "1"}, "Timeouts": timeouts or {}}
        scripted = {f"stub.bacalhau.org/{key}": value for key, value in labels.items()}
        job = {"Name": name, "Type": kind, "Count": count, "Labels": scripted, "Tasks": [task]}
        job["Constraints"] = [{"Key": key, "Operator": "=", "Values": [value]} for key, value in constraints]
        answer = await self._client.put(f"{API}/jobs", json={"Job": job})
        assert answer.status_code == 200, answer.text
        return answer.json()["JobID"]

    async def do(self, ref, what, **more):
        """POST to a node; the answer."""
        return await self._client.post(f"/stub/nodes/{ref}", json={"do": what, **more})

    async def done(self, ref, what, **more):
        """The same, and the node as it is then."""
        answer = await self.do(ref, what, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def add(self, **shape):
        """One more node, or an error."""
        return await self._client.post("/stub/nodes", json=shape)

    async def nodes(self):
        """Nodes by name, as the stub has them."""
        return {node["name"]: node for node in (await self._client.get("/stub/nodes")).json()["nodes"]}

    async def shown(self, node_id):
        """A node as the orchestrator shows it."""
        return (await self._client.get(f"{API}/nodes/{node_id}")).json()["Node"]

    async def advance(self, seconds):
        """Move time."""
        assert (await self._client.post("/stub/clock", json={"advance": seconds})).status_code == 200

    async def state(self, job):
        """A job's state."""
        return (await self._client.get(f"{API}/jobs/{job}")).json()["Job"]["State"]["StateType"]

    async def executions(self, job):
        """(node, number of its state), oldest first."""
        found = (await self._client.get(f"{API}/jobs/{job}/executions?order_by=created_at")).json()["Items"]
        return [(each["NodeID"], each["ComputeState"]["StateType"]) for each in found]

    async def story(self, job):
        """Messages of a job's history."""
        found = (await self._client.get(f"{API}/jobs/{job}/history")).json()["Items"]
        return [each["Event"]["Message"] for each in found]


@pytest.fixture
def play(start_stub):
    """`await play(shapes, emulate=..., seed=...)`: a stub with a cluster and a virtual clock."""

    async def start(*shapes, **more):
        _, client = await start_stub(clock=VirtualClock(), cluster=shapes, nodes=len(shapes), **more)
        return Hand(client)

    return start


def nodes(*names, **more):
    """Nodes that differ in their names only."""
    return [NodeShape(name, **more) for name in names]


async def test_a_dropped_nodes_job_is_lost_and_moves_as_the_release_says(play):
    """What a team wants to see most, a machine that dies under a job, would end otherwise than on a real cluster."""
    hand = await play(*nodes("a", "b"))
    job = await hand.submit(after="1h")
    ((lost, _),) = await hand.executions(job)
    assert (await hand.done(lost, "drop"))["state"] == "dropped"
    await hand.advance(60)
    assert await hand.executions(job) == [(lost, HELD)]
    await hand.advance(40)
    other = {"a": "b", "b": "a"}[lost]
    assert await hand.executions(job) == [(lost, GONE), (other, HELD)]
    assert (await hand.shown(lost))["Connection"] == "DISCONNECTED"
    assert (await hand.done(lost, "rejoin"))["state"] == "alive"
    assert (await hand.shown(lost))["Connection"] == "CONNECTED"


async def test_before_18_a_dropped_nodes_job_waits_for_its_node(play):
    """An older release would move a job that it leaves where it is."""
    hand = await play(*nodes("a", "b"), emulate="1.7.0")
    job = await hand.submit(after="1h")
    ((lost, _),) = await hand.executions(job)
    await hand.done(lost, "drop")
    await hand.advance(300)
    assert await hand.executions(job) == [(lost, HELD)]


async def test_a_frozen_nodes_job_goes_on_after_the_thaw(play):
    """A short break of the network would cost the work of a job."""
    hand = await play(*nodes("a", "b"))
    job = await hand.submit(after="30s")
    ((where, _),) = await hand.executions(job)
    since = (await hand.shown(where))["ConnectionState"]["ConnectedSince"]
    assert (await hand.done(where, "freeze"))["state"] == "frozen"
    await hand.advance(50)
    assert (await hand.state(job), await hand.executions(job)) == ("Running", [(where, HELD)])
    assert (await hand.done(where, "thaw"))["state"] == "alive"
    assert await hand.state(job) == "Completed"
    assert (await hand.shown(where))["ConnectionState"]["ConnectedSince"] == since
    await hand.advance(120)
    assert (await hand.shown(where))["Connection"] == "CONNECTED"


async def test_a_node_frozen_for_too_long_is_lost_and_comes_back(play):
    """A node out of touch for minutes would keep its jobs, or never be heard of again."""
    hand = await play(*nodes("a", "b"))
    job = await hand.submit(after="1h")
    ((where, _),) = await hand.executions(job)
    await hand.done(where, "freeze")
    await hand.advance(100)
    assert (await hand.shown(where))["Connection"] == "DISCONNECTED"
    assert [state for _, state in await hand.executions(job)] == [GONE, HELD]
    await hand.done(where, "thaw")
    assert (await hand.shown(where))["Connection"] == "CONNECTED"
    assert (await hand.nodes())[where]["running"] == 0, "it heard that its execution is not wanted any more"


async def test_a_frozen_node_hears_orders_after_the_thaw(play):
    """A stopped job would run on for ever on a node that was out of touch for a moment."""
    hand = await play(*nodes("a"))
    job = await hand.submit(after="1h")
    await hand.done("a", "freeze")
    await hand._client.delete(f"{API}/jobs/{job}")
    assert (await hand.nodes())["a"]["running"] == 1
    await hand.done("a", "thaw")
    assert (await hand.nodes())["a"]["running"] == 0


async def test_each_step_of_a_slow_node_takes_longer(play):
    """A job on a slow node would end as soon as on any other."""
    hand = await play(*nodes("a"))
    assert (await hand.done("a", "slow", seconds=5))["behaviour"]["slow"] == 5.0
    job = await hand.submit(after="1s")
    await hand.advance(4.9)
    assert await hand.state(job) == "Pending"
    await hand.advance(0.2)
    assert await hand.state(job) == "Running"
    await hand.advance(5.7)
    assert await hand.state(job) == "Running"
    await hand.advance(0.3)
    assert await hand.state(job) == "Completed"
    await hand.done("a", "slow", seconds="0s")
    quick = await hand.submit("quick")
    assert await hand.state(quick) == "Completed"


async def test_a_job_that_is_stopped_while_a_slow_node_begins_gives_its_place_back(play):
    """A slow node would fill up with jobs that nobody wants any more."""
    hand = await play(*nodes("a", cpu=1.0))
    await hand.done("a", "slow", seconds=10)
    offered, begun = await hand.submit("offered"), await hand.submit("begun")
    await hand._client.delete(f"{API}/jobs/{offered}")
    await hand.advance(15)
    assert (await hand.nodes())["a"]["running"] == 1
    await hand._client.delete(f"{API}/jobs/{begun}")
    node = (await hand.nodes())["a"]
    assert (node["running"], node["free"]["cpu"]) == (0, 1.0)
    await hand.advance(60)
    assert {await hand.state(offered), await hand.state(begun)} == {"Stopped"}


async def test_a_slow_node_uses_up_the_time_of_a_run(play):
    """A limit would count only from when a slow node has begun."""
    hand = await play(*nodes("a"))
    await hand.done("a", "slow", seconds=30)
    late = await hand.submit("late", timeouts={"ExecutionTimeout": 20})
    tight = await hand.submit("tight", after="15s", timeouts={"ExecutionTimeout": 40})
    await hand.advance(51)
    assert "Execution timed out after 20s" in await hand.story(late)
    await hand.advance(30)
    assert "Execution timed out after 40s" in await hand.story(tight)


async def test_a_rejecting_nodes_bid_is_refused_and_another_is_asked(play):
    """A node that says no would end the job, or its words would not be shown."""
    no = NodeShape("no", labels={"best": "yes"}, behaviour=Behaviour(rejecting="no room for strangers"))
    hand = await play(no, NodeShape("yes"))
    job = await hand.submit(constraints=[("favour_best", "yes")])
    assert await hand.state(job) == "Completed"
    assert await hand.executions(job) == [("no", REJECTED), ("yes", 9)]
    assert "no room for strangers" in await hand.story(job)


async def test_the_seed_decides_what_a_lossy_node_loses(play):
    """A lossy node would lose all or nothing, or something else in every run."""

    async def ended(seed):
        hand = await play(NodeShape("a", cpu=100.0, behaviour=Behaviour(lossy=0.5)), seed=seed)
        jobs = [await hand.submit(f"job{number}", after="1s") for number in range(20)]
        await hand.advance(3600)
        states = [await hand.state(job) for job in jobs]
        assert set(states) <= {"Completed", "Running"}
        assert (await hand.nodes())["a"]["running"] == 0
        return [state == "Completed" for state in states]

    first, again, other = await ended(1), await ended(1), await ended(2)
    assert 3 < sum(first) < 17
    assert first == again
    assert first != other


async def test_a_lost_execution_ends_when_the_orchestrator_gives_up(play):
    """A job of a lossy node would have no end although it has a limit."""
    hand = await play(NodeShape("a", behaviour=Behaviour(lossy=1.0)))
    job = await hand.submit(timeouts={"ExecutionTimeout": 60})
    await hand.advance(150)
    assert await hand.state(job) == "Running"
    await hand.advance(90)
    assert await hand.state(job) == "Failed"


async def test_other_capacity_counts_at_once(play):
    """A node that grew would not get the jobs that now fit, or one that shrank would go on taking them."""
    hand = await play(*nodes("a", cpu=2.0))
    running = await hand.submit("running", after="1h", resources={"CPU": "2"})
    big = await hand.submit("big", resources={"CPU": "4"}, timeouts={"QueueTimeout": 3600})
    assert await hand.state(big) == "Queued"
    node = await hand.done("a", "capacity", cpu=8, gpu=2)
    assert (node["capacity"]["cpu"], node["free"]["cpu"], node["capacity"]["gpu"]) == (8.0, 6.0, 2)
    compute = (await hand.shown("a"))["Info"]["ComputeNodeInfo"]
    assert (compute["MaxCapacity"]["CPU"], compute["AvailableCapacity"]["CPU"]) == (8, 6)
    assert compute["MaxCapacity"]["GPU"] == 2
    await hand.advance(61)
    assert await hand.state(big) == "Completed"
    node = await hand.done("a", "capacity", capacity={"cpu": "500m"})
    assert (node["capacity"]["cpu"], node["free"]["cpu"]) == (0.5, 0.0)
    assert await hand.state(running) == "Running"
    answer = await hand.submit("no more", resources={"CPU": "1"})
    assert await hand.state(answer) == "Failed"


async def test_those_who_wait_on_a_node_run_when_it_grows(play):
    """A job in a node's queue would wait for others although there is room now."""
    hand = await play(*nodes("a", cpu=1.0))
    await hand.submit("first", after="1h")
    second = await hand.submit("second")
    assert (await hand.nodes())["a"]["enqueued"] == 1
    await hand.done("a", "capacity", cpu=2)
    assert await hand.state(second) == "Completed"


async def test_other_labels_count_at_once(play):
    """A job would be placed by labels that a node no longer has."""
    hand = await play(*nodes("a", labels={"zone": "x", "old": "1"}))
    node = await hand.done("a", "labels", labels={"zone": "eu", "old": None})
    assert (node["labels"]["zone"], "old" in node["labels"], node["labels"]["name"]) == ("eu", False, "a")
    assert (await hand.shown("a"))["Info"]["Labels"]["zone"] == "eu"
    assert await hand.state(await hand.submit("in", constraints=[("zone", "eu")])) == "Completed"
    assert await hand.state(await hand.submit("out", constraints=[("zone", "x")])) == "Failed"
    assert (await hand.done("a", "labels", tier="gold"))["labels"]["tier"] == "gold"


async def test_a_silent_node_says_what_changed_when_it_is_back(play):
    """A change to a node that is away would be lost, or known though nobody could have said it."""
    hand = await play(*nodes("a", "b", cpu=1.0))
    await hand.done("a", "drop")
    await hand.done("a", "capacity", cpu=4)
    await hand.done("b", "freeze")
    await hand.done("b", "labels", zone="eu")
    assert (await hand.shown("a"))["Info"]["ComputeNodeInfo"]["MaxCapacity"]["CPU"] == 1
    assert "zone" not in (await hand.shown("b"))["Info"]["Labels"]
    await hand.done("a", "rejoin")
    await hand.done("b", "thaw")
    assert (await hand.shown("a"))["Info"]["ComputeNodeInfo"]["MaxCapacity"]["CPU"] == 4
    assert (await hand.shown("b"))["Info"]["Labels"]["zone"] == "eu"


async def test_a_daemon_comes_to_a_node_that_fits_now(play):
    """A node that got the label a daemon wants would never run it; a real one is looked at when it comes."""
    hand = await play(*nodes("a", "b"))
    job = await hand.submit(kind="daemon", count=0, after="1h", constraints=[("role", "edge")])
    assert await hand.executions(job) == []
    await hand.done("b", "labels", role="edge")
    await hand.advance(16)
    assert [where for where, _ in await hand.executions(job)] == ["b"]


async def test_a_node_that_is_added_takes_work(play):
    """More room would not help a job that waits for it."""
    hand = await play(*nodes("a", cpu=1.0))
    answer = (await hand.add(name="big", cpu=32, memory="256GB", labels={"zone": "eu"}, behaviour={"slow": "1s"})).json()
    assert (answer["id"], [node["id"] for node in answer["nodes"]]) == ("big", ["big"])
    added = (await hand.nodes())["big"]
    assert (added["capacity"]["memory"], added["behaviour"]["slow"]) == (256 * 10**9, 1.0)
    job = await hand.submit(resources={"CPU": "16"})
    await hand.advance(2.1)
    assert await hand.executions(job) == [("big", 9)]
    assert (await hand.add(name="big")).status_code == 409
    several = (await hand.add(count=2)).json()["nodes"]
    assert len({node["id"] for node in several}) == 2


async def test_names_and_beginnings_lead_to_a_node_if_only_to_one(play):
    """The wrong node would be dropped."""
    hand = await play(NodeShape("edge-10"), NodeShape("edge-1"), NodeShape("x", labels={"name": "berlin"}))
    assert (await hand.done("edge-1", "freeze"))["id"] == "edge-1"
    assert (await hand.done("edge-10", "freeze"))["id"] == "edge-10"
    assert (await hand.done("berlin", "freeze"))["id"] == "x"
    several, none = await hand.do("edge", "drop"), await hand.do("nowhere", "drop")
    assert (several.status_code, "2 nodes: edge-10, edge-1;" in several.json()["error"]) == (409, True)
    assert (none.status_code, "there are edge-10, edge-1, x" in none.json()["error"]) == (404, True)
    assert {node["state"] for node in (await hand.nodes()).values()} == {"frozen"}


@pytest.mark.parametrize(
    ("before", "what", "words"),
    [
        ("", "rejoin", "is not silent"),
        ("", "thaw", "is not frozen"),
        ("drop", "drop", "silent already"),
        ("drop", "freeze", "silent already"),
        ("drop", "thaw", "is not frozen"),
        ("freeze", "freeze", "frozen already"),
        ("freeze", "rejoin", "thaw it"),
    ],
)
async def test_what_a_node_is_not_in_a_state_for_is_a_409(play, before, what, words):
    """A test would go on although what it ordered was not done."""
    hand = await play(*nodes("a"))
    if before:
        await hand.done("a", before)
    answer = await hand.do("a", what)
    assert (answer.status_code, words in answer.json()["error"]) == (409, True), answer.json()


async def test_a_frozen_node_may_still_lose_power(play):
    """The programs of a node that is out of touch could not be ended."""
    hand = await play(*nodes("a"))
    await hand.submit(after="1h")
    await hand.done("a", "freeze")
    node = await hand.done("a", "drop")
    assert (node["state"], node["running"]) == ("dropped", 0)
    assert (await hand.done("a", "rejoin"))["state"] == "alive"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "do: give one of drop, rejoin, freeze"),
        ({"do": "explode"}, "explode is not known"),
        ({"do": ["drop"]}, "give one of"),
        ({"do": "drop", "why": 1}, "why: unknown key"),
        ({"do": "slow"}, "seconds: missing; give seconds"),
        ({"do": "slow", "seconds": -1}, "-1 is no duration; give seconds"),
        ({"do": "slow", "seconds": "soon"}, "soon is no duration"),
        ({"do": "slow", "second": 1}, "known is seconds"),
        ({"do": "capacity"}, "some of cpu, memory, disk, gpu"),
        ({"do": "capacity", "cpu": "lots"}, "cpu: lots is no number of cores"),
        ({"do": "capacity", "ram": "1GB"}, "ram: unknown key; known are cpu, memory, disk and gpu"),
        ({"do": "labels"}, "null takes one away"),
        ({"do": "labels", "zone": 1}, "zone: 1 is no text"),
        ([], "has to be a JSON object"),
    ],
)
async def test_a_body_that_is_not_understood_changes_nothing(play, body, words):
    """A typing error in a test would be taken for an order, or pass unseen."""
    hand = await play(*nodes("a"))
    before = await hand.nodes()
    answer = await hand._client.post("/stub/nodes/a", content=json.dumps(body))
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.json()
    assert await hand.nodes() == before


async def test_a_node_that_is_described_wrongly_is_not_added(play):
    """Half a node would join."""
    hand = await play(*nodes("a"))
    answer = await hand.add(name="b", behaviour={"lossy": 2})
    assert (answer.status_code, "behaviour.lossy: 2 is no share" in answer.json()["error"]) == (400, True)
    assert list(await hand.nodes()) == ["a"]
