"""What has to be true of every answer, whatever was asked."""

from __future__ import annotations

import json
import re
from typing import Any

from .connection import Answer
from .facts import Facts
from .shapes import (
    DOCS_EXECUTION,
    DOCS_HISTORY,
    DOCS_NODE,
    ERROR,
    EXECUTION,
    HISTORY,
    JOB,
    NODE,
    RERUN,
    SUBMITTED,
    job_problems,
    list_problems,
    misplaced,
)

JOBS = "/api/v1/orchestrator/jobs"
NODES = "/api/v1/orchestrator/nodes"
OWN_HEADERS = tuple(f"x-bacalhau-{name}" for name in ("git-version", "git-commit", "build-date", "build-os", "arch"))
STATUSES = {200, 204, 301, 400, 401, 403, 404, 409, 410, 413, 500}
REDIRECTED = ("/", "/version", "/livez")
SINCE_170 = ("1.7.0", "1.8.0", "1.9.3")
_EARLY = (204, 401, 403, 413, 500)
"""Statuses of layers before the one that says what serves (fact sheet 2.1)."""
TEXT_ROUTES = ("/", "/id", "/api/v1/id", "/livez", "/api/v1/livez")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_GO_BLANKS = re.compile(rb"[ \n\t\r]")


def problems(facts: Facts, answer: Answer) -> list[str]:
    """All that is wrong with an answer to a request that was neither cut nor sent to the control surface."""
    if answer.status not in STATUSES and not _is_wrong_method(facts, answer):
        return [f"status {answer.status}"]
    if is_refused_at_the_door(facts, answer):
        return [] if answer.header("content-type") == "application/json" else ["a refusal that is no JSON"]
    if answer.body == b"400 Bad Request" or (facts.sent.method == "HEAD" and facts.has_broken_path):
        return [] if facts.has_broken_path and answer.closed else ["refused like a request that is no HTTP"]
    found = _header_problems(facts, answer)
    if (facts.sent.method == "OPTIONS") is not (answer.status == 204):
        return [*found, f"{facts.sent.method} answers {answer.status}"]
    if answer.status == 204:
        return [*found, *(["204 with a body"] if answer.body else [])]
    if facts.sent.method == "HEAD":
        return [*found, *(["HEAD found something"] if answer.status < 400 else [])]
    kind = answer.header("content-type") or ""
    if answer.status == 301:
        return [*found, *([] if answer.header("location") else ["a redirect to nowhere"])]
    if kind.startswith("text/plain") and _is_text(facts, answer):
        return found
    if not answer.body:
        return [*found, "no body"]
    found += _json_problems(facts, answer)
    try:
        body = json.loads(answer.body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as wrong:
        return [*found, f"no JSON: {wrong}"]
    return found + (_error_problems(facts, answer, body) if answer.status >= 400 else _body_problems(facts, body))


def is_refused_at_the_door(facts: Facts, answer: Answer) -> bool:
    """The stub's own 403: a foreign page."""
    origin = facts.sent.header("origin")
    return answer.status == 403 and origin is not None and answer.header("x-request-id") is None


def _is_wrong_method(facts: Facts, answer: Answer) -> bool:
    """A method that a route outside of every group does not know (fact sheet 1.1: inside of groups it is a 404)."""
    return answer.status == 405 and facts.path in REDIRECTED and facts.release in SINCE_170


def is_known_failure(request: bytes, answer: Answer, key: str) -> bool:
    """A 5xx to what is hardly HTTP: words that the server does not know, bodies in pieces (fact sheet 2.5), and in
    1.7.0 no `key` where one has to be shown (FINDINGS 1 row 8.3)."""
    in_pieces = b"chunked" in request and b"Internal server error" not in answer.body
    no_key = key != "" and b"authorization" in answer.body
    return answer.status in (501, 505) or (answer.status == 500 and (in_pieces or no_key))


def control_problems(answer: Answer) -> list[str]:
    """What is wrong with an answer of the control surface: it may refuse, it never fails."""
    return [] if answer.status in (200, 307, 400, 403, 404, 405) else [f"status {answer.status} below /stub/"]


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _header_problems(facts: Facts, answer: Answer) -> list[str]:
    found = []
    names = [name for name, _ in answer.headers]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        found.append(f"headers sent twice: {sorted(twice)}")
    own = sum(name in names for name in OWN_HEADERS)
    if own not in (0, len(OWN_HEADERS)) or (own == 0 and answer.status not in _EARLY):
        found.append(f"{own} of {len(OWN_HEADERS)} X-Bacalhau headers")
    if answer.status != 204:
        asked, given = facts.sent.header("x-request-id"), answer.header("x-request-id")
        if not given or (asked and given != asked.strip().encode().decode("latin-1")):
            found.append(f"X-Request-Id {given!r} for {asked!r}")
    if "origin" not in (answer.header("vary") or "").lower():
        found.append("no Vary: Origin")
    return found


def _is_text(facts: Facts, answer: Answer) -> bool:
    """Answers that are text: routes of the first API, and the socket's address asked plainly."""
    if facts.path.endswith("/logs") and facts.path.startswith(JOBS):
        return (answer.status, answer.body) in ((200, b""), (400, b"Bad Request\n"))
    return facts.path in TEXT_ROUTES and answer.body in (b"OK",) or not answer.body.startswith(b"{")


def _json_problems(facts: Facts, answer: Answer) -> list[str]:
    """Spelling: newline at the end, indentation only where asked for, nothing that a page could take for its own."""
    found = []
    body = answer.body
    if not body.endswith(b"\n") or body.endswith(b"\n\n"):
        found.append("not exactly one newline at the end")
    bare = _STRING.sub(b'""', body[:-1])
    pretty = facts.release == "docs" or "pretty" in facts.query
    if pretty is not bool(_GO_BLANKS.search(bare)) and bare not in (b'""', b"{}"):
        found.append("indented" if not pretty else "not indented")
    for letter in b"<>&":
        if letter in body and not facts.path.endswith("/results"):
            found.append(f"{chr(letter)} is not escaped")
    for name in (b"\xe2\x80\xa8", b"\xe2\x80\xa9"):
        if name in body:
            found.append("a line separator is not escaped")
    return found


def _error_problems(facts: Facts, answer: Answer, body: Any) -> list[str]:
    if answer.status == 410:
        return [] if isinstance(body, str) else ["410 without its sentence"]
    if isinstance(body, dict) and list(body)[:1] == ["Error"]:
        return [] if facts.sent.header("x-bacalhau-git-version") and answer.status in (400, 403) else ["a version error"]
    if isinstance(body, dict) and list(body) == ["Authentication"]:
        return [] if answer.status == 401 else [f"refused login with {answer.status}"]
    wrong = misplaced(body, ERROR)
    if wrong:
        return [f"error: {wrong}"]
    found = []
    if body["Status"] != answer.status:
        found.append(f"Status {body['Status']} in an answer with {answer.status}")
    asked = facts.sent.header("x-request-id") or ""
    if body["RequestID"] != asked.strip() and body["RequestID"] != asked.strip().encode().decode("latin-1"):
        found.append(f"RequestID {body['RequestID']!r} for {asked!r}")
    if not body["Message"]:
        found.append("an error without a message")
    return found


def _body_problems(facts: Facts, body: Any) -> list[str]:
    """Keys of what was found, by route."""
    method, path = facts.sent.method, facts.path
    docs = facts.release == "docs"
    if path == JOBS:
        if method != "GET":
            return _named("submit", misplaced(body, SUBMITTED))
        return list_problems(body, "Jobs", JOB, token_last=True) if docs else list_problems(body, "Items", JOB)
    if path == NODES:
        return list_problems(body, "Nodes", DOCS_NODE if docs else NODE)
    if path.startswith(f"{NODES}/"):
        if method == "PUT":
            return _named("node update", misplaced(body, ["Success", "Error"]))
        return _named("node", misplaced(body, ["Node"]))
    if not path.startswith(f"{JOBS}/"):
        return [] if isinstance(body, dict) else ["no object"]
    tail = path.removeprefix(f"{JOBS}/").rpartition("/")[2] if "/" in path.removeprefix(f"{JOBS}/") else ""
    if tail == "executions":
        return list_problems(body, "Executions", DOCS_EXECUTION) if docs else list_problems(body, "Items", EXECUTION)
    if tail == "history":
        return list_problems(body, "History", DOCS_HISTORY) if docs else list_problems(body, "Items", HISTORY)
    if tail == "results":
        return list_problems(body, "Results" if docs else "Items", ["Type", "Params"])
    if tail == "versions":
        return list_problems(body, "Items", JOB)
    if tail == "rerun":
        return _named("rerun", misplaced(body, RERUN))
    if method == "PUT":
        return _named("diff", misplaced(body, ["Diff", "Warnings"]))
    if method == "DELETE":
        return _named("stop", misplaced(body, ["EvaluationID"]))
    return _described(body)


def _described(body: Any) -> list[str]:
    extra = [key for key in ("History", "Executions") if isinstance(body, dict) and key in body]
    wrong = misplaced(body, ["Job", *extra], frozenset({"Job"}))
    return [wrong] if wrong else job_problems(body["Job"])


def _named(what: str, wrong: str) -> list[str]:
    return [f"{what}: {wrong}"] if wrong else []
