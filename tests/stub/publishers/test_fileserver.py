"""The file server answers like a node's (golden 71, file_server)."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import httpx
import pytest

from orchestrator_stub.publishers.fileserver import FileServer, Request, answer_for, parse_range


@pytest.fixture
async def server(tmp_path):
    """A server with one archive of 100 bytes."""
    (tmp_path / "e-1.tar.gz").write_bytes(bytes(range(100)))
    (tmp_path / ".e-2.tar.gz.part").write_bytes(b"half")
    server = FileServer(tmp_path, port=0)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def client(server):
    """A client on one connection."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        yield client


async def test_an_archive(client):
    """Downloads would not work."""
    answer = await client.get("/e-1.tar.gz")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["accept-ranges"]) == (200, "application/gzip", "bytes")
    assert answer.content == bytes(range(100))


async def test_head_tells_the_size(client):
    """Clients that ask first would fail, or wait for a body."""
    answer = await client.head("/e-1.tar.gz")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "100", b"")
    assert (await client.get("/e-1.tar.gz")).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "piece", "shown"),
    [("bytes=0-9", range(10), "0-9"), ("bytes=90-", range(90, 100), "90-99"), ("bytes=-5", range(95, 100), "95-99"), ("bytes=99-500", range(99, 100), "99-99")],
)
async def test_ranges(client, wanted, piece, shown):
    """Broken downloads could not be resumed."""
    answer = await client.get("/e-1.tar.gz", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, bytes(piece))
    assert answer.headers["content-range"] == f"bytes {shown}/100"


async def test_a_range_outside(client):
    """A finished download would be appended to."""
    answer = await client.get("/e-1.tar.gz", headers={"Range": "bytes=100-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */100")


async def test_a_file_that_changed_is_sent_whole(client):
    """Two halves of different archives would be put together."""
    old = {"Range": "bytes=50-", "If-Range": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert (await client.get("/e-1.tar.gz", headers=old)).status_code == 200


@pytest.mark.parametrize("path", ["/nope.tar.gz", "/.e-2.tar.gz.part", "/a/b", "/%2e%2e/x"])
async def test_everything_else_is_not_found(client, path):
    """Half-written archives or files outside would be readable."""
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_root_lists_archives(client):
    """FINDINGS-docker 4."""
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<a href="e-1.tar.gz">e-1.tar.gz</a>' in answer.text
    assert "e-2" not in answer.text


async def test_other_methods(client):
    """Nothing can be put there."""
    assert (await client.put("/e-1.tar.gz", content=b"x")).status_code == 405
    assert (await client.get("/e-1.tar.gz")).content == bytes(range(100))


async def test_a_web_page_cannot_play_at_being_this_machine(client):
    """A page whose name resolves to loopback could read all results."""
    assert (await client.get("/e-1.tar.gz", headers={"Host": "evil.example"})).status_code == 403


async def test_a_link_is_no_archive(server, tmp_path):
    """A link in the folder would lead out of it."""
    (tmp_path / "link.tar.gz").symlink_to("/etc/passwd")
    assert (await asyncio.to_thread(answer_for, Request("GET", "/link.tar.gz"), tmp_path)).status == 404


async def test_what_is_not_http_is_hung_up_on(server):
    """One bad client must not disturb the others."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x16\x03\x01 garbage\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_the_port_is_another_one_when_taken(tmp_path):
    """A second stub could not start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = FileServer(tmp_path, port=taken.getsockname()[1])
        await server.start()
        assert not server.url.endswith(f":{taken.getsockname()[1]}")
        await server.close()


@pytest.mark.parametrize(("text", "piece"), [("bytes=5-4", None), ("bytes=-", None), ("lines=1-2", None), ("bytes=0-0", (0, 1))])
def test_ranges_that_mean_nothing(text, piece):
    """They would give negative lengths."""
    assert parse_range(text, 100) == piece


async def test_only_allowed_names_lead_to_archives_and_the_first_is_shown(tmp_path):
    """Any web page could read results by a name of its own, or other machines be given a link to themselves."""
    (tmp_path / "e-1.tar.gz").write_bytes(b"x")
    near = FileServer(tmp_path, port=0, names=("Stub",))
    far = FileServer(tmp_path, host="0.0.0.0", port=0, names=("Stub", "10.0.0.5"))
    for server in (near, far):
        await server.start()
    try:
        assert near.url.startswith("http://127.0.0.1:")
        assert far.url.startswith("http://stub:")
        url = f"http://127.0.0.1:{far.url.rpartition(':')[2]}/e-1.tar.gz"
        async with httpx.AsyncClient(trust_env=False) as client:
            names = {"stub:6001": 200, "STUB": 200, "10.0.0.5:1": 200, "127.0.0.1": 200, "evil.example": 403, "10.0.0.6": 403}
            for name, status in names.items():
                assert (await client.get(url, headers={"Host": name})).status_code == status, name
    finally:
        for server in (near, far):
            await server.close()
