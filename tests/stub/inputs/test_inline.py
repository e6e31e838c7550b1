"""Inline inputs are the bytes of their URL; what is none is refused as recorded (goldens 14, 72, 73)."""

from __future__ import annotations

import base64
import io
import tarfile

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource, SpecConfig
from orchestrator_stub.inputs.inline import InlineSource, parse_data_url


def inline(url, target="/inputs/x"):
    """An input."""
    return InputSource(SpecConfig("inline", {"URL": url}), target)


def packed(*members):
    """A data URL of an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return "data:application/gzip;base64," + base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("data:text/plain;base64,aGVsbG8gaW5wdXQK", b"hello input\n"),
        ("data:application/octet-stream;base64,AAH/YWJj", b"\0\x01\xffabc"),
        ("data:,a%20b%0A", b"a b\n"),
        ("data:text/plain;charset=utf-8,x+y", b"x+y"),
        ("data:,", b""),
    ],
)
async def test_content(url, content, tmp_path):
    """Programs would read something else than on a real server."""
    (mount,) = await InlineSource().fetch(inline(url), tmp_path)
    assert (mount.source.read_bytes(), mount.target, mount.writable, mount.shared) == (content, "/inputs/x", True, False)
    assert await InlineSource().check(inline(url)) == len(content)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nope", "missing data prefix"),
        ("data:;base64,%%%", "invalid data character"),
        ("data:,a b", "invalid data character"),
        ("data:text/plain;base64", "missing comma before data"),
        ("data:;base64,AAAAA", "illegal base64 data at input byte 5"),
    ],
)
async def test_what_is_no_data_url_is_refused_at_the_bid(url, reason):
    """History would show other words (goldens 14 input-bad-data-url, 73 input-bad-url)."""
    with pytest.raises(StepError) as refused:
        await InlineSource().check(inline(url))
    assert refused.value.message == (
        f"calculating resource usage of job: error getting job disk space requirements: {reason}"
    )
    assert refused.value.details == {"ErrorCode": "Bacalhau:"}


def test_the_check_never_waits():
    """Bids without IO are answered before the request is."""
    check = InlineSource().check(inline("data:,abc"))
    with pytest.raises(StopIteration) as done:
        check.send(None)
    assert done.value.value == 3


async def test_an_archive_becomes_a_folder(tmp_path):
    """Command line clients send folders packed."""
    script, folder = tarfile.TarInfo("app/run.sh"), tarfile.TarInfo("app")
    folder.type, script.mode = tarfile.DIRTYPE, 0o755
    url = packed((folder, b""), (script, b"#!/bin/sh\n"))
    (mount,) = await InlineSource().fetch(inline(url, "/app"), tmp_path)
    assert (mount.source / "app" / "run.sh").read_bytes() == b"#!/bin/sh\n"
    assert (mount.source / "app" / "run.sh").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil"])
async def test_an_archive_cannot_leave_its_folder(tmp_path, name):
    """A job could write files of the stub's user."""
    own = tmp_path / "own"
    own.mkdir()
    with pytest.raises(StepError, match="invalid file path"):
        await InlineSource().fetch(inline(packed((tarfile.TarInfo(name), b"x"))), own)
    assert not (tmp_path / "evil").exists()


async def test_links_of_an_archive_are_not_made(tmp_path):
    """A link would let a later file, or the stub itself, reach outside."""
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    (mount,) = await InlineSource().fetch(inline(packed((link, b""))), tmp_path)
    assert list(mount.source.iterdir()) == []


@pytest.mark.parametrize("content", [b"no archive", b"\x1f\x8b broken"])
async def test_a_broken_archive_fails(tmp_path, content):
    """The error says so instead of a traceback."""
    url = "data:application/gzip;base64," + base64.b64encode(content).decode()
    with pytest.raises(StepError, match="cannot unpack inline archive"):
        await InlineSource().fetch(inline(url), tmp_path)


def test_the_media_type_is_told():
    """Archives are recognised by it."""
    assert parse_data_url("data:application/gzip;base64,AA==").media_type == "application/gzip"
    assert parse_data_url("data:,x").media_type == "text/plain"
