"""The bytes of a run's streams: few in memory, many in files, the same to whoever reads."""

from __future__ import annotations

import shutil

import pytest

from orchestrator_stub.logs.streams import FEW, Reader, Streams


class Place:
    """Makes one folder when it is asked to."""

    def __init__(self, path):
        self.path = path
        self.made = 0

    def __call__(self):
        """The folder."""
        self.made += 1
        self.path.mkdir()
        return self.path


@pytest.fixture
def place(tmp_path):
    """Where the files would be."""
    return Place(tmp_path / "log")


def test_few_bytes_need_no_file(place):
    """A thousand scripted runs would hold two thousand files open."""
    streams = Streams(place)
    streams.append(1, b"hello ")
    streams.append(2, b"oops")
    streams.append(1, b"world")
    with Reader(streams) as reader:
        assert reader.read(1, 0, 100) == b"hello world"
        assert reader.read(1, 6, 3) == b"wor"
        assert reader.read(2, 0, 4) == b"oops"
    streams.close()
    streams.delete()
    assert place.made == 0


def test_many_bytes_go_to_files_and_readers_do_not_notice(place):
    """A follower would lose what was written before the files were made, or what came after."""
    streams = Streams(place)
    streams.append(1, b"first ")
    with Reader(streams) as reader:
        assert reader.read(1, 0, 6) == b"first "
        streams.append(2, b"x" * FEW)
        streams.append(1, b"second")
        assert reader.read(1, 6, 6) == b"second"
        assert reader.read(2, 0, 3) == b"xxx"
        assert reader.read(1, 0, 12) == b"first second"
    streams.close()
    assert (streams.path(1).read_bytes(), streams.path(2).read_bytes()) == (b"first second", b"x" * FEW)
    assert place.made == 1
    streams.delete()
    assert not place.path.exists()


@pytest.mark.parametrize("is_over", [False, True])
def test_whoever_asks_for_a_file_gets_it(place, is_over):
    """A publisher would find no stdout to pack."""
    streams = Streams(place)
    streams.append(1, b"few")
    if is_over:
        streams.close()
    assert (streams.path(1).read_bytes(), streams.path(2).read_bytes()) == (b"few", b"")
    if not is_over:
        streams.append(1, b" more")
        streams.close()
        assert streams.path(1).read_bytes() == b"few more"
    assert streams._fds == {}, "no file stays open"


def test_a_folder_that_is_there_gets_its_files_at_once(tmp_path):
    """A real program's output would have nowhere to go while its folder is being looked at."""
    streams = Streams(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stderr", "stdout"]
    streams.append(1, b"x")
    streams.close()
    again = Streams(tmp_path, is_over=True)
    with Reader(again) as reader:
        assert reader.read(1, 0, 10) == b"x"


def test_a_reader_outlives_its_files(tmp_path):
    """The end of a log that is deleted while somebody follows it would be lost."""
    folder = tmp_path / "log"
    folder.mkdir()
    streams = Streams(folder)
    streams.append(1, b"last words")
    with Reader(streams) as reader:
        streams.close()
        shutil.rmtree(folder)
        assert reader.read(1, 0, 100) == b"last words"
        with pytest.raises(FileNotFoundError):
            Reader(streams)


def test_what_was_few_is_taken_over_without_a_file(place):
    """After a restart each finished run that said little would cost two files."""
    streams = Streams(place)
    streams.append(1, b"few")
    streams.append(2, b"er")
    again = Streams(place)
    again.take_over(streams.few())
    assert (again.few(), place.made) == ((b"few", b"er"), 0)
    assert again.path(2).read_bytes() == b"er"
    assert (again.few(), place.made) == (None, 1)
    there = Streams(place.path, is_over=True)
    there.take_over(None)
    assert there.path(1).read_bytes() == b"few"
