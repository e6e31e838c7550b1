"""Who gets through the door and when: users, limits, the wedged store, and real connections."""

from __future__ import annotations

import asyncio
import base64
import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from orchestrator_stub.api.app import LARGEST_BODY, LONGEST_HANDLER_S
from orchestrator_stub.domain.user import User

OWN = {"x-bacalhau-git-version", "x-bacalhau-git-commit", "x-bacalhau-build-date", "x-bacalhau-build-os", "x-bacalhau-arch"}
JOBS = "/api/v1/orchestrator/jobs"
UNKNOWN = f"{JOBS}/j-00000000-0000-4000-8000-000000000000"
ADMIN = {"Authorization": "Basic " + base64.b64encode(b"admin:admin-password").decode()}
READER_KEY = "reader-key-0123456789"
READER = {"Authorization": f"Bearer {READER_KEY}"}
USERS = (
    User("Admin", "admin", "admin-password", capabilities=(("*",),)),
    User("Reader", api_key=READER_KEY, capabilities=(("read:*",),)),
)


async def test_with_users_strangers_are_refused_before_anything_is_looked_at(make):
    """A stranger could learn which jobs there are, or what a request lacks."""
    stub = make(users=USERS)
    for request in (
        stub.http.get(UNKNOWN),
        stub.http.get("/nope"),
        stub.http.put(JOBS, content=b"{", headers={"Content-Type": "application/json"}),
        stub.http.get(JOBS, headers={"X-Bacalhau-Git-Version": "v1.0.0"}),
    ):
        answer = await request
        assert (answer.status_code, answer.json()["Message"]) == (401, "Request Unauthorized")
        assert not OWN & set(answer.headers)
    assert (await stub.http.get("/api/v1/agent/alive")).status_code == 200
    head = await stub.http.head(JOBS)
    assert (head.status_code, "content-type" in head.headers) == (401, False)
    assert (await stub.http.options(JOBS)).status_code == 204


async def test_with_users_each_may_do_what_the_file_says(make):
    """A reader could stop jobs, or an administrator could not."""
    stub = make(users=USERS)
    assert (await stub.http.get(UNKNOWN, headers=READER)).status_code == 404
    refused = await stub.http.delete(UNKNOWN, headers=READER)
    assert (refused.status_code, refused.json()["Details"]["reason"]) == (
        403,
        "user 'Reader' does not have the required capability 'write:job'",
    )
    assert (await stub.http.delete(UNKNOWN, headers=ADMIN)).status_code == 404
    assert (await make("1.7.0", users=USERS).http.delete(UNKNOWN, headers=READER)).status_code == 500


async def test_with_users_nobody_can_log_in_and_the_configuration_hides_secrets(make):
    """A client would try to sign a challenge that no server with users has, or read the passwords."""
    stub = make(users=USERS)
    assert (await stub.http.get("/api/v1/auth")).json() == {"NextToken": "", "Methods": {}}
    assert (await stub.http.get("/api/v1/auth/clientkey")).status_code == 404
    assert (await stub.http.post("/api/v1/auth/clientkey", json={})).status_code == 404
    config = await stub.http.get("/api/v1/agent/config", headers=READER)
    assert '"Username":"admin","Password":"********"' in config.text
    assert "admin-password" not in config.text
    assert READER_KEY not in config.text


async def test_with_users_a_body_needs_no_length(make):
    """The authorizer that wants one is another one then (golden 41)."""
    stub = make(users=USERS)

    def parts(*given):
        async def each():
            for part in given:
                yield part

        return each()

    headers = {"Content-Type": "application/json", **ADMIN}
    taken = await stub.http.put(JOBS, content=parts(b'{"Job":', b"null}"), headers=headers)
    assert (taken.status_code, taken.json()["Message"]) == (400, "empty/nil job")
    beyond = await stub.http.put(JOBS, content=parts(*[b"x" * 1_000_000] * 11), headers=headers)
    assert (beyond.status_code, beyond.json()["Message"]) == (400, "code=413, message=Request Entity Too Large")
    assert (await stub.http.request("GET", "/nope", content=parts(b"x"), headers=ADMIN)).status_code == 404


