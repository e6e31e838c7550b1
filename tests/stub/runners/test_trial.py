"""The trial at start: a sandbox is used only where it holds."""

from __future__ import annotations

import sys

import pytest

from orchestrator_stub.runners.trial import trial


def test_it_works_here():
    """Docker jobs would be switched off although bubblewrap works."""
    outcome = trial()
    assert (outcome.reason, outcome.works, outcome.bubblewrap) == ("", True, outcome.bubblewrap)


def fake(tmp_path, body):
    """A program in bubblewrap's place."""
    path = tmp_path / "bwrap"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo 'bwrap: No permissions to create a new namespace' >&2; exit 1", "bubblewrap does not work here: No permissions to create a new namespace"),
        ("exit 1", "bubblewrap does not work here: no answer"),
        ("echo 'the limit on files'; echo 'the limit on memory'; echo done", "bubblewrap does not protect the limit on files, the limit on memory here"),
    ],
)
def test_why_not(monkeypatch, tmp_path, body, reason):
    """The user would not learn what to do."""
    monkeypatch.setattr("orchestrator_stub.runners.launcher.Launcher.user", lambda _: -1)
    outcome = trial(fake(tmp_path, body))
    assert (outcome.works, outcome.reason) == (False, reason)


def test_walls_that_let_through_are_noticed(monkeypatch, tmp_path):
    """A bubblewrap that only starts the program would pass for a sandbox."""
    monkeypatch.setattr("orchestrator_stub.runners.launcher.Launcher.user", lambda _: -1)
    monkeypatch.setattr("orchestrator_stub.runners.trial._FILE", 10**9)
    through = fake(tmp_path, f'while test "$1" != --; do shift; done; shift; cd {tmp_path}; exec "$@"')
    assert "the limit on files" in trial(through).reason


def test_an_older_bubblewrap_is_used_without_its_newest_option(monkeypatch, tmp_path):
    """Before 0.8 it does not know --disable-userns."""
    monkeypatch.setattr("orchestrator_stub.runners.launcher.Launcher.user", lambda _: -1)
    old = fake(tmp_path, 'for a in "$@"; do test "$a" = --disable-userns && { echo "bwrap: Unknown option --disable-userns" >&2; exit 1; }; done; echo done')
    outcome = trial(old)
    assert (outcome.works, outcome.nested_users) == (True, True)


def test_without_bubblewrap(monkeypatch):
    """The reason names the package."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "bubblewrap is not installed" in trial().reason
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "needs Linux" in trial().reason
