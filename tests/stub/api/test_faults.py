"""Faults over raw sockets, plain and with TLS: what a client gets byte by byte, and what the stub did all the same."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct

import pytest

from orchestrator_stub.settings.flags import Tls

JOBS = "/api/v1/orchestrator/jobs"
TASK = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "x"}}}
PATIENCE = 30


def request(method: str, path: str, body: bytes = b"", *more: str) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: raw/1", *more]
    lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def submit(name: str = "n") -> bytes:
    """A job of this name."""
    return request("PUT", JOBS, json.dumps({"Job": {"Name": name, "Type": "batch", "Count": 1, "Tasks": [TASK]}}).encode())


class Line:
    """One connection of a client that speaks bytes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def ask(self, message):
        """Send a request; status line with headers, and body, of the answer."""
        self.writer.write(message)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        found = {key.lower(): value for key, _, value in (line.partition(b": ") for line in head.split(b"\r\n"))}
        return head, await asyncio.wait_for(self.reader.readexactly(int(found[b"content-length"])), PATIENCE)

    async def rest(self, message=b""):
        """Send bytes; all that comes until the server ends the connection."""
        self.writer.write(message)
        return await asyncio.wait_for(self.reader.read(), PATIENCE)

    def close(self):
        """Go in an orderly way."""
        self.writer.close()

    def reset(self):
        """Go without a word, as when the machine is switched off."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def is_alive(self):
        """Whether the same connection answers once more."""
        head, _ = await self.ask(request("GET", "/api/v1/agent/alive"))
        return head.startswith(b"HTTP/1.1 200 OK")


class Served:
    """A stub with faults."""

    def __init__(self, stub, client):
        self.stub, self.client, self._lines = stub, client, []
        self._tls = ssl.create_default_context(cafile=stub.info.ca_file) if stub.info.ca_file else None
        self._port = int(stub.url.rpartition(":")[2])

    async def line(self):
        """A new connection."""
        line = Line(*await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls))
        self._lines.append(line)
        return line

    async def fault(self, kind, *, method="", path="", match=None, **do):
        """Set a fault; its id."""
        match = {**(match or {}), **({"method": method} if method else {}), **({"path": path} if path else {})}
        answer = await self.client.post("/stub/faults", json={"match": match, "do": {"kind": kind, **do}})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    async def shown(self):
        """The faults by id."""
        return {each["id"]: each for each in (await self.client.get("/stub/faults")).json()["faults"]}

    async def held(self, number):
        """Wait until so many requests are held."""
        for _ in range(5000):
            if sum(each["held"] for each in (await self.shown()).values()) == number:
                return
            await asyncio.sleep(0.005)
        raise AssertionError(await self.shown())

    async def names(self):
        """Names of the jobs that exist."""
        return [job["Name"] for job in (await self.client.get(JOBS)).json()["Items"] or []]

    async def journal(self):
        """(method, status, fault, whether it made or named a job) of each entry but our own looks."""
        entries = (await self.client.get("/stub/journal")).json()["entries"]
        return [(e["method"], e["status"], e["fault"], bool(e["jobs"])) for e in entries if e["client"] == "raw/1"]

    async def close(self):
        """End all connections."""
        for line in self._lines:
            line.writer.transport.abort()


@pytest.fixture(params=["plain", "tls"])
async def served(request, start_stub):
    """A stub, over TCP and over TLS."""
    stub, client = await start_stub(tls=Tls() if request.param == "tls" else None)
    if stub.info.ca_file:
        client = type(client)(base_url=stub.url, trust_env=False, verify=ssl.create_default_context(cafile=stub.info.ca_file))
    served = Served(stub, client)
    yield served
    await served.close()
    await client.aclose()


async def test_status_answers_instead_of_the_effect(served):
    """A test of a broken proxy would submit the job all the same, or lose its connection."""
    await served.fault("status", method="PUT", status=520, body={"a": 1}, headers={"Retry-After": "7"})
    line = await served.line()
    head, body = await line.ask(submit())
    assert head.startswith(b"HTTP/1.1 520 status code 520\r\n")
    assert b"\r\nretry-after: 7\r\ncontent-type: application/json\r\n" in head
    assert body == b'{"a": 1}'
    assert await line.is_alive()
    assert await served.names() == []
    assert (await served.journal())[0] == ("PUT", 520, "f-1 status", False)


async def test_drop_request_ends_the_connection_without_a_byte_and_without_effect(served):
    """`The request never arrived` could not be told from `the answer was lost`."""
    await served.fault("drop_request", method="PUT")
    assert await (await served.line()).rest(submit()) == b""
    assert await served.names() == []
    assert await served.journal() == [("PUT", 0, "f-1 drop_request", False)]


async def test_drop_reply_ends_the_connection_without_a_byte_after_the_effect(served):
    """The one fault that shows a double submit would not: the job must be there, and the client must have seen nothing."""
    await served.fault("drop_reply", method="PUT", path="*/jobs")
    assert await (await served.line()).rest(submit()) == b""
    assert await served.names() == ["n"]
    assert (await served.shown())["f-1"]["hits"] == 1
    assert await served.journal() == [("PUT", 0, "f-1 drop_reply", True)]
    head, _ = await (await served.line()).ask(submit("again"))
    assert head.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("kind", ["drop_request", "drop_reply", "hang"])
async def test_an_answer_before_the_lost_one_arrives_whole(served, kind):
    """A request before the one that is lost would lose its answer as well."""
    await served.fault(kind, path="*/nodes")
    line = await served.line()
    line.writer.write(request("GET", "/api/v1/agent/alive") + request("GET", "/api/v1/orchestrator/nodes"))
    if kind == "hang":
        await served.held(1)
        await served.client.delete("/stub/faults")
    answers = await line.rest()
    assert answers.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answers.count(b"HTTP/1.1") == 1


async def test_a_long_body_is_no_reason_to_reset(served):
    """A client would be told of a reset where the connection was to end in silence."""
    await served.fault("drop_request", method="PUT")
    line = await served.line()
    assert await line.rest(request("PUT", JOBS, b"x" * 900_000)) == b""


async def test_delay_holds_a_request_before_its_effect(served):
    """The effect would come too early, or the answer never."""
    await served.fault("delay", method="PUT", seconds=3600)
    line = await served.line()
    asked = asyncio.ensure_future(line.ask(submit()))
    await served.held(1)
    assert (await served.names(), await served.journal()) == ([], [])
    assert (await served.client.delete("/stub/faults/f-1")).json() == {"removed": ["f-1"]}
    head, body = await asked
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert await served.names() == ["n"]
    assert json.loads(body)["JobID"]
    assert await line.is_alive()
    assert (await served.journal())[0] == ("PUT", 200, "f-1 delay", True)


async def test_a_held_request_whose_client_left_is_still_carried_out(served):
    """A submit that was slow on its way would vanish with the client that gave up: on a real network it does not."""
    await served.fault("delay", method="PUT", seconds=3600, match={"times": 0})
    for number, leave in enumerate(("close", "reset")):
        line = await served.line()
        line.writer.write(submit(f"n{number}"))
        await served.held(number + 1)
        getattr(line, leave)()
    half = await served.line()
    half.writer.write(submit("half")[:-20])
    while (await served.shown())["f-1"]["hits"] < 3:
        await asyncio.sleep(0.005)
    half.writer.close()
    await served.client.delete("/stub/faults")
    for _ in range(3000):
        if len(await served.journal()) == 3:
            break
        await asyncio.sleep(0.01)
    assert sorted(await served.names()) == ["n0", "n1"]
    assert sorted(await served.journal()) == sorted([("PUT", 0, "f-1 delay", True)] * 2 + [("PUT", 0, "f-1 delay", False)])


async def test_delay_after_the_effect_holds_only_the_answer(served):
    """Nobody could be killed between the effect of a submit and its answer, where most jobs are lost or doubled."""
    await served.fault("delay", method="PUT", seconds=3600, after="effect")
    line = await served.line()
    asked = asyncio.ensure_future(line.ask(submit()))
    await served.held(1)
    assert await served.names() == ["n"]
    assert not asked.done()
    await served.client.delete("/stub/faults/f-1")
    head, body = await asked
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert json.loads(body)["JobID"]
    assert await line.is_alive()
    assert (await served.journal())[0] == ("PUT", 200, "f-1 delay", True)


async def test_an_effect_stays_when_the_client_of_a_held_answer_leaves(served):
    """A job whose submitter died while it waited for the answer would vanish: a real server has it."""
    await served.fault("delay", method="PUT", seconds=3600, after="effect")
    line = await served.line()
    line.writer.write(submit())
    await served.held(1)
    line.reset()
    await served.client.delete("/stub/faults")
    for _ in range(3000):
        if await served.journal():
            break
        await asyncio.sleep(0.01)
    assert await served.names() == ["n"]
    assert await served.journal() == [("PUT", 0, "f-1 delay", True)]


async def test_delay_ends_by_itself(served):
    """A delay of a moment would have to be taken away by hand."""
    await served.fault("delay", seconds=0.05)
    line = await served.line()
    began = asyncio.get_running_loop().time()
    assert await line.is_alive()
    assert asyncio.get_running_loop().time() - began >= 0.05


async def test_hang_answers_nothing_until_it_is_taken_away(served):
    """A client's timeout could not be tried, or the request would have an effect."""
    await served.fault("hang", method="PUT", match={"times": 0})
    line, other = await served.line(), await served.line()
    line.writer.write(submit())
    other.writer.write(submit())
    await served.held(2)
    assert await served.journal() == [("PUT", 0, "f-1 hang", False)] * 2
    other.writer.close()  # who goes is not held any more
    await served.held(1)
    heard = asyncio.ensure_future(line.reader.read(1))
    await asyncio.sleep(0.05)
    assert not heard.done()
    await served.client.delete("/stub/faults/f-1")
    assert await asyncio.wait_for(heard, PATIENCE) == b""
    assert await served.names() == []


