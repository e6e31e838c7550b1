"""A hundred small tests of what a client of Bacalhau meets, each with a stub of its own."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any

import pytest

from orchestrator_stub.testing import StubError, StubHandle, stub_server

JOBS = "/api/v1/orchestrator/jobs"


def ask(stub: StubHandle, method: str, path: str, body: Any = None) -> Any:
    """The JSON of an answer of the orchestrator's API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(stub.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def submit(stub: StubHandle, **fields: Any) -> str:
    """Id of a small docker job."""
    engine = {"Type": "docker", "Params": {"Image": fields.pop("image", "acme/clean:1.4")}}
    tasks = [{"Name": fields.pop("task", "main"), "Engine": engine, "ResultPaths": fields.pop("results", [])}]
    job = {"Type": "batch", "Count": 1, "Tasks": tasks, **fields}
    return str(ask(stub, "PUT", JOBS, {"Job": job})["JobID"])


def state(stub: StubHandle, job_id: str) -> str:
    """A job's state."""
    return str(ask(stub, "GET", f"{JOBS}/{job_id}")["Job"]["State"]["StateType"])


def ended(stub: StubHandle, job_id: str) -> str:
    """A job's state once there is nothing to wait for."""
    stub.clock.run_until_idle()
    return state(stub, job_id)


@pytest.mark.parametrize("code", range(20))
def test_a_job_ends_with_the_code_of_its_script(bacalhau_stub: StubHandle, code: int) -> None:
    """A client could not be tried with every exit code."""
    bacalhau_stub.on(image="acme/clean:*").log("1 row").err("done").exit(code)
    job_id = submit(bacalhau_stub)
    assert ended(bacalhau_stub, job_id) == "Completed"
    (execution,) = bacalhau_stub.executions(job_id)
    output = execution["RunOutput"]
    assert (output["ExitCode"], output["Stdout"], output["stderr"]) == (code, "1 row\n", "done\n")


@pytest.mark.parametrize("minutes", range(1, 21))
def test_a_look_is_enough_to_wait(bacalhau_stub: StubHandle, minutes: int) -> None:
    """Waiting would take real time."""
    bacalhau_stub.on().after(timedelta(minutes=minutes)).exit(0)
    job_id = submit(bacalhau_stub)
    began = bacalhau_stub.clock.now
    while state(bacalhau_stub, job_id) != "Completed":
        pass
    assert timedelta(minutes=minutes) <= bacalhau_stub.clock.now - began < timedelta(minutes=minutes + 1)


@pytest.mark.parametrize("attempts", range(1, 6))
def test_each_attempt_has_its_own_fate(bacalhau_stub: StubHandle, attempts: int) -> None:
    """A retry could not end otherwise than the first try."""
    bacalhau_stub.on(task="train", attempt=1).fail("no room")
    bacalhau_stub.on(task="train", attempt=2, optional=True).after("1m").exit(attempts)
    job_id = submit(bacalhau_stub, task="train")
    ended(bacalhau_stub, job_id)
    codes = [(each["RunOutput"] or {}).get("ExitCode") for each in bacalhau_stub.executions(job_id)]
    assert attempts in codes


@pytest.mark.parametrize("kind", ["drop_request", "drop_reply", "reset"])
def test_a_submit_whose_answer_does_not_come(bacalhau_stub: StubHandle, kind: Any) -> None:
    """A client that never learns whether its job exists could not be tried."""
    bacalhau_stub.fault("PUT", "*/jobs", kind)
    with pytest.raises((OSError, http.client.HTTPException)):
        submit(bacalhau_stub)
    assert len(bacalhau_stub.jobs()) == (kind == "drop_reply")
    assert bacalhau_stub.submissions(label="none") == 0
    assert bacalhau_stub.journal()[-1].status == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 502, 503, 504])
def test_any_status_can_be_answered(bacalhau_stub: StubHandle, status: int) -> None:
    """A client's handling of an error could only be tried where the server makes it."""
    bacalhau_stub.fault("GET", "*/agent/*", "status", status=status, body="away", headers={"Retry-After": "1"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(bacalhau_stub, "GET", "/api/v1/agent/version")
    assert (refused.value.code, refused.value.read(), refused.value.headers["Retry-After"]) == (status, b"away", "1")
    assert "GitVersion" in ask(bacalhau_stub, "GET", "/api/v1/agent/version")


@pytest.mark.parametrize("number", range(10))
def test_objects_of_one_test_are_not_there_for_the_next(bacalhau_stub: StubHandle, number: int) -> None:
    """Tests would depend on each other's objects."""
    assert bacalhau_stub.s3.list() == []
    bacalhau_stub.s3.put(f"s3://acme-{number}/a b/c.csv", f"{number}\n")
    assert bacalhau_stub.s3.list() == [f"s3://acme-{number}/a b/c.csv"]
    assert bacalhau_stub.s3.read(f"s3://acme-{number}/a b/c.csv") == f"{number}\n".encode()


@pytest.mark.parametrize(
    "bacalhau_stub_flags",
    [
        ["--emulate", release, "--nodes", nodes]
        for release in ("1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3")
        for nodes in ("1", "7")
    ],
    ids=" ".join,
)
def test_a_stub_is_what_its_flags_say(bacalhau_stub: StubHandle, bacalhau_stub_flags: list[str]) -> None:
    """A project could not say for which release and how large a cluster its tests are."""
    _, release, _, nodes = bacalhau_stub_flags
    assert ask(bacalhau_stub, "GET", "/api/v1/agent/version")["GitVersion"] == f"v{release}"
    assert len(ask(bacalhau_stub, "GET", "/api/v1/orchestrator/nodes")["Nodes"]) == int(nodes)


@pytest.mark.parametrize("number", range(10))
def test_time_stands_still_when_it_is_told_to(bacalhau_stub: StubHandle, number: int) -> None:
    """A moment in the middle of a job could not be looked at."""
    bacalhau_stub.on(name="nightly-*").log("half").after("2h").log("whole").exit(0)
    with bacalhau_stub.clock.manual() as clock:
        job_id = submit(bacalhau_stub, Name=f"nightly-{number}")
        assert {state(bacalhau_stub, job_id) for _ in range(3)} == {"Running"}
        clock.advance("1h59m")
        assert state(bacalhau_stub, job_id) == "Running"
        clock.advance("2m")
        assert state(bacalhau_stub, job_id) == "Completed"
    assert bacalhau_stub.clock.mode == "auto"


@pytest.mark.parametrize("number", range(5))
def test_a_wish_that_cannot_be_understood_is_refused_at_once(bacalhau_stub: StubHandle, number: int) -> None:
    """A typo in a test would be found at its end, or never."""
    with pytest.raises(StubError, match="is no exit code"):
        bacalhau_stub.on(task="train").exit(1000 + number)
    bacalhau_stub.reset()


@pytest.mark.parametrize("count", range(1, 8))
def test_the_same_requests_get_the_same_answers(bacalhau_stub: StubHandle, count: int) -> None:
    """Two runs of a test could not be compared."""
    with stub_server() as other:
        for stub in (bacalhau_stub, other):
            stub.on().after("1m", jitter="1m").exit(0)
            for _ in range(count):
                submit(stub)
            stub.clock.run_until_idle()
        assert bacalhau_stub.jobs() == other.jobs()
        assert bacalhau_stub.clock.now == other.clock.now
