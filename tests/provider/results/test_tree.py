"""A folder that hostile names may be written into."""

from __future__ import annotations

import os

import pytest

from airflow_provider_bacalhau.errors import ArchiveRefused
from airflow_provider_bacalhau.results.tree import Tree, escaping_link, files_of


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tree").mkdir()
    return Tree(tmp_path / "tree", what="the result")


def write(tree, name, data=b"x"):
    with tree.file(name) as file:
        file.write(data)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a/..", "..", "a\0b"])
def test_names_that_leave_are_refused(tree, name):
    """A file anywhere on the worker could be overwritten."""
    with pytest.raises(ArchiveRefused, match="the result was refused"):
        tree.name(name)


@pytest.mark.parametrize(
    ("name", "clean"), [(".", ""), ("./a//b/", "a/b"), ("..a/b..", "..a/b.."), ("caf\udce9", "caf\ufffd")]
)
def test_odd_names_are_cleaned(tree, name, clean):
    """Harmless results would be refused, or names come out that no database takes."""
    assert tree.name(name) == clean


def test_nothing_is_written_twice(tree):
    """The second of two equal names would silently win."""
    write(tree, "a/b")
    with pytest.raises(ArchiveRefused, match="'a/b' twice"):
        write(tree, "a/b")
    with pytest.raises(ArchiveRefused, match="twice"):
        tree.link("a/b", "c")


def test_a_file_cannot_be_a_folder_too(tree):
    """Overlapping names would end in a stack trace."""
    write(tree, "a")
    with pytest.raises(ArchiveRefused, match="both"):
        write(tree, "a/b")
    tree.folder("d")
    tree.folder("d")
    with pytest.raises(ArchiveRefused, match="twice"):
        write(tree, "d")


def test_nothing_is_written_through_a_link(tree, tmp_path):
    """A link followed by a member below it would write wherever the link leads."""
    tree.link("a", "..")
    with pytest.raises(ArchiveRefused, match="both"):
        write(tree, "a/pwned")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "", "a\0"])
def test_absolute_links_are_refused_at_once(tree, target):
    """A result could show the worker's own files as its output."""
    with pytest.raises(ArchiveRefused, match="outside"):
        tree.link("a", target)


@pytest.mark.parametrize(
    "links", [{"a": ".."}, {"a": "b/../../x"}, {"a": "b", "b": "../.."}, {"x": "x"}, {"d/l": "../../x"}]
)
def test_links_that_lead_out_are_found_when_all_is_there(tree, links):
    """A chain of harmless looking links would lead out."""
    for name, target in links.items():
        tree.link(name, target)
    with pytest.raises(ArchiveRefused, match="outside"):
        tree.check_links()


def test_links_that_stay_are_kept(tree):
    """`latest -> step-1000` is what training jobs write."""
    write(tree, "steps/1000/model")
    tree.link("steps/latest", "1000")
    tree.link("up", "steps/../steps/1000/model")
    tree.link("later", "not-there")
    tree.check_links()
    assert (tree.root / "steps/latest/model").read_bytes() == b"x"
    assert escaping_link(tree.root) is None
    assert list(files_of(tree.root)) == ["later", "up", "steps/latest", "steps/1000/model"]


def test_modes_keep_executable_and_nothing_else(tree):
    """A setuid bit would survive, or a script lose its x."""
    with tree.file("run", executable=True):
        pass
    write(tree, "data")
    mask = os.umask(0)
    os.umask(mask)
    assert (tree.root / "run").stat().st_mode & 0o7777 == 0o777 & ~mask
    assert (tree.root / "data").stat().st_mode & 0o7777 == 0o666 & ~mask