@pytest.mark.parametrize(
    ("release", "users", "status", "message"),
    [
        ("1.9.3", (), 500, "unexpected authorization error"),
        ("1.7.0", (), 500, "unexpected EOF"),
        ("1.9.3", USERS, 400, "code=400, message=unexpected EOF, internal=unexpected EOF"),
    ],
)
async def test_half_a_body_is_refused_in_the_release_s_words(make, release, users, status, message):
    """A client whose connection breaks would start a job that it did not send."""
    stub = make(release, users=users)
    sent = []
    heard = iter([{"type": "http.request", "body": b'{"Job":{}', "more_body": True}])

    async def receive():
        return next(heard, {"type": "http.disconnect", "reason": "unexpected EOF"})

    async def send(message):
        sent.append(message)

    headers = [(b"content-length", b"50"), (b"content-type", b"application/json")]
    headers += [(name.lower().encode(), value.encode()) for name, value in ADMIN.items()]
    scope = {"type": "http", "method": "PUT", "path": JOBS, "headers": headers, "query_string": b""}
    await stub.app(scope, receive, send)
    assert sent[0]["status"] == status
    assert json.loads(sent[1]["body"])["Message"] == message


async def test_too_many_requests_are_refused_until_time_has_passed(make):
    """A client that floods a real server would only learn it there."""
    now = [0.0]
    stub = make(rate_limit=2, now=lambda: now[0])
    answers = [await stub.http.get(path) for path in ("/api/v1/agent/alive", UNKNOWN, "/api/v1/agent/alive", "/nope")]
    assert [answer.status_code for answer in answers] == [200, 404, 429, 429]
    assert answers[2].text == (
        '{"Status":429,"Message":"rate limit exceeded","RequestID":"","Code":"InternalError","Component":"APIServer"}\n'
    )
    assert not OWN & set(answers[2].headers)
    assert (await stub.http.options(JOBS)).status_code == 204, "a preflight is answered before anybody counts"
    other = await stub.http.get("/api/v1/agent/alive", headers={"X-Forwarded-For": "10.0.0.1, 10.0.0.2"})
    assert other.status_code == 200
    now[0] = 0.5
    again = [await stub.http.get("/api/v1/agent/alive") for _ in range(2)]
    assert [answer.status_code for answer in again] == [200, 429]


async def test_a_body_that_is_too_long_is_not_counted(make):
    """The limit of the body comes first (fact sheet 2.1)."""
    stub = make(rate_limit=1, now=lambda: 0.0)
    headers = {"Content-Length": str(LARGEST_BODY + 1)}
    assert (await stub.http.put(JOBS, content=b"", headers=headers)).status_code == 413
    assert (await stub.http.get("/api/v1/agent/alive")).status_code == 200


async def wedged(make):
    """A strict stub whose store is never given back, with a job in it."""
    stub = make(strict=True)
    job_id = await stub.submit(Name="before")
    assert (await stub.http.put(f"{JOBS}/nope/rerun", json={})).status_code == 400
    return stub, job_id


async def hung(stub, request):
    """The answer of a request that waits for the time limit."""
    waiting = asyncio.ensure_future(request)
    for _ in range(50):
        await asyncio.sleep(0)
    assert not waiting.done()
    stub.clock.advance(LONGEST_HANDLER_S - 1)
    await asyncio.sleep(0)
    assert not waiting.done()
    stub.clock.advance(2)
    return await waiting


async def test_after_a_rerun_of_something_unknown_every_write_hangs(make):
    """A client that does not look before it reruns would only learn on its cluster what that does (FINDINGS 2, 4.7)."""
    stub, job_id = await wedged(make)
    body = {"Job": {"Name": "after", "Type": "batch", "Tasks": [{"Name": "m", "Engine": {"Type": "docker"}}]}}
    for request in (
        stub.http.put(JOBS, json=body, headers={"X-Request-Id": "mine"}),
        stub.http.delete(f"{JOBS}/{job_id}", headers={"X-Request-Id": "mine"}),
        stub.http.put(f"{JOBS}/{job_id}/rerun", json={}, headers={"X-Request-Id": "mine"}),
    ):
        answer = await hung(stub, request)
        assert (answer.status_code, answer.text) == (503, "Server Timeout!")
        assert dict(answer.headers) == {
            "vary": "Origin",
            "content-type": "text/plain; charset=utf-8",
            "x-request-id": "mine",
            "content-length": "15",
        }
    jobs = (await stub.get("jobs"))["Items"]
    assert [(job["Name"], job["Version"]) for job in jobs] == [("before", 1)], "nothing took effect, reads go on"


