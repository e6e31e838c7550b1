"""Files on their way into a container and out of it: whole, and never anywhere else."""

from __future__ import annotations

import io
import os
import tarfile

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.runners.docker_files import Pieces, tar_of, untar


def pieces(data, size=1000):
    """Bytes in pieces, as a socket gives them."""
    return Pieces(data[start : start + size] for start in range(0, len(data), size))


def archive(*members):
    """A tar archive of (name, type, content or link)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, 0o000
            if kind == tarfile.REGTYPE:
                entry.size = len(content)
                made.addfile(entry, io.BytesIO(content))
            else:
                entry.linkname = content
                made.addfile(entry)
    return buffer.getvalue()


def test_a_folder_arrives_as_it_was(tmp_path):
    """Inputs would lose their content, their place or their rights."""
    source = tmp_path / "source"
    (source / "a" / "empty").mkdir(parents=True)
    (source / "a" / "f").write_bytes(b"x" * 1000)
    (source / "big").write_bytes(os.urandom(600_000))
    (source / "link").symlink_to("a/f")
    (source / "a" / "f").chmod(0o755)
    data = b"".join(tar_of([("in/put", source), ("one", source / "a" / "f")]))
    with tarfile.open(fileobj=io.BytesIO(data)) as made:
        assert made.getnames() == ["in/put", "in/put/a", "in/put/a/empty", "in/put/a/f", "in/put/big", "in/put/link", "one"]
        assert {(member.uid, member.gid) for member in made} == {(0, 0)}
        assert (made.getmember("one").mode, made.getmember("in/put/link").linkname) == (0o755, "a/f")
        assert made.extractfile("in/put/big").read() == (source / "big").read_bytes()


@pytest.mark.parametrize("size", [1, 100, 512, 10**6])
def test_results_arrive_and_can_be_read(tmp_path, size):
    """A program's file that only its own user may read could not be published."""
    data = archive(
        ("./", tarfile.DIRTYPE, ""),
        ("./d", tarfile.DIRTYPE, ""),
        ("./d/f", tarfile.REGTYPE, b"deep\n"),
        ("./d/again", tarfile.LNKTYPE, "./d/f"),
        ("./link", tarfile.SYMTYPE, "d/f"),
        ("./pipe", tarfile.FIFOTYPE, ""),
    )
    assert untar(pieces(data, size), tmp_path, 5) == 5
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["again", "d", "f", "link"]
    assert ((tmp_path / "d" / "f").read_bytes(), (tmp_path / "d" / "again").read_bytes()) == (b"deep\n", b"deep\n")
    assert ((tmp_path / "link").readlink().name, (tmp_path / "d" / "f").stat().st_mode & 0o777) == ("f", 0o600)


def test_nothing_is_written_or_read_outside_of_the_folder(tmp_path):
    """A program could change any file of the user by what it leaves in its results."""
    outside, folder = tmp_path / "outside", tmp_path / "results"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret").write_text("mine")
    data = archive(
        ("../up", tarfile.REGTYPE, b"x"),
        (f"{outside}/abs", tarfile.REGTYPE, b"x"),
        ("way", tarfile.SYMTYPE, str(outside)),
        ("way/through", tarfile.REGTYPE, b"x"),
        ("way/folder", tarfile.DIRTYPE, ""),
        ("taken", tarfile.LNKTYPE, "way/secret"),
        ("up", tarfile.LNKTYPE, "../outside/secret"),
        ("file", tarfile.SYMTYPE, str(outside / "secret")),
        ("file", tarfile.REGTYPE, b"overwritten"),
    )
    untar(pieces(data), folder, 1000)
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "mine"
    assert not (tmp_path / "up").exists()
    assert (outside / "secret").stat().st_nlink == 1


def test_more_than_the_limit_is_refused_before_it_is_written(tmp_path):
    """One job would fill the disk of the stub."""
    with pytest.raises(StepError, match="disk limit of 10 bytes"):
        untar(pieces(archive(("a", tarfile.REGTYPE, b"x" * 6), ("b", tarfile.REGTYPE, b"x" * 6))), tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
