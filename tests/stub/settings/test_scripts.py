"""The file of `--scripts`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.script import Match, Script
from orchestrator_stub.domain.stage import Stage
from orchestrator_stub.settings.flags import parse
from orchestrator_stub.settings.scripts import load_scripts

README = Path(__file__).resolve().parents[3] / "README.md"
SCRIPTS = (
    Script(Match(task="train", partition=3, attempt=1), (Stage(after=4, stderr="Killed", exit=137),)),
    Script(
        Match(task="train"),
        (
            Stage(stdout="epoch 1"),
            Stage(after=2400, jitter=300, stdout="epoch 2", files={"model/weights.bin": b"\0\1\2"}),
        ),
    ),
)


def test_the_documented_file(tmp_path):
    """What the documentation shows would be refused, or mean something else."""
    section = README.read_text().partition("### A job's fate, written down\n")[2].partition("\n### ")[0]
    path = tmp_path / "scripts.yaml"
    path.write_text("\n".join(line for line in section.splitlines() if line.startswith("    ")))
    assert load_scripts(path) == SCRIPTS
    assert parse(["--scripts", str(path)]).scripts == SCRIPTS
    assert parse([]).scripts == ()


def test_json_will_do(tmp_path):
    """What `GET /stub/scripts` printed could not be kept as a file."""
    path = tmp_path / "scripts.json"
    path.write_text(json.dumps([{"match": {"task": "x"}, "stages": [{"exit": 1}]}], indent="\t"))
    assert load_scripts(path) == (Script(Match(task="x"), (Stage(exit=1),)),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "give a list of scripts, each {match: {...}, stages: [...]}"),
        ("match: {}", "line 1: give a list of scripts, each {match: {...}, stages: [...]}"),
        (
            "- match: {}\n- match: {}\n  stages:\n  - after: 4s\n  - exit: 300\n",
            (
                "line 5: [1].stages[1].exit: 300 is no exit code; give a whole number from 0 to 255 "
                "(-1 is that of a wasm program that just returns)"
            ),
        ),
        ("- match:\n    imoge: x\n", "line 2: [0].match.imoge: unknown key; did you mean image? known are name, "),
        ("- match:\n    label:\n      team: 7\n", "line 3: [0].match.label.team: 7 is no text: put it into quotes"),
        ("- stages:\n  - files:\n      out: x\n", "line 3: [0].stages[0].files.out: a file is called RESULT/PATH, "),
        ("- match: {name: *x}", "no YAML, line 1: found undefined alias 'x'"),
    ],
)
def test_a_wrong_file_names_line_key_and_what_would_be_right(tmp_path, text, words):
    """The user would search the file for the mistake."""
    path = tmp_path / "scripts.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        load_scripts(path)
    assert str(refused.value).startswith(f"--scripts {path}: {words}")


def test_the_stub_does_not_start_with_a_wrong_file(tmp_path):
    """It would run with half of the scripts, or tell a program that waits for it nothing."""
    path = tmp_path / "scripts.yaml"
    path.write_text("- stages: [{exit: x}]\n")
    command = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--scripts", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"--scripts {path}: line 1: [0].stages[0].exit: x is no exit code; give a whole number" in done.stderr
