"""What would change: against texts of go-cmp 0.7.0 itself and a recorded answer.

`go_cmp.json` was made by go-cmp in a process that prints no-break spaces, from Go types of the servers' names and
fields: `stored` and `submitted` are the jobs, `converted` is the last argument of `job_diff`, `diff` what it printed.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_stub.domain.job import Resources
from orchestrator_stub.domain.normalise import normalise
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.engine.submission import same_spec
from orchestrator_stub.wire.diff import job_diff
from orchestrator_stub.wire.job import parse_job

CASES = json.loads((Path(__file__).parent / "go_cmp.json").read_text())
RELEASE = RELEASES["1.9.3"]
MARGINS = ("\u00a0\u00a0", "-\u00a0", "+\u00a0")
PLAIN = {"Name": "n", "Type": "batch", "Tasks": [{"Name": "main", "Engine": {"Type": "docker"}}]}


def kept(fields):
    """A submitted job as it is kept."""
    return normalise(parse_job(copy.deepcopy(fields), RELEASE), RELEASE)


@pytest.mark.parametrize("case", CASES, ids=[case["what"] for case in CASES])
def test_a_change_is_told_as_go_cmp_tells_it(case):
    """`job run --dry-run` would print another diff than on a real cluster."""
    assert job_diff(kept(case["stored"]), kept(case["submitted"]), case["converted"]) == case["diff"]


@pytest.mark.parametrize("release_name", ["1.8.0", "1.9.3"])
def test_a_recorded_diff(release_name):
    """The stub would not print what a real server was seen to print."""
    folder = Path(__file__).parents[2] / "golden" / release_name
    steps = {step["id"]: step for step in json.loads((folder / "36-diff.json").read_text())["steps"]}
    stored = kept(json.loads(steps["wait"]["body"])["Job"] | {"State": {}})
    assert job_diff(stored, stored) == json.loads(steps["equal"]["body"])["Diff"]
    assert job_diff(stored, replace(stored, labels={"x": "1"})) == json.loads(steps["changed"]["body"])["Diff"]


def test_ids_states_versions_and_times_are_no_change():
    """Every submission would differ from what is stored."""
    stored = replace(kept(PLAIN), id="j-1", version=3, revision=9, create_time=1, modify_time=2, message="m")
    assert job_diff(stored, kept(PLAIN)) == ""


def test_the_case_of_resources_is_no_change():
    """A job stored by somebody who writes GB would differ for somebody who writes gb."""
    upper, lower = (
        replace(job, tasks=(replace(job.task, resources=Resources(memory=memory)),))
        for job, memory in ((kept(PLAIN), "1GB"), (kept(PLAIN), "1gb"))
    )
    assert job_diff(upper, lower) == ""


def test_parameters_that_nest_as_deep_as_they_may_are_told():
    """A job that a server takes would break the request that asks about it."""
    jobs = []
    for leaf in ("x", "y"):
        value = leaf
        for _ in range(200):
            value = {"a": [value], "b": 1}
        jobs.append(kept({**PLAIN, "Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"p": value}}}]}))
    lines = job_diff(*jobs).split("\n")
    assert [line.replace("\t", "") for line in lines if line[:1] in ("-", "+")] == [
        '-\u00a0"a": []any{string("x")},', '+\u00a0"a": []any{string("y")},'
    ]  # fmt: skip
    assert len(lines) > 800


TEXT = st.one_of(
    st.sampled_from(["", "a", "b", "x" * 40, "x" * 20 + "y" * 20, "one\ntwo\nthree\nfour\nfive\n" * 3, "\x00" * 33]),
    st.text(st.characters(codec="utf-8"), max_size=80),
)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(TEXT, inner, max_size=5)),
    max_leaves=12,
)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=6)
SPEC = st.fixed_dictionaries({"Type": TEXT, "Params": st.dictionaries(TEXT, VALUE, max_size=5)})
TASK = st.fixed_dictionaries(
    {
        "Name": TEXT,
        "Engine": SPEC,
        "Publisher": SPEC,
        "Env": TEXTS,
        "Meta": TEXTS,
        "InputSources": st.lists(st.fixed_dictionaries({"Source": SPEC, "Alias": TEXT, "Target": TEXT}), max_size=4),
        "ResultPaths": st.lists(st.fixed_dictionaries({"Name": TEXT, "Path": TEXT}), max_size=4),
        "Resources": st.fixed_dictionaries({name: TEXT for name in ("CPU", "Memory", "Disk", "GPU")}),
        "Network": st.fixed_dictionaries(
            {
                "Type": st.sampled_from(RELEASE.networks),
                "Domains": st.lists(TEXT, max_size=5),
                "Ports": st.lists(st.fixed_dictionaries({"Name": TEXT, "Static": st.integers(0, 9)}), max_size=3),
            }
        ),
        "Timeouts": st.fixed_dictionaries({"TotalTimeout": st.integers(0, 2**62)}),
    }
)
JOB = st.fixed_dictionaries(
    {
        "Name": TEXT,
        "Type": st.sampled_from(["batch", "ops", "service", "daemon"]),
        "Priority": st.integers(-(2**62), 2**62),
        "Count": st.integers(0, 9),
        "Constraints": st.lists(
            st.fixed_dictionaries({"Key": TEXT, "Operator": TEXT, "Values": st.lists(TEXT, max_size=4)}), max_size=4
        ),
        "Meta": TEXTS,
        "Labels": TEXTS,
        "Tasks": st.lists(TASK, min_size=1, max_size=1),
    }
)


@given(JOB, JOB, st.sets(st.sampled_from(sorted(PLAIN.keys() | {"Labels", "Meta", "Constraints", "Count"}))))
def test_any_two_jobs_can_be_compared(one, other, changed):
    """Some job would break the request, or a change that a submission makes would not be told, or one that it does not."""
    stored, submitted = kept(one), kept(one | {key: other[key] for key in changed if key in other})
    told = job_diff(stored, submitted)
    assert job_diff(stored, stored) == ""
    assert (told == "") is same_spec(stored, submitted)
    if told:
        assert all(line.startswith(MARGINS) for line in told.removesuffix("\n").split("\n"))
        assert told.count("\n-\u00a0") + told.count("\n+\u00a0") > 0
