"""Mutated requests: whatever is thrown at the door, an answer of the server's kind comes back."""

from __future__ import annotations

import asyncio
import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator_stub.wire.gojson import dumps

JOBS = "/api/v1/orchestrator/jobs"
GOOD = {
    "Job": {
        "Name": "n",
        "Namespace": "default",
        "Type": "batch",
        "Priority": 1,
        "Count": 0,
        "Constraints": [{"Key": "env", "Operator": "in", "Values": ["prod"]}],
        "Meta": {"a": "b"},
        "Labels": {"a": "b"},
        "Tasks": [
            {
                "Name": "main",
                "Engine": {"Type": "wasm", "Params": {"EntryModule": {"Source": {"Type": "inline", "Params": {}}}}},
                "Publisher": {"Type": "s3", "Params": {"Bucket": "b"}},
                "Env": {"A": "1"},
                "InputSources": [{"Source": {"Type": "inline", "Params": {"URL": "data:,x"}}, "Target": "/in"}],
                "ResultPaths": [{"Name": "o", "Path": "/o"}],
                "Resources": {"CPU": "1", "Memory": "1gb", "GPU": "0"},
                "Network": {"Type": "Bridge", "Ports": [{"Name": "A", "Target": 80}]},
                "Timeouts": {"ExecutionTimeout": 5},
            }
        ],
        "State": {"StateType": "Pending"},
    }
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.just([]),
    st.just([None]),
    st.just({}),
    st.just({"": {"a": [1]}}),
)


def places(value, path=()):
    """Paths of all parts of a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def put(value, path, odd):
    """A copy with one part replaced."""
    if not path:
        return odd
    changed = copy.deepcopy(value)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = odd
    return changed


PLACES = list(places(GOOD))
EACH_ODD = (None, True, -1, 2**70, 1.5, "", "\0", "x y", [], [None], {}, {"": {"a": [1]}})
RELEASES = st.sampled_from(["docs", "1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"])
MUTATED = st.builds(lambda path, odd: put(GOOD, path, odd), st.sampled_from(PLACES), ODD).map(
    lambda body: json.dumps(body).encode()
)
CUT = st.builds(lambda body, at, noise: body[: at % (len(body) + 1)] + noise, MUTATED, st.integers(0), st.binary(max_size=3))
relaxed = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def in_kind(answer, caplog):
    """An answer as servers give them, quickly, without a failure of ours behind it."""
    assert answer.status_code in (200, 204, 301, 400, 401, 404, 405, 409, 410, 413, 500), answer.text
    assert "Traceback" not in answer.text
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    if answer.status_code >= 400 and answer.content:
        assert "Message" in answer.json()


def test_mutated_submissions_are_answered(make, caplog):
    """Some value in some place would be a traceback, a hang, or a job that breaks later reads."""
    stubs = {}

    @relaxed
    @given(RELEASES, MUTATED | CUT, st.sampled_from(["application/json", "text/plain", "", "application/xml"]))
    def throw(release, body, media_type):
        stub = stubs.setdefault(release, make(release))

        async def both():
            headers = {"Content-Type": media_type}
            await in_kind(await stub.http.put(JOBS, content=body, headers=headers), caplog)
            await in_kind(await stub.http.get(JOBS, params={"limit": 5, "reverse": "true"}), caplog)

        asyncio.run(asyncio.wait_for(both(), 10))

    throw()


@pytest.mark.parametrize("release", ["docs", "1.5.2", "1.9.3"])
async def test_each_odd_value_in_each_place_is_answered(make, caplog, release):
    """A place that random choice rarely hits would be a traceback."""
    stub = make(release)
    for path in PLACES:
        for odd in EACH_ODD:
            body = json.dumps(put(GOOD, path, odd)).encode()
            answer = await stub.http.put(JOBS, content=body, headers={"Content-Type": "application/json"})
            await in_kind(answer, caplog)
    await in_kind(await stub.http.get(JOBS), caplog)


PATHS = st.lists(
    st.sampled_from(["api", "v1", "orchestrator", "jobs", "nodes", "agent", "auth", "clientkey", "history", "j-", "%2F", "%00", "", "é"]),
    max_size=7,
).map(lambda parts: "/" + "/".join(parts))
NAMES = st.sampled_from(
    ["limit", "next_token", "order_by", "reverse", "labels", "since", "namespace", "include", "pretty", "job_version", "x"]
)


def test_mutated_addresses_are_answered(make, caplog):
    """Some path or parameter would be a traceback or a hang."""
    stubs = {}

    @relaxed
    @given(
        RELEASES,
        st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
        PATHS,
        st.dictionaries(NAMES, st.text(max_size=6) | st.sampled_from(["1", "-1", "x", "Ok46Mjoy", "Ok46MDow"]), max_size=3),
        st.binary(max_size=6),
    )
    def throw(release, method, path, query, body):
        stub = stubs.setdefault(release, make(release))
        headers = {"Content-Type": "application/json"}
        request = stub.http.request(method, path, params=query, content=body, headers=headers)
        asyncio.run(asyncio.wait_for(_both(request, caplog), 10))

    throw()


async def _both(request, caplog):
    await in_kind(await request, caplog)


def test_what_was_submitted_can_be_written_again(make):
    """A label with odd characters would break the list of all jobs."""
    stub = make()

    @relaxed
    @given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=3))
    def throw(labels):
        async def both():
            job_id = await stub.submit(Count=0, Labels=labels, Name=json.dumps(labels))
            return (await stub.get(f"jobs/{job_id}"))["Job"]["Labels"]

        assert asyncio.run(both()) == json.loads(dumps(labels))

    throw()
