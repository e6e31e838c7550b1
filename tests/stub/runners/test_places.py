"""Paths of inputs and results are replaced where they stand in a command line."""

from __future__ import annotations

import pytest

from orchestrator_stub.runners.places import Places

PLACES = Places("/run/root", ["/inputs/hello.txt", "/outputs/", "/inputs", "/a.b"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/outputs", "/run/root/outputs"),
        ("cat /inputs/hello.txt > /outputs/x; ls '/inputs'", "cat /run/root/inputs/hello.txt > /run/root/outputs/x; ls '/run/root/inputs'"),
        ("--out=/outputs/a:/inputs", "--out=/run/root/outputs/a:/run/root/inputs"),
        ("/outputs-2 /outputs.txt /my/outputs x/outputs ./outputs", "/outputs-2 /outputs.txt /my/outputs x/outputs ./outputs"),
        ("file:///outputs", "file:///outputs"),
        ("/axb /a.b", "/axb /run/root/a.b"),
        ("", ""),
    ],
)
def test_only_whole_paths_of_mounts_are_replaced(text, expected):
    """A program would not find its input, or be given a path that it never asked for."""
    assert PLACES.rewritten(text) == expected
    assert PLACES.environment({"X": text}) == {"X": expected}


def test_a_job_without_files_is_left_alone():
    """Its command line would change for nothing."""
    assert Places("/run/root", []).rewritten("/outputs /") == "/outputs /"
    assert Places("/run/root", ["/"]).rewritten("ls /") == "ls /"
    assert PLACES.path("/app//x/") == "/run/root/app/x"
