"""Which answers of the 5xx kind a released server gives, and when. What no rule allows is a fault of the stub.

A rule is about the kind of request, the error's code, component and words, and what has to be true of the request;
its source is a row of the findings, a section of the fact sheet, or a scenario of the recordings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .connection import Answer
from .facts import Facts

ID = r"[^/]+"
JOBS = "/api/v1/orchestrator/jobs"
RELEASED = ("docs", "1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3")
UP_TO_152 = RELEASED[:2]
UP_TO_170 = RELEASED[:4]
SINCE_165 = RELEASED[2:]
SINCE_180 = RELEASED[4:]
MASKED = ("InternalError", "Unknown", r"Internal server error")
LIST_ORDERS = {"", "created_at", "modified_at"}
EXECUTION_ORDERS = {"", "created_at", "create_time", "modified_at", "modify_time"}


def _always(_: Facts) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """One reason for a 500. `panics`: the handler broke off, so that the server's own headers are missing."""

    name: str
    source: str
    requests: str
    """Pattern of `METHOD /path`."""
    error: tuple[str, str, str]
    """Code, component, pattern of the message."""
    when: Callable[[Facts], bool] = _always
    releases: tuple[str, ...] = RELEASED
    panics: bool = False
    hint: str = ""

    def allows(self, facts: Facts, answer: Answer, error: dict[str, Any]) -> bool:
        """Whether this answer to this request is such a 500."""
        code, component, message = self.error
        return (
            answer.status == 500
            and facts.release in self.releases
            and re.fullmatch(self.requests, f"{facts.sent.method} {facts.path}", re.DOTALL) is not None
            and (error.get("Code"), error.get("Component"), error.get("Hint", "")) == (code, component, self.hint)
            and re.fullmatch(message, str(error.get("Message")), re.DOTALL) is not None
            and (answer.header("x-bacalhau-git-version") is None) is self.panics
            and self.when(facts)
        )


SUBMIT = f"(PUT|POST) {JOBS}"
OF_A_JOB = f"(GET|DELETE|PUT) {JOBS}/.+"
RULES = (
    Rule("null part of a job", "FINDINGS 1 row 4.3", f"{SUBMIT}|PUT {JOBS}/diff", MASKED, lambda f: f.has_null_part, panics=True),
    Rule("label without key", "FINDINGS 1 row 4.3", SUBMIT, MASKED, lambda f: "" in f.labels),
    Rule("label new to the server", "FINDINGS 1 row 4.7", SUBMIT, MASKED, lambda f: f.strict and bool(f.labels), SINCE_180),
    Rule("diff without job", "FINDINGS 2 row 1.11", f"PUT {JOBS}/diff", MASKED, lambda f: not f.has_job, SINCE_180, panics=True),
    Rule("unknown order of jobs", "fact sheet 1.5, 7.2", f"GET {JOBS}", MASKED, lambda f: bool(f.orders - LIST_ORDERS)),
    Rule(
        "unknown order of executions",
        "fact sheet 1.8",
        f"GET {JOBS}/{ID}/executions",
        MASKED,
        lambda f: bool(f.orders - EXECUTION_ORDERS),
        UP_TO_170,
    ),
    Rule("results of a service", "FINDINGS 1 row 1.9", f"GET {JOBS}/{ID}/results", MASKED),
    Rule("stop of a completed job", "fact sheet 5.6", f"DELETE {JOBS}/{ID}", ("", "Bacalhau", "cannot stop job in state Completed")),
    Rule(
        "stop of a failed job",
        "fact sheet 5.6",
        f"DELETE {JOBS}/{ID}",
        ("ConflictJobState", "JobStore", f"job {ID} is in terminal state Failed and cannot transition to Stopped"),
    ),
    Rule(
        "ambiguous id",
        "fact sheet 6.1",
        OF_A_JOB,
        ("MultipleJobsFound", "JobStore", "multiple jobs found for id .+"),
        hint="Use full job ID",
    ),
    Rule(
        "short execution id",
        "fact sheet 6.3",
        f"GET {JOBS}/{ID}/history",
        ("MultipleExecutionsFound", "JobStore", "multiple executions found for id .+"),
        lambda f: bool(f.values("execution_id")),
        UP_TO_170,
        hint="Use full execution ID",
    ),
    Rule(
        "body without length",
        "fact sheet 2.5",
        ".*",
        ("InternalError", "APIServer", r"read \d+ but was expecting -1|code=413, message=Request Entity Too Large"),
        lambda f: f.sent.chunked,
        UP_TO_170,
        panics=True,
    ),
    Rule(
        "body without length, since 1.8",
        "fact sheet 8.3",
        ".*",
        ("InternalError", "Authorizer", "unexpected authorization error"),
        lambda f: f.sent.chunked,
        SINCE_180,
        panics=True,
        hint="Please check orchestrator logs for more details",
    ),
    Rule(
        "nothing changed",
        "fact sheet 4.7",
        SUBMIT,
        ("", "Bacalhau", r"no changes detected for new job spec\. Job Name: '.*', Job Id: '.+'"),
        releases=SINCE_180,
        hint="Use the --force flag to override this warning",
    ),
    Rule(
        "rerun too early",
        "fact sheet 4.7",
        f"PUT {JOBS}/{ID}/rerun",
        ("", "Bacalhau", "cannot rerun job in state (Pending|Queued|Undefined)"),
        releases=SINCE_180,
        hint="try to use the job run command instead of the job rerun command",
    ),
    Rule("unknown action on a node", "fact sheet 1.13", "PUT /api/v1/orchestrator/nodes/.+", MASKED, releases=SINCE_165),
    Rule("unknown node", "fact sheet 1.13", "GET /api/v1/orchestrator/nodes/.+", MASKED, releases=UP_TO_152),
    Rule(
        "who shows no key, in 1.7.0",
        "FINDINGS 1 row 8.3",
        ".*",
        ("InternalError", "APIServer", r"missing authorization header|unsupported authentication method|authentication failed: .+"),
        lambda f: f.needs_key != "" and f.sent.header("authorization") != f"Bearer {f.needs_key}",
        ("1.7.0",),
        panics=True,
    ),
    Rule(
        "proof that is no JSON",
        "fact sheet 9.2",
        "POST /api/v1/auth/clientkey",
        ("InternalError", "APIServer", "invalid authentication data: .+"),
    ),
)


EARLY = tuple(rule for rule in RULES if rule.requests == ".*")
"""What can go wrong before anybody looks at method and address."""


def allowed(facts: Facts, answer: Answer) -> str:
    """The name of the rule that allows this 5xx; "" when a real server would not give it."""
    if facts.sent.method == "HEAD" and answer.status == 500:  # the body, which would say more, is not sent
        return next((rule.name for rule in EARLY if facts.release in rule.releases and rule.when(facts)), "")
    try:
        error = json.loads(answer.body)
    except ValueError:
        return ""
    if not isinstance(error, dict):
        return ""
    return next((rule.name for rule in RULES if rule.allows(facts, answer, error)), "")
