"""The rules for 5xx: all that were recorded are allowed, and nothing else is."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from fuzzer.connection import Answer
from fuzzer.facts import Facts
from fuzzer.oracle import RULES, allowed
from fuzzer.sent import Sent

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NEEDS_USERS = "41-users.json"
JOBS = "/api/v1/orchestrator/jobs"


def recorded():
    """(release, request, answer) of every recorded 5xx."""
    for path in sorted(GOLDEN.glob("[0-9]*/[0-9]*.json")):
        content = json.loads(path.read_text())
        if path.name == NEEDS_USERS or "steps" not in content:
            continue
        for step in content["steps"]:
            if step.get("status", 0) >= 500 and "path" in step["request"]:
                yield path.parent.name, sent_as(step["request"]), answer_of(step)


def sent_as(request):
    """A recorded request."""
    body = json.dumps(request["body"]).encode() if "body" in request else b""
    body = request["raw"].encode() if "raw" in request else body
    body = base64.b64decode(request["raw_base64"]) if "raw_base64" in request else body
    query = urlencode([tuple(pair) for pair in request.get("query") or []])
    headers = {"Content-Type": "application/json"} if body else {}
    headers |= {name: value for name, value in (request.get("headers") or {}).items() if value is not None}
    return Sent(
        request["method"],
        (request["path"] + ("?" + query if query else "")).encode(),
        tuple(headers.items()),
        body,
        chunked=bool(request.get("chunked")),
    )


def answer_of(step):
    """A recorded answer; of its headers only the names count here."""
    headers = tuple((name.lower(), value) for name, value in step["normal"]["headers"].items())
    return Answer(step["status"], headers, step["body"].encode(), 0.0, closed=False)


RECORDED = list(recorded())


def test_every_recorded_failure_is_allowed():
    """The fuzzer would call an answer a fault that real servers gave."""
    refused = [(release, sent.method, sent.target, answer.body) for release, sent, answer in RECORDED if not allowed(Facts(sent, release, strict=True), answer)]
    assert len(RECORDED) > 100
    assert refused == []


def test_recorded_failures_speak_for_most_rules():
    """A rule that nothing recorded speaks for could be made up; these stand in the findings or the fact sheet alone."""
    seen = {allowed(Facts(sent, release, strict=True), answer) for release, sent, answer in RECORDED}
    assert {rule.name for rule in RULES} - seen == {"proof that is no JSON", "who shows no key, in 1.7.0"}


@pytest.mark.parametrize("change", ["status", "code", "message", "route", "headers", "text"])
def test_no_failure_is_allowed_that_only_resembles_a_recorded_one(change):
    """A failure of the stub's own would hide behind a rule for something else."""
    wrong = []
    for release, sent, answer in RECORDED:
        facts, changed = altered(change, release, sent, answer)
        if allowed(facts, changed):
            wrong.append((release, sent.method, sent.target))
    assert wrong == []


def altered(change, release, sent, answer):
    """The request or its answer, changed in one respect."""
    error = json.loads(answer.body)
    if change == "route":
        method, target = ("GET", b"/api/v1/agent/alive") if not sent.chunked else (sent.method, sent.target)
        sent = dataclasses.replace(sent, method=method, target=target, chunked=False)
    elif change == "status":
        answer = dataclasses.replace(answer, status=503)
    elif change == "text":
        answer = dataclasses.replace(answer, body=b"Internal Server Error")
    elif change == "headers":
        own = ("x-bacalhau-git-version", "v1")
        has = answer.header(own[0]) is not None
        headers = tuple(each for each in answer.headers if each[0] != own[0]) if has else (*answer.headers, own)
        answer = dataclasses.replace(answer, headers=headers)
    else:
        error |= {"Code": "Other"} if change == "code" else {"Message": "runtime error: " + error["Message"]}
        answer = dataclasses.replace(answer, body=json.dumps(error).encode())
    return Facts(sent, release, strict=True), answer


PANIC = Answer(500, (), b'{"Status":500,"Message":"Internal server error","RequestID":"","Code":"InternalError","Component":"Unknown"}\n', 0, False)
MASKED = dataclasses.replace(PANIC, headers=(("x-bacalhau-git-version", "v1.9.3"),))


@pytest.mark.parametrize(
    ("method", "target", "body", "answer", "rule"),
    [
        ("PUT", JOBS, b'{"Job":{"tasks":[null]}}', PANIC, "null part of a job"),
        ("PUT", JOBS, b'{"Job":{"Tasks":[{}]}}', PANIC, ""),
        ("PUT", JOBS, b'{"Job":{"Tasks":[null]}}', MASKED, ""),
        ("PUT", JOBS, b'{"Job":{"Labels":{"":"x"}}}', MASKED, "label without key"),
        ("PUT", JOBS, b'{"Job":{"Labels":{"a":""}}}', MASKED, ""),  # only a strict stub shows that fault
        ("GET", f"{JOBS}?ORDER_BY=nope", b"", MASKED, "unknown order of jobs"),
        ("GET", f"{JOBS}?order_by=nope;x", b"", MASKED, ""),
        ("GET", f"{JOBS}?order_by=modified_at", b"", MASKED, ""),
        ("GET", f"{JOBS}?next_token=bm9wZTpOOjE6MA", b"", MASKED, "unknown order of jobs"),
        ("PUT", f"{JOBS}/diff", b'{"job":null}', PANIC, "diff without job"),
        ("PUT", f"{JOBS}/diff", b'{"job":{}}', PANIC, ""),
        ("GET", f"{JOBS}/x/executions?order_by=nope", b"", MASKED, ""),
        ("GET", f"{JOBS}/x", b"", MASKED, ""),
    ],
)
def test_a_masked_failure_needs_its_cause_in_the_request(method, target, body, answer, rule):
    """Any traceback of the stub looks like a panic of a real server: only the request tells them apart."""
    sent = Sent(method, target.encode(), (("Content-Type", "application/json"),), body)
    assert allowed(Facts(sent, "1.9.3"), answer) == rule
