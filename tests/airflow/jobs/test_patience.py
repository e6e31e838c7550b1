"""Patience with a server that gives no usable answer: measured in time, and as long as the server wishes."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import AuthError, ServerFault, Unreachable
from airflow_provider_bacalhau.jobs.patience import Patience


class World:
    """A clock that moves by sleeping alone, and what was noted."""

    def __init__(self):
        self.now, self.pauses, self.notes = 0.0, [], []

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, seconds, draw=lambda: 1.0):
        return Patience(seconds, note=self.notes.append, clock=lambda: self.now, sleep=self.sleep, draw=draw)


@pytest.fixture
def world():
    return World()


def answers(*these):
    """A question that is answered so, one after the other; errors are raised."""
    left = list(these)

    def ask():
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_a_blip_is_waited_out(world):
    """A restart of the server would fail a task whose job runs well."""
    assert world.patience(60).ask(answers(Unreachable("away"), ServerFault("502"), "here")) == "here"
    assert world.pauses == [0.5, 1.0]
    assert [note.split(":")[0] for note in world.notes] == [
        "No usable answer from Bacalhau, asking again for up to 60s",
        "Bacalhau answers again after 2s.",
    ]


def test_the_budget_is_one_of_time(world):
    """Six quick refusals are over within seconds, which no restart is."""
    with pytest.raises(Unreachable, match="away"):
        world.patience(60).ask(answers(*[Unreachable("away")] * 99))
    assert 60 <= world.now < 75


def test_a_usable_answer_makes_the_budget_whole_again(world):
    """A server with a hiccup an hour would fail a task on its second day."""
    patience = world.patience(10)
    for _ in range(5):
        assert patience.ask(answers(Unreachable("away"), Unreachable("away"), Unreachable("away"), "here")) == "here"


def test_what_is_meant_is_not_waited_out(world):
    """A wrong credential would be found out ten minutes later."""
    with pytest.raises(AuthError):
        world.patience(60).ask(answers(AuthError("no")))
    assert world.pauses == []


def test_the_servers_wish_is_obeyed_with_jitter(world):
    """A server that sheds load would be asked again by everybody at once, and too early."""
    world.patience(60, draw=lambda: 0.0).ask(answers(ServerFault("429", retry_after=7.0), "here"))
    world.patience(60, draw=lambda: 1.0).ask(answers(ServerFault("503", retry_after=7.0), "here"))
    assert world.pauses == [7.25, 7.5]


def test_an_absurd_wish_is_not(world):
    """A proxy's Retry-After of a day would hang the task."""
    world.patience(600).ask(answers(ServerFault("503", retry_after=86400.0), "here"))
    assert world.pauses[0] <= 61
