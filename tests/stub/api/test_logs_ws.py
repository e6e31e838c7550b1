"""The log socket as an ASGI conversation (recorded: scenarios 39 and 74)."""

from __future__ import annotations

import asyncio
import json

import pytest

from orchestrator_stub.api.exchange import Request
from orchestrator_stub.api.logs_ws import plain_log_answer
from orchestrator_stub.domain.release import RELEASES

MISSING = "j-00000000-0000-4000-8000-000000000000"


class Conversation:
    """One socket: what the stub sends, and the client's leaving."""

    def __init__(self, stub, ref, query=b"", headers=()):
        self.sent: asyncio.Queue = asyncio.Queue()
        self._heard: asyncio.Queue = asyncio.Queue()
        self._heard.put_nowait({"type": "websocket.connect"})
        path = f"/api/v1/orchestrator/jobs/{ref}/logs"
        scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "query_string": query}
        scope |= {"headers": list(headers), "method": "GET"}
        self.task = asyncio.ensure_future(stub.app(scope, self._heard.get, self.sent.put))

    async def next(self):
        """The next message of the stub."""
        return await asyncio.wait_for(self.sent.get(), 5)

    async def frame(self):
        """The next frame, decoded; it ends with a newline like every frame of a real server."""
        message = await self.next()
        assert message["type"] == "websocket.send", message
        assert message["text"].endswith("\n")
        return json.loads(message["text"])

    async def to_the_end(self):
        """All frames up to the close, and its code."""
        assert (await self.next())["type"] == "websocket.accept"
        frames = []
        while (message := await self.next())["type"] == "websocket.send":
            frames.append(json.loads(message["text"]))
        await self.task
        return frames, message["code"]

    def leave(self):
        """The client goes."""
        self._heard.put_nowait({"type": "websocket.disconnect", "code": 1006})


async def running(stub, **job):
    """A job whose program has printed and goes on."""
    stub.program.endless = True
    job_id = await stub.submit(**job)
    while not stub.program.logs:
        await asyncio.sleep(0)
    return job_id, stub.program.logs[0]


@pytest.mark.parametrize(
    ("release", "text"),
    [
        ("1.7.0", f"failed to open log stream for job {MISSING}: bucket not found"),
        ("1.9.3", f"job not found: {MISSING}"),
    ],
)
async def test_an_unknown_job_is_one_error_frame(make, release, text):
    """A client would wait for ever, or see a status that a real server cannot send any more."""
    frames, code = await Conversation(make(release), MISSING).to_the_end()
    assert (frames, code) == ([{"error": text, "value": {"Type": 0, "Line": ""}}], 1000)


async def test_a_wrong_parameter_is_one_error_frame(make):
    """`follow=x` would be taken for false."""
    frames, code = await Conversation(make(), MISSING, b"follow=x").to_the_end()
    problem = 'strconv.ParseBool: parsing "x": invalid syntax'
    assert frames[0]["error"] == f"code=400, message=code=400, message={problem}, internal={problem}"
    assert code == 1000


async def test_a_follower_sees_what_was_and_what_comes(make):
    """The log of a running job would stop where the client came."""
    stub = make()
    job_id, log = await running(stub)
    socket = Conversation(stub, job_id, b"follow=true")
    await socket.next()
    assert await socket.frame() == {"value": {"Type": 1, "Line": "hello world\n"}}
    log.write(2, b"<more>\n")
    assert await socket.frame() == {"value": {"Type": 2, "Line": "<more>\n"}}
    log.close()
    assert await socket.next() == {"type": "websocket.close", "code": 1000}


async def test_tail_means_from_now_on(make):
    """`tail` would repeat what was printed before."""
    stub = make()
    job_id, log = await running(stub)
    socket = Conversation(stub, job_id, b"follow=true&tail=true")
    await socket.next()
    await asyncio.sleep(0)
    log.write(1, b"now\n")
    assert (await socket.frame())["value"]["Line"] == "now\n"
    socket.leave()


