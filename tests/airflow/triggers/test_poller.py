"""The poller: thousands of waiters at the price of one, and none of them in another's way."""

from __future__ import annotations

import asyncio
import contextvars
from functools import partial

import pytest

from airflow_provider_bacalhau.client.protocol import Learnt
from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import ServerFault
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.triggers import poller as module
from airflow_provider_bacalhau.triggers.poller import Poller, joined

MARK = contextvars.ContextVar("mark", default="none")


class Server:
    """An async client whose jobs run for ever; counts what it was asked."""

    def __init__(self):
        self.looks, self.lists, self.opened, self.closed = [], 0, 0, 0
        self.states, self.contexts = {}, set()
        self.gate = None
        self.learnt = Learnt()

    def __call__(self):
        self.opened += 1
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.closed += 1

    def job(self, job_id):
        state, revision = self.states.get(job_id, ("Running", 1))
        return Job.read({"ID": job_id, "State": {"StateType": state}, "Revision": revision})

    async def describe_job(self, job_id, *, namespace):
        self.looks.append(job_id)
        self.contexts.add(MARK.get())
        if self.gate is not None:
            await self.gate.wait()
        if self.states.get(job_id) == "broken":
            raise ServerFault("no")
        return self.job(job_id), [], []

    def iter_jobs(self, **_):
        self.lists += 1
        return [self.job(job_id) for job_id in set(self.looks)]

    def close(self):
        """The list's own client."""


@pytest.fixture
def server(monkeypatch):
    """Every poller of a test talks to this one; questions are gathered without waiting."""
    one = Server()
    monkeypatch.setattr(Poller, "_new_client", lambda self: one())
    monkeypatch.setattr(Poller, "_new_lister", lambda self: one)
    monkeypatch.setattr(module, "GATHER", 0.0)
    return one


CONFIG = ClientConfig("http://127.0.0.1:1234")


async def test_waiters_of_one_server_share_one_client_and_it_ends_with_the_last(server):
    """A thousand deferred tasks would hold a thousand connections, or one for ever."""

    async def wait(job_id):
        async with joined(CONFIG, "etl") as poller:
            seen = await poller.look(job_id)
            return seen.job.id

    assert await asyncio.gather(*(wait(f"j-{n}") for n in range(50))) == [f"j-{n}" for n in range(50)]
    assert (server.opened, server.closed) == (1, 1)


async def test_two_who_ask_for_one_job_get_one_look(server):
    """Sensors on the same job would multiply the requests."""
    async with joined(CONFIG, "etl") as poller:
        await asyncio.gather(poller.look("j-1"), poller.look("j-1"))
    assert server.looks == ["j-1"]


async def test_another_server_or_namespace_is_another_loop(server):
    """A job would be looked for where it is not."""
    async with joined(CONFIG, "etl") as one, joined(CONFIG, "ml") as two:
        assert one is not two
        async with joined(ClientConfig("http://127.0.0.1:1234"), "etl") as three:
            assert three is one


async def test_a_cancelled_waiter_takes_nobody_with_it(server):
    """One task marked failed would end the wait of all others."""
    server.gate = asyncio.Event()
    async with joined(CONFIG, "etl") as poller:
        first = asyncio.ensure_future(poller.look("j-1"))
        second = asyncio.ensure_future(poller.look("j-1"))
        while not server.looks:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        server.gate.set()
        assert (await second).job.id == "j-1"


async def test_the_loop_runs_outside_of_any_task(server):
    """Its log lines would go to the log of whichever task came first."""
    MARK.set("task log of clean")
    async with joined(CONFIG, "etl") as poller:
        await poller.look("j-1")
    assert server.contexts == {"none"}


async def test_a_hanging_look_holds_up_no_other(server):
    """One slow answer would delay all waiters."""
    server.gate = asyncio.Event()
    async with joined(CONFIG, "etl") as poller:
        slow = asyncio.ensure_future(poller.look("j-1"))
        while not server.looks:
            await asyncio.sleep(0)
        server.gate, gate = None, server.gate
        assert (await poller.look("j-2")).job.id == "j-2"
        gate.set()
        await slow


async def test_an_error_is_an_answer(server):
    """A waiter would die of a blip."""
    server.states["j-1"] = "broken"
    async with joined(CONFIG, "etl") as poller:
        assert isinstance((await poller.look("j-1")).error, ServerFault)


async def test_what_has_not_moved_is_read_from_one_list(server, monkeypatch):
    """Two thousand waiting jobs would cost two thousand requests each round."""
    monkeypatch.setattr(module, "RATE", 1e6)
    ids = [f"j-{n}" for n in range(40)]
    async with joined(CONFIG, "etl") as poller:
        poller._look_cost = 10.0
        await asyncio.gather(*map(poller.look, ids))
        server.states["j-7"] = ("Completed", 2)
        looks = len(server.looks)
        seen = await asyncio.gather(*map(poller.look, ids))
    assert server.lists == 1
    assert server.looks[looks:] == ["j-7"]
    assert [one.job.state for one in seen].count("Completed") == 1


async def test_a_dear_list_is_not_used(server):
    """A list costs the server time for every job it ever stored."""
    async with joined(CONFIG, "etl") as poller:
        ids = [f"j-{n}" for n in range(20)]
        await asyncio.gather(*map(poller.look, ids))
        poller._list_cost = 60.0
        await asyncio.gather(*map(poller.look, ids))
    assert server.lists == 0


async def test_a_client_that_cannot_be_made_is_told_to_all(server, monkeypatch):
    """Waiters would hang for ever."""

    def broken(self):
        raise ValueError("certificate")

    monkeypatch.setattr(Poller, "_new_client", broken)
    async with joined(CONFIG, "etl") as poller:
        with pytest.raises(ValueError, match="certificate"):
            await poller.look("j-1")


async def test_a_server_that_asks_for_rest_gets_it_from_all(monkeypatch):
    """A thousand waiters would ask on, one after the other, while the server says 429."""
    server = Server()
    poller = Poller(ClientConfig("http://x"), None, make_client=server)
    monkeypatch.setattr(module, "LONGEST_REST", 0.3)
    server.describe_job, plain = partial(resting, server), server.describe_job
    await poller.look("j-0")
    server.describe_job = plain
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(poller.look(f"j-{number}") for number in (1, 2)))
    waited = asyncio.get_running_loop().time() - began
    await poller.aclose()
    assert waited >= 0.25


async def resting(server, job_id, *, namespace):
    """Too many requests."""
    raise ServerFault("slow down", retry_after=86_400.0)
