"""Which requests a fault is for, and which of them it is carried out on."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.fault import CloseFrame, DropReply, Facts, Fault, Match, Stale

PUT = Facts("PUT", "/api/v1/orchestrator/jobs", [(b"x-team", b"data"), (b"x-team", b"ml-two"), (b"accept", b"*/*")])
GET = Facts("GET", "/api/v1/orchestrator/jobs/j-1", [])
SOCKET = Facts("GET", "/api/v1/orchestrator/jobs/j-1/logs", [], is_socket=True)


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (Match(), True),
        (Match(method="PUT"), True),
        (Match(method="GET"), False),
        (Match(method="P*"), True),
        (Match(path="*/jobs"), True),
        (Match(path="*/jobs/*"), False),
        (Match(path="/api/v?/orchestrator/*"), True),
        (Match(path="/API/*"), False),
        (Match(header={"x-team": "ml-*"}), True),
        (Match(header={"x-team": "ops"}), False),
        (Match(header={"x-other": "*"}), False),
        (Match(header={"x-team": "data", "accept": "**"}), True),
        (Match(method="PUT", path="*/nodes"), False),
    ],
)
def test_a_request_fits_when_all_that_is_given_holds(match, fits):
    """A fault would hit requests that it was not meant for, or none."""
    assert match.fits(PUT) is fits


@pytest.mark.parametrize(
    ("nth", "times", "due"),
    [(1, 1, [1]), (1, 0, [1, 2, 3, 4, 5, 6]), (3, 1, [3]), (2, 3, [2, 3, 4]), (4, 0, [4, 5, 6])],
)
def test_nth_and_times_count_matching_requests(nth, times, due):
    """`the second submit is lost` would lose another one."""
    match = Match(nth=nth, times=times)
    assert [number for number in range(1, 7) if match.is_due(number)] == due
    spent = [number for number in range(1, 7) if match.is_spent(number)]
    assert spent == (list(range(due[-1], 7)) if times else [])


def test_only_reads_are_stale_and_only_log_sockets_are_closed_by_a_frame():
    """A fault would count requests that it can do nothing to."""
    assert [Fault(Stale(1)).fits(each) for each in (PUT, GET, SOCKET)] == [False, True, False]
    assert [Fault(CloseFrame()).fits(each) for each in (PUT, GET, SOCKET)] == [False, False, True]
    assert [Fault(DropReply()).fits(each) for each in (PUT, GET, SOCKET)] == [True, True, True]
