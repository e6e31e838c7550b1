"""Faults as the control surface is told of them: every kind, and a sentence for everything that is wrong."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.fault import (
    CloseFrame,
    Delay,
    DropReply,
    DropRequest,
    Fault,
    Garbage,
    Hang,
    Match,
    Reset,
    Stale,
    Status,
    Truncate,
)
from orchestrator_stub.domain.faultreading import parse_fault, plain_deed, plain_match
from orchestrator_stub.domain.plain import PlainError

TEXT = {"content-type": "text/plain; charset=utf-8"}
GIVEN = [
    ({"kind": "status", "status": 503}, Status(503)),
    ({"kind": "status", "status": 429, "body": "slow", "headers": {"Retry-After": "3"}},
     Status(429, "slow", {"Retry-After": "3", **TEXT})),
    ({"kind": "status", "status": 500, "body": {"a": 1}}, Status(500, '{"a": 1}', {"content-type": "application/json"})),
    ({"kind": "status", "status": 500, "body": "<p>", "headers": {"Content-Type": "text/html"}},
     Status(500, "<p>", {"Content-Type": "text/html"})),
    ({"kind": "drop_request"}, DropRequest()),
    ({"kind": "drop_reply"}, DropReply()),
    ({"kind": "delay", "seconds": 2}, Delay(2.0)),
    ({"kind": "delay", "seconds": "500ms"}, Delay(0.5)),
    ({"kind": "delay", "seconds": 1, "after": "effect"}, Delay(1.0, "effect")),
    ({"kind": "hang"}, Hang()),
    ({"kind": "reset"}, Reset()),
    ({"kind": "truncate", "bytes": 0}, Truncate(0)),
    ({"kind": "garbage", "bytes": 7}, Garbage(7)),
    ({"kind": "stale", "seconds": 0.5}, Stale(0.5)),
    ({"kind": "close_frame"}, CloseFrame(1011, 0)),
    ({"kind": "close_frame", "code": 4000, "after": 2}, CloseFrame(4000, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "deed"), GIVEN)
def test_every_kind_is_understood_and_shown_as_it_was_given(plain, deed):
    """A fault could not be set, or the list of faults would show another one."""
    fault = parse_fault({"do": plain})
    assert fault == Fault(deed, Match())
    assert parse_fault({"do": plain_deed(fault.do)}) == fault


def test_a_match_is_understood_and_shown_as_it_was_given():
    """Defaults would be others than those that are documented, or header names would be compared by their case."""
    plain = {"method": "put", "path": "*/jobs", "header": {"X-Team": "ml-*"}, "nth": 2, "times": 0}
    fault = parse_fault({"match": plain, "do": {"kind": "hang"}})
    assert fault.match == Match("PUT", "*/jobs", {"x-team": "ml-*"}, 2, 0)
    assert plain_match(fault.match) == {**plain, "method": "PUT", "header": {"x-team": "ml-*"}}
    assert parse_fault({"match": None, "do": {"kind": "hang"}}).match == Match()
    assert plain_match(Match()) == {"nth": 1, "times": 1}


KINDS = "status, drop_request, drop_reply, delay, hang, reset, truncate, garbage, stale and close_frame"
HANG = {"kind": "hang"}
WRONG = [
    ([], "a fault is a mapping with the keys match and do"),
    ({"mach": {}, "do": HANG}, "mach: unknown key; did you mean match? known are match and do"),
    ({}, f"do: missing; give {{kind: ...}}, kinds are {KINDS}"),
    ({"do": "hang"}, f"do.kind: missing; kinds are {KINDS}"),
    ({"do": {"kind": "slow"}}, f"do.kind: slow is no kind of fault; kinds are {KINDS}"),
    ({"do": {"kind": "delay"}}, "do.seconds: missing; delay needs it"),
    (
        {"do": {"kind": "delay", "seconds": 1, "after": 3}},
        "do.after: 3 is nothing that a delay comes after; give request or effect",
    ),
    ({"do": {"kind": "hang", "seconds": 1}}, "do.seconds: unknown key; known is kind"),
    ({"do": {"kind": "truncate", "byte": 1}}, "do.byte: unknown key; did you mean bytes? known are kind and bytes"),
    ({"do": {"kind": "truncate", "bytes": -1}}, "do.bytes: -1 is no whole number from 0 to 10000000"),
    ({"do": {"kind": "garbage", "bytes": True}}, "do.bytes: true is no whole number from 0 to 10000000"),
    ({"do": {"kind": "status", "status": 101}}, "do.status: 101 is no whole number from 200 to 599"),
    ({"do": {"kind": "status", "status": 500, "headers": {"a": "b\r\nc"}}},
     "do.headers.a: b\r\nc is no value of a header; give a text without line ends"),
    ({"do": {"kind": "status", "status": 500, "headers": {"a:": "b"}}}, "do.headers.a:: no name of a header"),
    ({"do": {"kind": "status", "status": 500, "headers": ["a"]}},
     "do.headers: give an object of header names and values"),
    ({"do": {"kind": "status", "status": 500, "headers": {"Content-Length": "1"}}},
     "do.headers.Content-Length: the stub sets it by itself; to cut an answer short use truncate"),
    ({"do": {"kind": "close_frame", "code": 1006}},
     "do.code: 1006 cannot stand in a Close frame; give 1000 to 1003, 1007 to 1014 or 3000 to 4999"),
    ({"match": [], "do": HANG}, "match: give a mapping with the keys method, path, header, nth and times"),
    ({"match": {"verb": "PUT"}, "do": HANG}, "match.verb: unknown key; known are method, path, header, nth and times"),
    ({"match": {"method": "PUT /jobs"}, "do": HANG},
     "match.method: PUT /jobs is no method; give one such as PUT, or leave it out for any"),
    ({"match": {"path": "jobs"}, "do": HANG}, "match.path: jobs is no path; it begins with / or *, such as */jobs"),
    ({"match": {"path": "/stub/info"}, "do": HANG},
     "match.path: faults never touch /stub/; give a path of the orchestrator, such as */jobs"),
    ({"match": {"header": {"x": 1}}, "do": HANG},
     "match.header.x: 1 is no value of a header; give a text without line ends"),
    ({"match": {"nth": 0}, "do": HANG}, "match.nth: 0 is no whole number from 1 to 1000000000"),
    ({"match": {"times": 1.5}, "do": HANG}, "match.times: 1.5 is no whole number from 0 to 1000000000"),
    ({"match": {"method": "PUT"}, "do": {"kind": "stale", "seconds": 1}},
     "match.method: PUT can never be hit, a stale answer is for reads; give GET or leave it out"),
    ({"match": {"method": "PUT"}, "do": {"kind": "close_frame"}},
     "match.method: PUT can never be hit, log sockets are opened by GET; give GET or leave it out"),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "text"), WRONG)
def test_what_is_wrong_is_named_by_its_key_with_what_would_be_right(plain, text):
    """A typo would be a fault that never hits, or an error that nobody can act on."""
    with pytest.raises(PlainError) as refused:
        parse_fault(plain)
    assert str(refused.value) == text


@pytest.mark.parametrize("seconds", [-1, "1", "soon", float("nan"), float("inf"), 10**400, True, None, [1], 86_401])
def test_a_duration_is_a_number_of_seconds_or_a_text_with_units(seconds):
    """A request would be held for ever, or the stub would break."""
    with pytest.raises(PlainError, match=r"^do\.seconds: "):
        parse_fault({"do": {"kind": "delay", "seconds": seconds}})
