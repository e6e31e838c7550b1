"""Whose folder it is: everything that is wrong with one is said in a sentence, and the folder stays as it was."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys

import pytest

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.store.datadir import DataDir


def sums(folder):
    """Every file with its content and the moment of its last change."""
    return {
        path.relative_to(folder): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def refusal(folder, release="1.9.3"):
    """The sentence, for a folder that stays as it is."""
    before = sums(folder) if folder.is_dir() else None
    with pytest.raises(SettingsError) as refused:
        DataDir(folder, release)
    assert (sums(folder) if folder.is_dir() else None) == before, "touched"
    text = str(refused.value)
    assert text.startswith(f"--data-dir {folder}: ")
    assert "\n" not in text
    return text.removeprefix(f"--data-dir {folder}: ")


def test_a_new_folder_is_made_for_its_owner_alone(tmp_path):
    """Anybody on the machine could read what jobs carry."""
    made = DataDir(tmp_path / "a" / "b", "1.9.3")
    made.close()
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    DataDir(tmp_path / "a" / "b", "1.9.3").close()


def test_what_a_stub_left_in_its_first_moments_is_no_obstacle(tmp_path):
    """A stub that was killed while it started could never start there again."""
    (tmp_path / "lock").touch()
    (tmp_path / "stub.json.new").write_text("{")
    DataDir(tmp_path, "1.9.3").close()
    assert json.loads((tmp_path / "stub.json").read_text()) == {"format": 1, "release": "1.9.3"}


def test_a_file_in_its_place(tmp_path):
    """The file would be overwritten, or the error would name a line of ours."""
    (tmp_path / "x").write_text("mine")
    assert refusal(tmp_path / "x") == "is a file; give a folder"
    assert (tmp_path / "x").read_text() == "mine"
    assert "give a folder that can be written" in refusal(tmp_path / "x" / "y")


def test_a_folder_of_something_else(tmp_path):
    """A home folder would fill with the stub's files."""
    (tmp_path / "thesis.txt").write_text("mine")
    assert refusal(tmp_path) == "holds thesis.txt, which no stub has put there; give a new or an empty folder"


def test_another_release(tmp_path):
    """Jobs of one release would be shown as another one's, with states that it does not know."""
    DataDir(tmp_path, "1.8.0").close()
    assert refusal(tmp_path) == "belongs to --emulate 1.8.0, not 1.9.3; serve that release, or give another folder"


def test_another_format(tmp_path):
    """A newer stub's state would be misread and written over."""
    DataDir(tmp_path, "1.9.3").close()
    (tmp_path / "stub.json").write_text('{"format": 7, "release": "1.9.3"}')
    assert refusal(tmp_path).startswith("has format 7, this stub knows format 1; use the stub that made it")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', "null"])
def test_a_broken_note(tmp_path, text):
    """A damaged folder would be taken for a new one, and its state be mixed with another."""
    (tmp_path / "stub.json").write_text(text)
    assert refusal(tmp_path) == "its stub.json is not one of a stub; give another folder"


def test_in_use(tmp_path):
    """Two stubs would write over each other."""
    used = DataDir(tmp_path, "1.9.3")
    text = f"in use by another stub (process {os.getpid()}); stop that one, or give another folder"
    assert refusal(tmp_path) == text
    used.close()
    DataDir(tmp_path, "1.9.3").close()


def test_who_is_killed_lets_go(tmp_path):
    """After a crash somebody would have to find and delete a lock file."""
    code = (
        "import pathlib, os, signal, sys; from orchestrator_stub.store.datadir import DataDir;"
        "d = DataDir(pathlib.Path(sys.argv[1]), '1.9.3'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert ended.returncode == -9
    DataDir(tmp_path, "1.9.3").close()


def test_a_folder_that_cannot_be_made(tmp_path):
    """The error would be a traceback."""
    with pytest.raises(SettingsError, match="x: File name too long; give a folder that can be written"):
        DataDir(tmp_path / ("x" * 300), "1.9.3")
