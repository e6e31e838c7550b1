"""Local inputs come only from folders that the user has opened."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource, SpecConfig
from orchestrator_stub.inputs.local import LocalSource, OpenFolder


def local(path, **more):
    """An input."""
    return InputSource(SpecConfig("localDirectory", {"SourcePath": str(path), **more}), "/in")


@pytest.fixture
def data(tmp_path):
    """An opened folder with a file."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "f").write_text("x")
    return folder


@pytest.fixture
def source(data):
    """Local inputs below the folder, read-only."""
    return LocalSource("localdirectory", [OpenFolder(data)])


async def test_a_folder_is_mounted_itself(source, data, tmp_path):
    """A copy would be slow and would not show what the user changes."""
    (mount,) = await source.fetch(local(data), tmp_path)
    assert (mount.source, mount.target, mount.writable, mount.shared) == (data, "/in", False, True)
    assert await source.check(local(data / "f")) == 0


@pytest.mark.parametrize("path", ["/etc", "{data}/../", "{data}2", "{data}/link", "relative"])
async def test_nothing_else_is_reachable(source, data, tmp_path, path):
    """A job could read any file of the user, by `..`, by a link or by a similar name."""
    (tmp_path / "data2").mkdir()
    (data / "link").symlink_to("/etc")
    for step in (source.check(local(path.format(data=data))), source.fetch(local(path.format(data=data)), tmp_path)):
        with pytest.raises(StepError, match="is not allowlisted$") as refused:
            await step
        assert refused.value.details["ErrorCode"] == "Bacalhau:ConfigurationError"


async def test_writing_needs_its_own_permission(source, data, tmp_path):
    """A job could change files that were only to be read."""
    with pytest.raises(StepError, match="is not granted write access$"):
        await source.check(local(data, ReadWrite=True))
    open_for_writing = LocalSource("localdirectory", [OpenFolder(data, writable=True)])
    (mount,) = await open_for_writing.fetch(local(data, ReadWrite="true"), tmp_path)
    assert mount.writable


async def test_what_is_missing_fails_at_the_bid(source, data):
    """The job would start and find nothing."""
    with pytest.raises(StepError, match="does not exist and creation is not allowed$"):
        await source.check(local(data / "nope"))


async def test_the_newer_type_can_create(data, tmp_path):
    """`local` of 1.8 and later makes what a job wants to write."""
    source = LocalSource("local", [OpenFolder(data, writable=True)])
    await source.fetch(local(data / "new" / "folder", ReadWrite=True, CreateAs="dir"), tmp_path)
    await source.fetch(local(data / "more" / "file", ReadWrite=True, CreateAs="file"), tmp_path)
    assert (data / "new" / "folder").is_dir()
    assert (data / "more" / "file").is_file()
    with pytest.raises(StepError, match="invalid CreateAs value zip"):
        await source.check(local(data, CreateAs="zip"))
