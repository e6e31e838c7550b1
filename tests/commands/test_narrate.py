"""The waiting person always sees that something goes on."""

from __future__ import annotations

import threading

import narrate
import pytest


@pytest.fixture
def narrator(monkeypatch):
    """A narrator that finds a hundredth of a second long."""
    monkeypatch.setattr(narrate, "SAY_EVERY", 0.01)
    monkeypatch.setattr(narrate, "LOOK_EVERY", 0.005)
    return narrate.Narrator()


def test_a_look_that_hangs_does_not_silence_the_command(narrator, monkeypatch):
    """An api-server that takes ten seconds for an answer would look like a dead command."""
    said = threading.Event()
    monkeypatch.setattr(narrator, "say", lambda text: said.set() if text == "waiting two of three" else None)
    assert narrator.wait("waiting", lambda: said.wait(10) or None, limit=10, status=lambda: "two of three")


def test_waiting_ends_with_the_answer(narrator):
    """A command would go on waiting for what is already there."""
    answers = iter([None, None, 0])
    assert narrator.wait("waiting", lambda: next(answers), limit=10) == 0


def test_waiting_too_long_fails_with_what_was_last_known(narrator):
    """A command would wait for ever, or end without a reason."""
    with pytest.raises(narrate.Failed, match=r"starting: not done within 0 s\. scheduler starting"):
        narrator.wait("starting", lambda: None, limit=0.0, status=lambda: "scheduler starting")
