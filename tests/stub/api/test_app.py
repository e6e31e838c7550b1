"""The surface as a whole: routes, headers, limits and masked failures."""

from __future__ import annotations

import json
import re

import pytest

from orchestrator_stub.api.app import LARGEST_BODY

OWN = {"x-bacalhau-git-version", "x-bacalhau-git-commit", "x-bacalhau-build-date", "x-bacalhau-build-os", "x-bacalhau-arch"}
JOBS = "/api/v1/orchestrator/jobs"
UNKNOWN = f"{JOBS}/j-00000000-0000-4000-8000-000000000000"


async def test_every_answer_says_what_serves(make):
    """Clients that read the release from headers would not find it."""
    answer = await make("1.9.3").http.get("/api/v1/agent/alive")
    assert (answer.status_code, answer.text) == (200, '{"Status":"OK"}\n')
    assert OWN <= set(answer.headers)
    assert answer.headers["X-Bacalhau-Git-Version"] == "v1.9.3"
    assert answer.headers["X-Bacalhau-Build-Date"].endswith(" +0000 UTC")
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == ("application/json", "Origin")
    assert answer.headers["Content-Length"] == "16"


async def test_a_request_id_is_echoed_or_made_up(make):
    """A client could not tell its answers apart in a log."""
    stub = make()
    mine = await stub.http.get(UNKNOWN, headers={"X-Request-Id": "abc"})
    others = {(await stub.http.get(UNKNOWN)).headers["X-Request-Id"] for _ in range(2)}
    assert (mine.headers["X-Request-Id"], mine.json()["RequestID"]) == ("abc", "abc")
    assert len(others) == 2
    assert all(re.fullmatch("[A-Za-z]{32}", each) for each in others)
    assert (await stub.http.get(UNKNOWN, headers={"X-Request-Id": ""})).json()["RequestID"] == ""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/agent/alive"),
        ("PUT", UNKNOWN),
        ("DELETE", JOBS),
        ("PATCH", JOBS),
        ("GET", f"{JOBS}/"),
        ("GET", f"{UNKNOWN}/"),
        ("GET", f"{UNKNOWN}/nope"),
        ("GET", "/api/v1/agent/alive/"),
        ("GET", "/api/v1//agent/alive"),
        ("GET", "/API/V1/agent/alive"),
        ("GET", "/swagger"),
        ("TRACE", "/api/v1/agent/alive"),
    ],
)
async def test_a_wrong_method_or_path_is_a_404(make, method, path):
    """Clients would see a 405, or an answer from a route that real servers do not have."""
    answer = await make("1.9.3").http.request(method, path)
    assert (answer.status_code, answer.json()["Message"]) == (404, "The requested resource/URL was not found.")
    assert OWN <= set(answer.headers)


async def test_the_404_of_old_releases_is_short(make):
    """Clients of 1.7 and before would not recognise it."""
    answer = await make("1.7.0").http.get("/api/v1/orchestrator/nope")
    assert answer.text == (
        '{"Status":404,"Message":"Not Found","RequestID":"","Code":"InternalError","Component":"APIServer"}\n'
    )


async def test_head_is_a_404_without_body(make):
    """A health check with HEAD would succeed here and fail on a real server."""
    answer = await make().http.head("/api/v1/agent/alive")
    assert (answer.status_code, answer.content, "content-length" in answer.headers) == (404, b"", False)


async def test_pretty_indents(make):
    """`?pretty` would be ignored."""
    answer = await make().http.get("/api/v1/agent/alive?pretty")
    assert answer.text == '{\n  "Status": "OK"\n}\n'


async def test_a_body_beyond_ten_million_bytes_is_refused_unread(make):
    """A runaway client would fill the memory; one at the limit would be refused."""
    stub = make()

    def padded(size):
        return b'{"Job":{"Meta":{"pad":"' + b"x" * (size - 27) + b'"}}}'

    fits = await stub.http.put(JOBS, content=padded(LARGEST_BODY), headers={"Content-Type": "application/json"})
    beyond = await stub.http.put(JOBS, content=padded(LARGEST_BODY + 1), headers={"Content-Type": "application/json"})
    assert (fits.status_code, fits.json()["Message"]) == (400, "missing job type\nmissing job tasks")
    assert (beyond.status_code, beyond.json()["Message"]) == (413, "Request Entity Too Large")
    assert not OWN & set(beyond.headers)