async def test_reset_resets(served):
    """A client would see an orderly end instead of a broken connection."""
    await served.fault("reset", method="PUT")
    line = await served.line()
    with pytest.raises(ConnectionResetError):
        await line.rest(submit())
    assert await served.names() == []
    assert await served.journal() == [("PUT", 0, "f-1 reset", False)]


@pytest.mark.parametrize("most", [0, 1, 40, 10_000])
async def test_truncate_announces_the_whole_and_sends_a_part(served, most):
    """A client could not find out that something is missing, or would get another number of bytes than was said."""
    line = await served.line()
    whole, body = await line.ask(request("GET", "/api/v1/orchestrator/nodes"))
    await served.fault("truncate", path="*/nodes", bytes=most)
    head, _, part = (await line.rest(request("GET", "/api/v1/orchestrator/nodes"))).partition(b"\r\n\r\n")
    length = b"content-length: %d" % len(body)
    assert length in head
    assert length in whole
    assert len(part) == min(most, len(body))
    assert b"connection: close" not in head
    assert await served.journal() == [("GET", 200, "", False), ("GET", 200, "f-1 truncate", False)]


async def test_truncate_keeps_the_effect(served):
    """A submit whose answer breaks off would not be one."""
    await served.fault("truncate", method="PUT", bytes=3)
    assert (await (await served.line()).rest(submit())).endswith(b"\r\n\r\n{\"J")
    assert await served.names() == ["n"]


