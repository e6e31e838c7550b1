"""Paths of inputs and results are replaced where they stand in a command line."""

from __future__ import annotations

import pytest

from orchestrator_stub.runners.places import Places

PLACES = Places("/here", ["/inputs/hello.txt", "/outputs/", "/inputs", "/a.b"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/outputs", "/here/outputs"),
        ("cat /inputs/hello.txt > /outputs/x; ls '/inputs'", "cat /here/inputs/hello.txt > /here/outputs/x; ls '/here/inputs'"),
        ("--out=/outputs/a:/inputs", "--out=/here/outputs/a:/here/inputs"),
        ("/outputs-2 /outputs.txt /my/outputs x/outputs ./outputs", "/outputs-2 /outputs.txt /my/outputs x/outputs ./outputs"),
        ("file:///outputs", "file:///outputs"),
        ("/axb /a.b", "/axb /here/a.b"),
        ("", ""),
    ],
)
def test_only_whole_paths_of_mounts_are_replaced(text, expected):
    """A program would not find its input, or be given a path that it never asked for."""
    assert PLACES.rewritten(text) == expected
    assert PLACES.environment({"X": text}) == {"X": expected}


def test_a_job_without_files_is_left_alone():
    """Its command line would change for nothing."""
    assert Places("/here", []).rewritten("/outputs /") == "/outputs /"
    assert Places("/here", ["/"]).rewritten("ls /") == "ls /"
    assert PLACES.path("/app//x/") == "/here/app/x"
