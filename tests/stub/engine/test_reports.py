"""What is known of a value that is only told now and then."""

from __future__ import annotations

import random

from orchestrator_stub.engine.reports import Told


def test_a_change_is_known_from_the_next_word_on() -> None:
    """Broken: the orchestrator sees a node's load at once, or never (FINDINGS-docker 7)."""
    load = Told("free", since=100, every=30)
    load.change("busy", 110)
    assert [load.known(at) for at in (110, 129, 130, 200)] == ["free", "free", "busy", "busy"]


def test_what_came_and_went_between_two_words_is_never_known() -> None:
    """Broken: a short peak of load is reported although the node never spoke of it."""
    load = Told("free", since=0, every=30)
    load.change("busy", 31)
    load.change("full", 40)
    load.change("free", 59)
    assert {load.known(at) for at in range(31, 100)} == {"free"}


def test_a_word_is_remembered_while_the_value_changes_on() -> None:
    """Broken: the last word is forgotten with the next change."""
    load = Told("free", since=0, every=30)
    load.change("busy", 10)
    load.change("full", 31)
    assert [load.known(at) for at in (31, 59, 60)] == ["busy", "busy", "full"]


def test_without_an_interval_only_the_first_word_counts() -> None:
    """Broken: nodes of 1.6 and later show how many executions run."""
    counts = Told(0, since=0, every=0)
    counts.change(5, 10)
    assert counts.known(10**12) == 0
    counts.start_again(10**12, saying=True)
    assert counts.known(10**12) == 5


def test_starting_again_moves_the_times_of_the_words() -> None:
    """Broken: a node that came back speaks at its old times, or says at once what it does not say there (1.5.2)."""
    load = Told("free", since=0, every=30)
    load.change("busy", 10)
    load.start_again(20, saying=False)
    assert [load.known(at) for at in (20, 49, 50)] == ["free", "free", "busy"]
    load.change("full", 55)
    load.start_again(57, saying=True)
    assert load.known(57) == "full"


def test_it_is_the_value_at_the_last_word_whatever_happens() -> None:
    """Broken: some course of changes makes the orchestrator believe what no node ever said."""
    luck = random.Random(5)
    for _ in range(200):
        every = luck.choice([1, 7, 30])
        told = Told(0, since=0, every=every)
        truth = {0: 0}
        now = 0
        for value in range(1, 15):
            now += luck.randrange(1, 40)
            told.change(value, now)
            truth[now] = value
            later = now + luck.randrange(0, 40)
            if luck.random() < 0.5:
                last = later // every * every
                assert told.known(later) == truth[max(at for at in truth if at <= last)]


def test_when_the_next_word_says_something_new() -> None:
    """Broken: whoever waits for a node's words looks too late, or again and again."""
    load = Told("free", since=0, every=30)
    assert load.news_at(5) == 0
    load.change("busy", 10)
    assert [load.news_at(at) for at in (10, 29, 30, 31)] == [30, 30, 0, 0]
    load.change("free", 31)
    assert load.news_at(32) == 60
    counts = Told(0, since=0, every=0)
    counts.change(1, 10)
    assert counts.news_at(20) == 0


def test_a_word_out_of_turn_is_known_at_once_and_stays_known() -> None:
    """Broken: what a node said when it changed is forgotten until its next word."""
    load = Told("free", since=0, every=30)
    load.change("busy", 31)
    load.tell()
    assert [load.known(at) for at in (32, 59, 60, 61)] == ["busy"] * 4
    load.change("full", 40)
    assert [load.known(at) for at in (41, 59, 60)] == ["busy", "busy", "full"]