async def test_garbage_comes_instead_of_the_answer(served):
    """A client would be spared what a broken server sends; or two runs with one seed would differ."""
    await served.fault("garbage", method="PUT", bytes=5_000)
    heard = await (await served.line()).rest(submit())
    assert len(heard) == 5_000
    assert heard == served.stub.orchestrator.ids.source("garbage").randbytes(5_000)
    assert await served.names() == ["n"]
    assert await served.journal() == [("PUT", 0, "f-1 garbage", True)]


async def test_stale_answers_from_before(served):
    """A client that looks for its job right after a submit would always find it, as on no replica that lags."""
    line = await served.line()
    await line.ask(submit("first"))
    await served.fault("stale", path=f"{JOBS}*", seconds=3600, match={"times": 2})
    _, answer = await line.ask(submit("second"))
    _, listed = await line.ask(request("GET", JOBS))
    assert [job["Name"] for job in json.loads(listed)["Items"]] == ["first"]
    head, _ = await line.ask(request("GET", f"{JOBS}/{json.loads(answer)['JobID']}"))
    assert head.startswith(b"HTTP/1.1 404 Not Found")
    head, _ = await line.ask(request("GET", f"{JOBS}/{json.loads(answer)['JobID']}"))
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert (await served.shown())["f-1"]["hits"] == 2


async def test_nth_and_header_choose_among_requests(served):
    """`The second look of this client` would be another one."""
    await served.fault("drop_request", match={"nth": 2, "header": {"X-Team": "ml*"}})
    line = await served.line()
    for team, answers in (("ml", True), ("ops", True), ("ops", True), ("mlx", False)):
        heard = asyncio.ensure_future(line.ask(request("GET", "/api/v1/agent/alive", b"", f"X-Team: {team}")))
        if answers:
            await heard
        else:
            with pytest.raises(asyncio.IncompleteReadError):
                await heard


async def test_faults_never_touch_the_stubs_own_surface(served):
    """A fault for everything could never be taken away again."""
    await served.fault("drop_request", match={"times": 0})
    assert (await served.client.get("/stub/info")).status_code == 200
    assert (await served.client.get("/stub/")).status_code == 200
    assert (await served.shown())["f-1"]["hits"] == 0
    assert (await served.client.delete("/stub/faults")).json() == {"removed": ["f-1"]}


async def test_a_request_that_waits_for_100_continue_is_dropped_without_a_byte(served):
    """`Without a byte` would be a 100 Continue."""
    await served.fault("drop_request", method="PUT")
    await served.fault("hang", method="PUT")
    message = request("PUT", JOBS, b"", "Content-Length: 5", "Expect: 100-continue")
    assert await (await served.line()).rest(message) == b""
    line = await served.line()
    line.writer.write(message)
    await served.held(1)
    await served.client.delete("/stub/faults")
    assert await line.rest() == b""