async def test_what_is_refused_before_the_store_is_asked_is_refused_at_once(make):
    """A wrong job would take half a minute to be told so."""
    stub, _ = await wedged(make)
    wrong = await asyncio.wait_for(stub.http.put(JOBS, json={"Job": {}}), 1)
    assert wrong.status_code == 400
    node = stub.http.put("/api/v1/orchestrator/nodes/n-x", json={"Action": "approve"})
    assert (await asyncio.wait_for(node, 1)).status_code == 404, "nodes stand in another store"


async def test_a_stub_that_is_not_strict_never_hangs(make):
    """A test suite would stop for a fault that helps nobody."""
    stub = make()
    assert (await stub.http.put(f"{JOBS}/nope/rerun", json={})).status_code == 400
    await asyncio.wait_for(stub.submit(Name="after"), 1)


async def test_a_client_that_leaves_a_hanging_request_is_let_go(make):
    """Each client that gave up would be waited for, and answered, half a minute later."""
    stub, job_id = await wedged(make)
    sent, timers = [], [timer for timer in stub.clock._timers if not timer.over]

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "DELETE", "path": f"{JOBS}/{job_id}", "headers": [], "query_string": b""}
    await asyncio.wait_for(stub.app(scope, receive, send), 1)
    assert sent == []
    assert [timer for timer in stub.clock._timers if not timer.over] == timers


async def test_a_log_socket_is_refused_like_any_request(start_stub):
    """A stranger could read logs, or flood the stub through sockets."""
    stub, client = await start_stub(users=USERS, rate_limit=5)
    url = f"{stub.url.replace('http', 'ws')}{UNKNOWN}/logs"
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer nope"}, 401),
        ({**READER, "X-Bacalhau-Git-Version": "v1.0.0"}, 403),
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=headers)
        response = refused.value.response
        assert response.status_code == status
        assert response.headers["Vary"] == "Origin"
        assert ("X-Bacalhau-Git-Version" in response.headers) == (status == 403)
    async with connect(url, additional_headers=READER) as socket:
        assert "job not found" in await asyncio.wait_for(socket.recv(), 5)
    assert (await client.get("/api/v1/agent/alive")).status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers=READER)
    assert json.loads(refused.value.response.body)["Message"] == "rate limit exceeded"


async def test_a_real_connection_meets_every_limit_byte_for_byte(start_stub):
    """Through a real connection something would be added, lost or answered by another layer."""
    stub, _ = await start_stub(strict=True, docker_runner="off")
    host = stub.url.removeprefix("http://")

    async def raw(request):
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(request.replace(b"HOST", host.encode()))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
        lines = head.decode().split("\r\n")
        return lines[0], {line.partition(":")[0] for line in lines[1:] if line}

    status, names = await raw(f"PUT {JOBS} HTTP/1.1\r\nHost: HOST\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n".encode())
    assert status == "HTTP/1.1 413 Request Entity Too Large"
    assert names == {"date", "vary", "content-type", "x-request-id", "content-length", "connection"}
    status, names = await raw(b"OPTIONS /nope HTTP/1.1\r\nHost: HOST\r\n\r\n")
    assert (status, names) == ("HTTP/1.1 204 No Content", {"date", "vary"})
    status, names = await raw(b"OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n")
    assert (status, names) == ("HTTP/1.1 200 OK", {"date", "content-length"})
    status, names = await raw(b"HEAD /nope HTTP/1.0\r\nHost: HOST\r\n\r\n")
    assert status == "HTTP/1.0 404 Not Found"
    assert names == {"date", "vary", "x-request-id", *OWN}
    async with httpx.AsyncClient(base_url=stub.url, trust_env=False) as client:
        body = b'{"Job":{"Meta":{"pad":"' + b"x" * (LARGEST_BODY - 27) + b'"}}}'
        exact = await client.put(JOBS, content=body, headers={"Content-Type": "application/json"})
        assert (exact.status_code, exact.json()["Message"]) == (400, "missing job type\nmissing job tasks")
