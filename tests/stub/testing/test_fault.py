"""Faults: set, met, counted, taken away."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error

import pytest

from orchestrator_stub.testing.exchange import StubError

ALIVE = "/api/v1/agent/alive"


def test_a_fault_is_met_as_often_as_it_was_said(bacalhau_stub, look):
    """A client that retries could not be tried with exactly two failures."""
    fault = bacalhau_stub.fault("GET", "*/agent/*", "status", status=503, body="away", times=2, nth=2)
    answers = []
    for _ in range(4):
        try:
            answers.append(look(ALIVE)["Status"])
        except urllib.error.HTTPError as error:
            answers.append(error.code)
    assert (answers, fault.hits) == (["OK", 503, 503, "OK"], 2)
    assert [entry.fault for entry in bacalhau_stub.journal()] == ["", "f-1 status", "f-1 status", ""]


def test_only_requests_with_a_header_are_hit(bacalhau_stub, look):
    """One client among several could not be picked."""
    fault = bacalhau_stub.fault("*", "*", "reset", header={"user-agent": "airflow*"}, times=0, optional=True)
    assert look(ALIVE) == {"Status": "OK"}
    assert fault.hits == 0


def test_a_fault_ends_with_its_block_and_its_hits_stay(bacalhau_stub, look):
    """A fault of one part of a test would go on in the next."""
    with bacalhau_stub.fault("GET", ALIVE, "drop_request", times=0) as fault, pytest.raises(
        (http.client.HTTPException, OSError)
    ):
        look(ALIVE)
    assert look(ALIVE) == {"Status": "OK"}
    assert fault.hits == 1
    fault.remove()
    assert fault.hits == 1


def test_what_is_held_goes_on_when_the_fault_is_taken_away(bacalhau_stub, look):
    """A test would have to wait for the whole delay."""
    fault = bacalhau_stub.fault("GET", ALIVE, "delay", seconds="1h")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(look(ALIVE)))
    asking.start()
    while not fault.hits:
        time.sleep(0.01)
    fault.remove()
    asking.join(5)
    assert answers == [{"Status": "OK"}]


@pytest.mark.parametrize(
    ("kind", "words"),
    [({"kind": "delay"}, "seconds"), ({"kind": "truncate", "bytes": -1}, "bytes"), ({"kind": "explode"}, "explode")],
)
def test_what_is_not_understood_is_refused_at_once(bacalhau_stub, kind, words):
    """A fault with a typo would never be met."""
    with pytest.raises(StubError, match=words):
        bacalhau_stub.fault("GET", ALIVE, **kind)
    assert bacalhau_stub.unused() == []


def test_a_fault_reads_as_it_was_written(bacalhau_stub):
    """A report would not say which fault it is about."""
    fault = bacalhau_stub.fault("PUT", "*/jobs", "truncate", bytes=10, times=3, optional=True)
    assert repr(fault) == "fault('PUT', '*/jobs', 'truncate', nth=1, times=3, bytes=10)"
