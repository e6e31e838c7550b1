"""Results of several executions in one folder."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import ArchiveRefused, ConfigError, ResultError
from airflow_provider_bacalhau.results.layout import Unpacked, arrange


@pytest.fixture
def tree(tmp_path):
    def make(owner, files):
        root = tmp_path / f"raw-{len(list(tmp_path.iterdir()))}"
        root.mkdir()
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                (root / name).symlink_to(content)
            elif content is None:
                (root / name).mkdir()
            else:
                (root / name).write_bytes(content)
        return Unpacked(owner, root)

    return make


def content(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_each_execution_has_its_folder(tree, tmp_path):
    """Equal names of two executions would overwrite each other."""
    arrange([tree("e-1", {"stdout": b"1"}), tree("e-2", {"stdout": b"2"})], tmp_path / "out", "per-execution")
    assert content(tmp_path / "out") == {"e-1/stdout": b"1", "e-2/stdout": b"2"}


def test_odd_and_equal_owners_get_names_of_their_own(tree, tmp_path):
    """An owner's name could leave the folder, or hide another's result."""
    owners = ["../e", "e", "..", "e/1"]
    arrange([tree(owner, {"x": b"1"}) for owner in owners], tmp_path / "out", "per-execution")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["e", "e-1", "e-2", "result"]


def test_merged_concatenates_what_every_execution_writes(tree, tmp_path):
    """`bacalhau job get` does so; users would miss the output of all but one."""
    parts = [tree(f"e-{n}", {"stdout": b"%d\n" % n, "exitCode": b"0", f"outputs/{n}": b"x"}) for n in range(3)]
    arrange(parts, tmp_path / "out", "merged")
    assert content(tmp_path / "out") == {
        "stdout": b"0\n1\n2\n", "exitCode": b"000", "outputs/0": b"x", "outputs/1": b"x", "outputs/2": b"x",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ({"outputs/a": b"1"}, {"outputs/a": b"2"}, "outputs/a"),
        ({"outputs/stdout": b"1"}, {"outputs/stdout": b"2"}, "outputs/stdout"),
        ({"a": b"1"}, {"a/b": b"2"}, "a"),
        ({"a/b": b"1"}, {"a": b"2"}, "a"),
        ({"a": "x"}, {"a/b": b"2"}, "a"),
        ({"d": None}, {"d": b"1"}, "d"),
        ({"stdout": "x"}, {"stdout": b"1"}, "stdout"),
    ],
)
def test_any_other_collision_names_both(tree, tmp_path, first, second, name):
    """One of two files would silently be lost."""
    with pytest.raises(ResultError, match=f"'{name}' was published by both e-1 and e-2"):
        arrange([tree("e-1", first), tree("e-2", second)], tmp_path / "out", "merged")


def test_merging_keeps_empty_folders(tree, tmp_path):
    """A step that lists outputs/ would fail on a result without files."""
    arrange([tree("e-1", {"outputs": None}), tree("e-2", {"outputs": None})], tmp_path / "out", "merged")
    assert (tmp_path / "out/outputs").is_dir()


def test_two_archives_together_cannot_make_a_link_lead_out(tree, tmp_path):
    """Each is harmless alone: the missing part of the one's link is the other's link."""
    first = tree("e-1", {"c": "d/e/f/../../../x"})
    second = tree("e-2", {"d/e": "..", "f/y": b"1"})
    with pytest.raises(ArchiveRefused, match="e-1 hold the link 'c'"):
        arrange([first, second], tmp_path / "out", "merged")


def test_an_unknown_layout_is_refused(tmp_path):
    """A typo would mean the default."""
    with pytest.raises(ConfigError, match="merged"):
        arrange([], tmp_path / "out", "flat")
