"""One root with everything in it, and everything back afterwards."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.wasm_files import WasmFiles


@pytest.fixture
def place(tmp_path):
    """Makes a file (bytes) or folder (dict) and gives back its path."""

    def make(name, content):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.mkdir()
            for child, data in content.items():
                (path / child).write_bytes(data)
        return path

    return make


def test_mounts_are_inside_and_come_back(tmp_path, place):
    """A run would lose its inputs or its results."""
    file, outputs = place("f", b"x"), place("o", {})
    mounts = [Mount(file, "/outputs/in.txt"), Mount(outputs, "outputs", writable=True)]
    with WasmFiles(tmp_path / "root", mounts) as files:
        assert files.path("/outputs/in.txt").read_bytes() == b"x"
        (tmp_path / "root" / "outputs" / "result").write_bytes(b"r")
    assert file.read_bytes() == b"x"
    assert [path.name for path in outputs.iterdir()] == ["result"]


def test_a_folder_at_the_root(tmp_path, place):
    """A target of "/" is the whole root."""
    with WasmFiles(tmp_path / "root", [Mount(place("d", {"a": b"1"}), "/")]) as files:
        assert files.path("a").read_bytes() == b"1"
    assert (tmp_path / "d" / "a").read_bytes() == b"1"


def test_shared_folders_are_opened_where_they_are(tmp_path, place):
    """The user's data must not move; its rights are the mount's."""
    mine = place("mine", {"a": b"1"})
    with WasmFiles(tmp_path / "root", [Mount(mine, "/data/mine", shared=True)]) as files:
        assert files.path("/data/mine/a") == mine / "a"
        assert [(each.source, each.target, each.writable) for each in files.preopens[1:]] == [(mine, "/data/mine", False)]
    assert (mine / "a").read_bytes() == b"1"


def test_a_shared_file_is_changed_only_when_granted(tmp_path, place):
    """A read-only local file would be overwritten, or changes of a writable one lost."""
    fixed, open_file = place("fixed", b"old"), place("open", b"old")
    mounts = [Mount(fixed, "/fixed", shared=True), Mount(open_file, "/open", writable=True, shared=True)]
    with WasmFiles(tmp_path / "root", mounts) as files:
        files.path("/fixed").write_bytes(b"new")
        files.path("/open").write_bytes(b"new")
    assert (fixed.read_bytes(), open_file.read_bytes()) == (b"old", b"new")


def test_a_removed_result_folder_is_there_again(tmp_path, place):
    """FINDINGS-docker 4: it is never missing in the archive; a link in its place must not lead out."""
    gone, linked = place("gone", {}), place("linked", {})
    mounts = [Mount(gone, "/gone", writable=True), Mount(linked, "/linked", writable=True)]
    with WasmFiles(tmp_path / "root", mounts) as files:
        files.path("/gone").rmdir()
        files.path("/linked").rmdir()
        files.path("/linked").symlink_to("/etc")
    assert list(gone.iterdir()) == []
    assert not linked.is_symlink()
    assert list(linked.iterdir()) == []


def test_what_cannot_be_mounted_fails_and_comes_back(tmp_path, place):
    """Half a file system would be left, or another error than the input's shown."""
    first, second = place("1", b"1"), place("2", b"2")
    for wrong in (Mount(second, "/a"), Mount(tmp_path / "missing", "/b")):
        with pytest.raises(StepError, match="^input configuration error: "), WasmFiles(tmp_path / "root", [Mount(first, "/a"), wrong]):
            pass
        (tmp_path / "root").rmdir()
        assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")


def test_targets_never_lead_out(tmp_path, place):
    """A target with `..` would be mounted beside the root."""
    with WasmFiles(tmp_path / "root", [Mount(place("f", b"x"), "/../../f")]):
        assert (tmp_path / "root" / "f").read_bytes() == b"x"
