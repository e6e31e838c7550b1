"""The limit of requests per second and client (fact sheet 2.1, item 5)."""

from __future__ import annotations

import pytest

from orchestrator_stub.api import limiter as limiting
from orchestrator_stub.api.limiter import Bucket, Limiter, address_of, spend


def test_a_bucket_holds_one_second_and_fills_at_the_rate():
    """A burst would be refused, or a client would get more than a real server gives."""
    bucket, outcomes = None, []
    for _ in range(4):
        bucket, allowed = spend(bucket, 3, 100.0)
        outcomes.append(allowed)
    assert outcomes == [True, True, True, False]
    assert spend(bucket, 3, 100.3)[1] is False
    assert spend(bucket, 3, 100.34)[1] is True
    full, _ = spend(bucket, 3, 500.0)
    assert full == Bucket(2.0, 500.0), "never more than one second's worth"


def test_a_refused_request_costs_nothing():
    """A client that goes on asking would never be served again."""
    bucket = Bucket(0.0, 0.0)
    for tick in range(9):
        bucket, allowed = spend(bucket, 1, tick / 10)
        assert not allowed
    assert spend(bucket, 1, 1.0)[1]


def test_a_clock_that_goes_back_gives_nothing():
    """A step of the clock would refill, or empty, every bucket."""
    assert spend(Bucket(0.0, 100.0), 10, 50.0) == (Bucket(0.0, 50.0), False)


def test_clients_are_counted_apart():
    """One busy client would stop all others."""
    limiter = Limiter(1, lambda: 0.0)
    assert [limiter.allows(address) for address in ("a", "b", "a", "b")] == [True, True, False, False]


def test_a_silent_client_begins_anew():
    """The table of addresses would grow for as long as the stub runs."""
    now = [0.0]
    limiter = Limiter(5, lambda: now[0])
    for number in range(1000):
        limiter.allows(f"10.0.0.{number}")
    now[0] = limiting.FORGOTTEN_AFTER + 1
    limiter.allows("late")
    assert list(limiter._buckets) == ["late"]


def test_made_up_addresses_fill_no_memory(monkeypatch):
    """A header names any number of addresses, and each would stay for three minutes."""
    monkeypatch.setattr(limiting, "MOST", 10)
    limiter = Limiter(1, lambda: 0.0)
    limiter.allows("first")
    for number in range(100):
        limiter.allows(str(number))
        assert not limiter.allows("first"), "who goes on asking is not forgotten"
    assert len(limiter._buckets) == 10


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "127.0.0.1"),
        ({b"x-real-ip": b"10.0.0.1"}, "10.0.0.1"),
        ({b"x-real-ip": b"[::1]"}, "::1"),
        ({b"x-forwarded-for": b"10.0.0.2", b"x-real-ip": b"10.0.0.1"}, "10.0.0.2"),
        ({b"x-forwarded-for": b" [::2] , 10.0.0.3"}, "::2"),
        ({b"x-forwarded-for": b"[::2]"}, "[::2]"),
        ({b"x-forwarded-for": b",10.0.0.3"}, ",10.0.0.3"),
    ],
)
def test_a_client_is_who_a_proxy_says_it_is(headers, address):
    """Clients behind one proxy would share one limit, which they do not on a real server."""
    assert address_of(headers, "127.0.0.1") == address