@pytest.mark.parametrize(
    ("release", "message"), [("1.7.0", "read 2 but was expecting -1"), ("1.8.0", "unexpected authorization error")]
)
async def test_a_body_without_length_is_refused(make, release, message):
    """A client that sends chunked bodies would work here and fail on every real server."""

    async def parts():
        yield b"{}"

    answer = await make(release).http.put(JOBS, content=parts(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["Message"]) == (500, message)
    assert not OWN & set(answer.headers)
    too_long = [b"x" * 1_000_000] * 11

    async def more():
        for part in too_long:
            yield part

    answer = await make(release).http.put(JOBS, content=more(), headers={"Content-Type": "application/json"})
    beyond = "code=413, message=Request Entity Too Large" if release == "1.7.0" else message
    assert (answer.status_code, answer.json()["Message"]) == (500, beyond)


async def test_a_failure_of_ours_is_masked_and_logged(make, caplog):
    """A client would see a traceback, or nobody would."""
    stub = make()

    def broken(*_):
        raise RuntimeError("a detail")

    stub.orchestrator.get_job = broken
    answer = await stub.http.get(UNKNOWN)
    assert (answer.status_code, answer.json()["Message"]) == (500, "Internal server error")
    assert "a detail" not in answer.text
    assert "a detail" in caplog.text
    assert not OWN & set(answer.headers)


async def test_other_pages_get_no_permission(make):
    """Any page in a browser could read what runs here."""
    answer = await make().http.get("/api/v1/agent/alive", headers={"Origin": "http://evil.example"})
    preflight = await make().http.options(JOBS, headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert (preflight.status_code, dict(preflight.headers)) == (204, {"vary": "Origin"})


async def test_the_recorded_permissions_are_shown_when_told(make):
    """The strict stub would differ from a recorded server."""
    stub = make(cors=True)
    headers = {"Origin": "http://ui.example", "Access-Control-Request-Headers": "content-type"}
    preflight = await stub.http.options(JOBS, headers=headers)
    answer = await stub.http.get("/api/v1/agent/alive", headers=headers)
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET,HEAD,PUT,PATCH,POST,DELETE"
    assert preflight.headers["Access-Control-Allow-Headers"] == "content-type"
    assert "x-request-id" not in preflight.headers
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    redirected = await stub.http.options("/version", headers=headers)
    assert (redirected.headers["Allow"], redirected.headers["Access-Control-Allow-Methods"]) == ("OPTIONS, GET",) * 2
    asked = await stub.http.options(JOBS)
    assert (asked.status_code, dict(asked.headers)) == (204, {"vary": "Origin"}), "no browser asks without an origin"


@pytest.mark.parametrize(("path", "target"), [("/", "version"), ("/version", "version"), ("/livez", "alive")])
async def test_the_old_addresses_lead_on_since_1_7(make, path, target):
    """A health check of an old deployment would fail."""
    answer = await make("1.7.0").http.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/api/v1/agent/{target}")
    assert "content-type" not in answer.headers


async def test_the_first_api_still_answers_up_to_1_6(make):
    """Old tools that ask /id, /livez or /node_info would get nothing."""
    stub = make("1.6.5")
    texts = {path: await stub.http.get(path) for path in ("/livez", "/id", "/node_info", "/", "/peers", "/version")}
    assert texts["/livez"].text == "OK"
    assert texts["/id"].text == stub.orchestrator.node_id
    assert texts["/node_info"].json()["NodeID"] == stub.orchestrator.node_id
    assert texts["/"].headers["Content-Type"] == "text/plain"
    assert [texts[path].status_code for path in ("/peers", "/version")] == [404, 404]
    gone = await stub.http.post("/requester/submit", json={})
    assert gone.status_code == 410
    assert json.loads(gone.text).startswith("This endpoint is deprecated.")


async def test_a_client_that_is_too_old_is_refused_everywhere(make):
    """A client that real servers refuse would seem to work."""
    answer = await make().http.get("/api/v1/orchestrator/nope", headers={"X-Bacalhau-Git-Version": "v1.3.0"})
    assert (answer.status_code, answer.json()["MinVersion"]) == (403, "1.4.0")
