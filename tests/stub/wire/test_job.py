"""Jobs from requests to bytes, against recorded answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orchestrator_stub.domain.errors import HandlerPanicError, OrchestratorError
from orchestrator_stub.domain.normalise import normalise, sanitise
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.domain.validation import validate
from orchestrator_stub.wire import schema
from orchestrator_stub.wire.gojson import dumps
from orchestrator_stub.wire.job import job_fields, parse_job
from orchestrator_stub.wire.unmarshal import unmarshal

LATEST = RELEASES["1.9.3"]


def submitted(body, release):
    """The parsed job of a submission body."""
    fields = unmarshal(json.dumps(body, separators=(",", ":")).encode(), schema.put_job(release.name), {})
    return parse_job(fields.get("Job"), release)


def as_stored(job, recorded, release):
    """What the server keeps of a submission, with the ids and times of a recorded answer."""
    clean, _ = sanitise(job, release)
    kept = normalise(clean, release)
    return replace(
        kept,
        id=recorded["ID"],
        name=kept.name or recorded["ID"],
        meta={**kept.meta, **{k: v for k, v in recorded["Meta"].items() if k.startswith("bacalhau.org/")}},
        state=JobState(recorded["State"]["StateType"]),
        message=recorded["State"].get("Message", ""),
        version=recorded["Version"],
        revision=recorded["Revision"],
        create_time=recorded["CreateTime"],
        modify_time=recorded["ModifyTime"],
    )


@pytest.mark.parametrize(
    ("scenario", "answer"), [("27", "{}-get"), ("29", "get-{}"), ("06", "wait"), ("11", "wait"), ("11", "wait-{}")]
)
def test_a_job_comes_back_byte_for_byte(release, steps, scenario, answer):
    """A key, an order, a default or an escape of the described job would differ from a real server's."""
    recorded = steps(scenario)
    compared = 0
    for name, step in recorded.items():
        described = recorded.get(answer.format(name))
        if "Job" not in step["request"].get("body", {}) or step["status"] != 200 or described is None:
            continue
        want = described["body"]
        inner = json.loads(want)["Job"]
        if json.loads(step["body"])["JobID"] != inner["ID"]:
            continue
        job = as_stored(submitted(step["request"]["body"], release), inner, release)
        assert dumps({"Job": job_fields(job)}).decode() == want, name
        compared += 1
    assert compared > 0 or (scenario, answer) == ("11", "wait-{}")


def test_no_job_is_a_400():
    """An empty body would be a traceback."""
    with pytest.raises(OrchestratorError) as caught:
        parse_job(None, LATEST)
    assert (caught.value.status, caught.value.message) == (400, "empty/nil job")


@pytest.mark.parametrize(
    "job",
    [
        {"Tasks": [None]},
        {"Constraints": [None]},
        {"Tasks": [{"InputSources": [None]}]},
        {"Tasks": [{"ResultPaths": [None]}]},
    ],
)
def test_a_null_where_a_part_belongs_is_what_makes_real_servers_panic(job):
    """A request that real servers answer with a masked 500 would be accepted or reported differently."""
    with pytest.raises(HandlerPanicError):
        submitted({"Job": job}, LATEST)


def test_an_absent_engine_is_told_from_an_empty_one():
    """`nil spec config` and `missing spec type` would be mixed up."""
    absent = submitted({"Job": {"Tasks": [{}]}}, LATEST).task.engine
    empty = submitted({"Job": {"Tasks": [{"Engine": {}}]}}, LATEST).task.engine
    assert (absent.absent, empty.absent) == (True, False)


def test_a_missing_count_is_told_from_zero():
    """A batch job without Count would never run on releases where it means one."""
    counts = [submitted({"Job": job}, LATEST).count for job in ({}, {"Count": None}, {"Count": 0})]
    assert counts == [None, None, 0]


def test_old_servers_trim_before_they_check():
    """The text of a domain error would name the wrong spelling on 1.6.5."""
    body = {"Job": {"Tasks": [{"Network": {"Type": "HTTP", "Domains": [" A.B "]}}]}}
    domains = {name: submitted(body, RELEASES[name]).task.network.domains for name in ("1.6.5", "1.7.0")}
    assert domains == {"1.6.5": ("a.b",), "1.7.0": (" A.B ",)}


@pytest.mark.parametrize("scenario", ["26", "27", "29"])
def test_recorded_problems(release, steps, scenario):
    """The 400 of some wrong job would be worded unlike the real server's."""
    seen, different = 0, {}
    for name, step in steps(scenario).items():
        answer = json.loads(step["body"])
        refused_late = answer.get("Code") != "InternalError" or answer["Message"].startswith(("code=", "empty/nil"))
        if step["status"] != 400 or refused_late or "body" not in step["request"]:
            continue
        seen += 1
        got = "\n".join(validate(submitted(step["request"]["body"], release), release))
        if got != answer["Message"]:
            different[name] = (answer["Message"], got)
    assert seen > 0
    assert different == {}
