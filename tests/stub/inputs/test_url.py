"""URL inputs: a real download, only from this machine unless allowed (golden 73, input-download)."""

from __future__ import annotations

import asyncio
import socket

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource, SpecConfig
from orchestrator_stub.inputs.url import UrlSource

USAGE = "calculating resource usage of job: error getting job disk space requirements: "


def url(address):
    """An input."""
    return InputSource(SpecConfig("urlDownload", {"URL": address}), "/in")


@pytest.fixture
async def server():
    """A web server; `answers` maps paths to raw answers, `asked` lists request lines."""

    async def connected(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.split(b"\r\n")[0].decode()
        server.asked.append(line)
        method, path, _ = line.split()
        status, headers, body = server.answers.get(path, ("404 Not Found", {}, b""))
        headers = {"Content-Length": str(len(body)), "Connection": "close", **headers}
        text = f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        writer.write(text.encode() + b"\r\n" + (b"" if method == "HEAD" else body))
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server = type("Server", (), {})()
    server.answers, server.asked = {}, []
    server.base = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield server
    listening.close()


async def test_a_file_below_the_target(server, tmp_path):
    """Servers put the file into the target, named like the URL's last part."""
    server.answers["/data/a.csv?x=1"] = ("200 OK", {}, b"id\n1\n")
    source = UrlSource()
    assert await source.check(url(f"{server.base}/data/a.csv?x=1")) == 5
    (mount,) = await source.fetch(url(f"{server.base}/data/a.csv?x=1"), tmp_path)
    assert (mount.target, mount.source.read_bytes()) == ("/in/a.csv", b"id\n1\n")


async def test_a_refused_connection_reads_as_recorded():
    """Golden 73, input-download: four attempts, then this text."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/x"
    with pytest.raises(StepError) as refused:
        await UrlSource().check(url(address))
    assert refused.value.message == (
        f'{USAGE}HEAD {address} giving up after 4 attempt(s): Head "{address}": '
        f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    )
    assert refused.value.details == {"ErrorCode": "Bacalhau:"}


async def test_error_statuses_are_tried_four_times(server):
    """Servers retry whatever the status is."""
    with pytest.raises(StepError, match=r"giving up after 4 attempt\(s\)$"):
        await UrlSource().check(url(f"{server.base}/missing"))
    assert len(server.asked) == 4


@pytest.mark.parametrize("address", ["http://example.com/x", "http://10.0.0.1/x", "http://169.254.169.254/latest/meta-data/x"])
async def test_other_machines_are_not_asked(address):
    """Any job could make the stub fetch from the user's network or the cloud's metadata service."""
    with pytest.raises(StepError, match="URL inputs come only from this machine, not from"):
        await UrlSource().check(url(address))


async def test_the_metadata_service_is_never_asked():
    """Not even where every other host is allowed."""
    with pytest.raises(StepError, match=r"not from 169\.254\.169\.254"):
        await UrlSource(any_host=True).check(url("http://169.254.169.254/latest/x"))


async def test_redirects_are_checked_too(server, tmp_path):
    """A page on this machine could send the stub elsewhere."""
    server.answers["/away"] = ("302 Found", {"Location": "http://example.com/x"}, b"")
    with pytest.raises(StepError, match=r"not from example\.com"):
        await UrlSource().fetch(url(f"{server.base}/away"), tmp_path)


async def test_a_redirect_may_name_the_file(server, tmp_path):
    """Download pages redirect to a link without a good name."""
    server.answers["/start"] = ("302 Found", {"Location": "/blob"}, b"")
    server.answers["/blob"] = ("200 OK", {"Content-Disposition": 'attachment; filename="../a.csv"'}, b"x")
    (mount,) = await UrlSource().fetch(url(f"{server.base}/start"), tmp_path)
    assert (mount.target, mount.source.parent) == ("/in/a.csv", tmp_path)


async def test_a_loop_of_redirects_ends(server):
    """The bid would never be answered."""
    server.answers["/loop"] = ("302 Found", {"Location": "/loop"}, b"")
    with pytest.raises(StepError, match="stopped after 10 redirects"):
        await UrlSource().check(url(f"{server.base}/loop"))


async def test_sizes_are_limited(server, tmp_path):
    """A download would fill the disk, announced or not."""
    server.answers["/big"] = ("200 OK", {}, b"x" * 1000)
    server.answers["/unsaid"] = ("200 OK", {"Content-Length": ""}, b"x" * 1000)
    source = UrlSource(max_bytes=999)
    with pytest.raises(StepError, match="larger than the 999 bytes"):
        await source.check(url(f"{server.base}/big"))
    with pytest.raises(StepError, match="content-length not provided by the server"):
        await source.check(url(f"{server.base}/unsaid"))
    with pytest.raises(StepError, match="larger than the 999 bytes"):
        await source.fetch(url(f"{server.base}/unsaid"), tmp_path)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "invalid url storage params: url cannot be empty"),
        ("ftp://127.0.0.1/x", "URLs must begin with 'http' or 'https'. The submitted one began with ftp"),
        ("http://127.0.0.1", "invalid url storage params: URL must end with a file name"),
    ],
)
async def test_what_is_no_url(address, reason):
    """The error says what is wrong with it."""
    with pytest.raises(StepError) as refused:
        await UrlSource().check(url(address))
    assert refused.value.message == USAGE + reason


@pytest.mark.parametrize("address", ["http://127.0.0.1:x/a", "http://[::1/a", "http://127.0.0.1:99999/a", "http://127.0.0.1:9\ufffd/a"])
async def test_what_is_no_address_fails_the_scan(address):
    """A job with such an input would stay Pending for ever, and the stub would say why to nobody."""
    with pytest.raises(StepError, match="invalid url storage params: invalid URL: parse "):
        await UrlSource().check(url(address))


async def test_an_address_that_the_client_refuses_fails_the_scan():
    """The same for an address that looks fine and is none."""
    with pytest.raises(StepError, match='parse "http://127.0.0.1/'):
        await UrlSource().check(url("http://127.0.0.1/\x00"))
