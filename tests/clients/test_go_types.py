"""The strict reading of answers: it takes what real servers sent, and refuses what none would send."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path

import go_types as go
import pytest
from programs import PROGRAMS

GOLDEN = Path(__file__).parents[1] / "golden"
NO_RECORDED_TYPE = ("05-",)
"""Scenarios whose requests say that they come from older programs, which get other keys."""


def readers(program):
    """Address pattern -> how its answer is read."""
    job, history, executions = go.job(program), go.history_item(program), go.execution(program)
    described = go.struct(
        {
            "Job": job,
            "History": go.Optional(go.page_of(history)),
            "Executions": go.Optional(go.page_of(executions)),
        }
    )
    jobs = "/api/v1/orchestrator/jobs"
    return {
        rf"{jobs}": go.page_of(job),
        rf"{jobs}/[^/]+": described,
        rf"{jobs}/[^/]+/history": go.page_of(history),
        rf"{jobs}/[^/]+/executions": go.page_of(executions),
        rf"{jobs}/[^/]+/versions": go.page_of(job),
        rf"{jobs}/[^/]+/results": go.page_of(go.spec_config(typed=True)),
        "/api/v1/orchestrator/nodes": go.page_of(go.node(program), "Nodes"),
        "/api/v1/orchestrator/nodes/[^/]+": go.struct({"Node": go.node(program)}),
        "/api/v1/agent/version": go.build_version(),
    }


@cache
def recorded(release):
    """Path and decoded body of every question that a real server answered with JSON."""
    found = []
    for path in sorted((GOLDEN / release).glob("[0-9]*.json")):
        if path.name.startswith(NO_RECORDED_TYPE):
            continue
        for step in json.loads(path.read_text()).get("steps", []):
            asked = step["request"]
            if asked.get("method") == "GET" and step["status"] == 200 and step["body"].startswith("{"):
                found.append((f"{path.name} {step['id']}", asked["path"], json.loads(step["body"])))
    return found


def read(program, where, path, body):
    """The answer, read; None when no program asks for it."""
    for pattern, reader in readers(program).items():
        if re.fullmatch(pattern, path):
            return reader(body, where)
    return None


def test_everything_that_real_servers_sent_is_read(program):
    """The reading would refuse what is right, so that a repair of the stub would make it worse."""
    answers = [read(program, *step) for step in recorded(program.release)]
    assert len([answer for answer in answers if answer is not None]) > 300


LIES = {
    "an unknown state": lambda job: job["State"].update(StateType="Succeeded"),
    "a state as a number": lambda job: job["State"].update(StateType=3),
    "a null in place of a list": lambda job: job.update(Constraints=None),
    "a null in place of a map": lambda job: job.update(Labels=None),
    "a map that is not ordered": lambda job: job.update(Labels={"b": "1", "a": "2"}),
    "a label that is no text": lambda job: job.update(Labels={"a": 1}),
    "a count with a point": lambda job: job.update(Count=1.0),
    "a revision below zero": lambda job: job.update(Revision=-1),
    "a time in text": lambda job: job.update(CreateTime="2025-01-01T00:00:00Z"),
    "a time in seconds": lambda job: job.update(CreateTime=1_700_000_000),
    "a change before the creation": lambda job: job.update(ModifyTime=job["CreateTime"] - 1),
    "a missing key": lambda job: job.pop("Priority"),
    "a key that no release has": lambda job: job.update(Owner="me"),
    "keys in another order": lambda job: job.update(ID=job.pop("ID")),
    "no task": lambda job: job.update(Tasks=[]),
    "a publisher that is null": lambda job: job["Tasks"][0].update(Publisher=None),
    "an engine without type": lambda job: job["Tasks"][0]["Engine"].update(Type=""),
    "an unknown network": lambda job: job["Tasks"][0]["Network"].update(Type="Loopback"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused(program, lie):
    """The stub could send what would stop a released program, and all tests would pass."""
    job = next(body["Job"] for _, path, body in recorded(program.release) if "Job" in body)
    lying = copy.deepcopy(job)
    LIES[lie](lying)
    go.job(program)(job, "job")
    with pytest.raises(go.DecodeError):
        go.job(program)(lying, "job")


@pytest.mark.parametrize("state", ["Completed", "9", 12, 9.0, True, None])
def test_an_execution_state_is_one_of_the_known_integers(state):
    """Executions have numbers where jobs have words; mixing them up stops the program."""
    with pytest.raises(go.DecodeError):
        go.state(go.whole(1, 11))({"StateType": state}, "state")


@pytest.mark.parametrize("moment", ["2025-01-01 00:00:00Z", "2025-01-01T00:00:00", 1735689600, "2025-01-01T00:00:00.1234567890Z"])
def test_a_moment_is_rfc_3339(moment):
    """The program cannot read any other."""
    with pytest.raises(go.DecodeError):
        go.instant(moment, "time")


def test_what_only_newer_releases_have_is_refused_in_older_ones():
    """A stub of an old release would be found out by its new keys."""
    newest, oldest = PROGRAMS["1.9.3"], PROGRAMS["1.5.2"]
    items = next(body["Items"] for _, path, body in recorded("1.9.3") if path.endswith("/executions") and body["Items"])
    assert go.execution(newest)(items[0], "execution")
    with pytest.raises(go.DecodeError):
        go.execution(oldest)(items[0], "execution")