async def test_without_follow_the_backlog_comes_and_the_socket_closes(make):
    """A dump of a running job would hang."""
    stub = make()
    job_id, _ = await running(stub)
    frames, code = await Conversation(stub, job_id).to_the_end()
    assert ([frame["value"]["Line"] for frame in frames], code) == (["hello world\n"], 1000)
    assert await Conversation(stub, job_id, b"tail=true").to_the_end() == ([], 1000)


@pytest.mark.parametrize(("release", "tail"), [("1.7.0", ["hello world\n"]), ("1.9.3", [])])
async def test_the_log_of_a_finished_job(make, release, tail):
    """Finished jobs would have no log, or a tail that the release does not have."""
    stub = make(release)
    job_id = await stub.submit()
    await stub.finished(job_id)
    dumps = [await Conversation(stub, job_id, query).to_the_end() for query in (b"", b"follow=true", b"tail=true")]
    assert [[frame["value"]["Line"] for frame in frames] for frames, _ in dumps] == [
        ["hello world\n"],
        ["hello world\n"],
        tail,
    ]


async def test_a_wasm_job_since_1_8_is_silent_for_a_minute(make):
    """A client would believe that there is an empty log, which real servers do not say."""
    stub = make()
    job_id = await stub.submit(task={"Engine": {"Type": "wasm", "Params": {}}})
    await stub.finished(job_id)
    socket = Conversation(stub, job_id)
    await socket.next()
    await asyncio.sleep(0)
    stub.clock.advance(59)
    await asyncio.sleep(0)
    assert socket.sent.empty()
    stub.clock.advance(1)
    assert (await socket.frame())["error"] == "timeout while waiting for execution logs"
    assert (await socket.next())["code"] == 1000


async def test_a_client_that_leaves_ends_its_stream(make):
    """Each viewer that went would leave a task behind."""
    stub = make()
    job_id, _ = await running(stub)
    socket = Conversation(stub, job_id, b"follow=true")
    await socket.next()
    await socket.frame()
    socket.leave()
    await asyncio.wait_for(socket.task, 5)
    assert socket.sent.empty()


@pytest.mark.parametrize(("release", "waits"), [("1.7.0", False), ("1.9.3", True)])
async def test_strict_a_finished_jobs_log_while_its_node_serves_another(make, release, waits):
    """74/ops-dump: a dump would hang up to 1.7, or come at once since 1.8."""
    stub = make(release, strict=True)
    done = await stub.submit()
    await stub.finished(done)
    stub.program.logs.clear()
    live, _ = await running(stub, Name="live")
    follower = Conversation(stub, live, b"follow=true")
    dump = Conversation(stub, done)
    accepted = await dump.next()
    assert accepted["deaf"]
    for _ in range(50):
        await asyncio.sleep(0)
    assert dump.sent.empty() is waits
    for conversation in (dump, follower):
        conversation.leave()
        await conversation.task
    await stub.orchestrator.close()


async def test_a_stream_that_breaks_is_closed_and_said_to_the_stubs_owner(make, monkeypatch, caplog):
    """A defect of the stub would look like an empty log, and leave no trace."""
    stub = make()
    monkeypatch.setattr(stub.orchestrator, "log_source", lambda *_: 1 / 0)
    assert await Conversation(stub, MISSING).to_the_end() == ([], 1000)
    assert "ZeroDivisionError" in caplog.text


async def test_a_client_that_is_too_old_gets_a_plain_answer(make):
    """The refusal would come as a frame that old clients do not understand."""
    socket = Conversation(make(), MISSING, headers=[(b"x-bacalhau-git-version", b"v1.3.0")])
    start, body = await socket.next(), await socket.next()
    assert (start["status"], json.loads(body["body"])["MinVersion"]) == (403, "1.4.0")


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ([], 200, ""),
        ([(b"upgrade", b"WebSocket")], 200, ""),
        ([(b"upgrade", b"websocket")], 400, "Bad Request\n"),
    ],
)
def test_a_plain_get_is_answered_as_recorded(headers, status, text):
    """A client that forgets the handshake would see an error that real servers do not give."""
    scope = {"method": "GET", "path": "/x", "raw_path": b"/x", "headers": headers}
    answer = plain_log_answer(Request(scope, RELEASES["1.9.3"]), "j")
    assert (answer.status, answer.text, answer.content_type) == (status, text, "text/plain; charset=utf-8")
