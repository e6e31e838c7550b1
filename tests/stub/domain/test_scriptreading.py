"""Scripts of plain values: what is understood, and the one sentence that anything else gets."""

from __future__ import annotations

import json

import pytest

from orchestrator_stub.domain.plain import PlainError
from orchestrator_stub.domain.script import Match, Script
from orchestrator_stub.domain.scriptreading import (
    labelled_stages,
    parse_script,
    parse_scripts,
    parse_stages,
    plain_script,
)
from orchestrator_stub.domain.stage import Stage

FULL = {
    "match": {
        "name": "etl-*",
        "task": "train",
        "label": {"team": "*"},
        "image": "acme/train:*",
        "type": "batch",
        "partition": 0,
        "attempt": 1,
    },
    "stages": [
        {"after": 2400.0, "jitter": 0.5, "stdout": "epoch 1", "files": {"out/a/b.csv": "id\n", "out/c": {"base64": "/w=="}}},
        {"stderr": "Killed\n", "exit": 0},
    ],
    "optional": True,
}


def test_everything_there_is_comes_back_as_it_was_given():
    """What is read at `/stub/scripts` could not be put back, or a key would have no effect."""
    script = parse_script(FULL)
    assert script == Script(
        Match("etl-*", "train", {"team": "*"}, "acme/train:*", "batch", 0, 1),
        (
            Stage(after=2400, jitter=0.5, stdout="epoch 1", files={"out/a/b.csv": b"id\n", "out/c": b"\xff"}),
            Stage(stderr="Killed\n", exit=0),
        ),
        optional=True,
    )
    assert json.loads(json.dumps(plain_script(script))) == FULL


@pytest.mark.parametrize(
    ("plain", "stage"),
    [
        ({"fail": "no space left"}, Stage(fail="no space left")),
        ({"hang": True}, Stage(hang=True)),
        ({"node_lost": True, "hang": False}, Stage(node_lost=True)),
        ({"after": "1h30m", "jitter": "500ms", "exit": -1}, Stage(after=5400, jitter=0.5, exit=-1)),
        ({"after": 4, "stdout": None, "files": None}, Stage(after=4)),
    ],
)
def test_ends_and_times(plain, stage):
    """A run would end otherwise than it says."""
    assert parse_stages([plain]) == parse_stages(plain) == (stage,)
    assert parse_script({"stages": [plain]}).stages == (stage,)
    assert parse_script(plain_script(Script(stages=(stage,)))).stages == (stage,)


def test_what_is_left_out_matches_and_ends_well():
    """The smallest script would not be understood."""
    assert parse_script({}) == Script() == parse_script({"match": None, "stages": None, "optional": None})
    assert parse_script({"match": {"type": "Batch", "image": None}}).match == Match(type="batch")


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({}, "give a list of scripts, each {match: {...}, stages: [...]}"),
        (None, "give a list of scripts, each {match: {...}, stages: [...]}"),
        ([{}, None], "[1]: a script is a mapping with the keys match, stages and optional"),
        ([{"image": "x"}], "[0].image: unknown key; it belongs into match"),
        ([{"after": 4}], "[0].after: unknown key; it belongs into one of the stages"),
        ([{"steges": []}], "[0].steges: unknown key; did you mean stages? known are match, stages and optional"),
        ([{"optional": "yes"}], "[0].optional: give true or false"),
        ([{"match": "x"}], "[0].match: give a mapping with the keys name, task, label, image, type, partition and attempt"),
        ([{"match": {"labels": {}}}], "[0].match.labels: unknown key; did you mean label? known are name, task, label, image, type, partition and attempt"),
        ([{"match": {1: 2}}], "[0].match.1: unknown key; known are name, task, label, image, type, partition and attempt"),
        ([{"match": {"image": 5}}], "[0].match.image: 5 is no text: put it into quotes"),
        ([{"match": {"label": ["a"]}}], "[0].match.label: give a mapping of label keys to patterns of their values; * is any value"),
        ([{"match": {"label": {"a": True}}}], "[0].match.label.a: true is no text: put it into quotes"),
        ([{"match": {"label": {5: "a"}}}], "[0].match.label.5: the key of a label is a text: put it into quotes"),
        ([{"match": {"type": "wasm"}}], "[0].match.type: wasm is no type of a job; give batch, ops, service or daemon"),
        ([{"match": {"type": ["batch"]}}], "[0].match.type: [\"batch\"] is no type of a job; give batch, ops, service or daemon"),
        ([{"match": {"partition": -1}}], "[0].match.partition: -1 is no whole number from 0 on"),
        ([{"match": {"partition": "3"}}], "[0].match.partition: 3 is no whole number from 0 on"),
        ([{"match": {"attempt": 0}}], "[0].match.attempt: 0 is no whole number from 1 on"),
        ([{"match": {"attempt": True}}], "[0].match.attempt: true is no whole number from 1 on"),
        ([{"stages": "x"}], "[0].stages: give a list of stages, each with some of after, jitter, stdout, stderr, files, exit, fail, hang and node_lost"),
        ([{"stages": [5]}], "[0].stages[0]: a stage is a mapping with the keys after, jitter, stdout, stderr, files, exit, fail, hang and node_lost"),
        ([{"stages": [{"stdot": "x"}]}], "[0].stages[0].stdot: unknown key; did you mean stdout? known are after, jitter, stdout, stderr, files, exit, fail, hang and node_lost"),
        ([{"stages": [{"after": "4"}]}], '[0].stages[0].after: 4 is no duration; give seconds, or a text such as "40m" or "500ms"'),
        ([{"stages": [{"after": -1}]}], '[0].stages[0].after: -1 is no duration; give seconds, or a text such as "40m" or "500ms"'),
        ([{"stages": [{"jitter": float("inf")}]}], '[0].stages[0].jitter: Infinity is no duration; give seconds, or a text such as "40m" or "500ms"'),
        ([{"stages": [{"after": float("nan")}]}], '[0].stages[0].after: NaN is no duration; give seconds, or a text such as "40m" or "500ms"'),
        ([{"stages": [{"after": True}]}], '[0].stages[0].after: true is no duration; give seconds, or a text such as "40m" or "500ms"'),
        ([{"stages": [{"after": "4000d"}]}], "[0].stages[0].after: 4000d is too long; at most 315360000 seconds"),
        ([{"stages": [{"after": 10**400}]}], f"[0].stages[0].after: 1{'0' * 39}... is too long; at most 315360000 seconds"),
        ([{"stages": [{"stdout": ["a"]}]}], "[0].stages[0].stdout: [\"a\"] is no text: put it into quotes"),
        ([{"stages": [{"exit": 256}]}], "[0].stages[0].exit: 256 is no exit code; give a whole number from 0 to 255 (-1 is that of a wasm program that just returns)"),
        ([{"stages": [{"exit": "1"}]}], "[0].stages[0].exit: 1 is no exit code; give a whole number from 0 to 255 (-1 is that of a wasm program that just returns)"),
        ([{"stages": [{"fail": " "}]}], "[0].stages[0].fail: give the text that the engine fails with"),
        ([{"stages": [{"fail": True}]}], "[0].stages[0].fail: give the text that the engine fails with"),
        ([{"stages": [{"hang": 1}]}], "[0].stages[0].hang: 1 is no switch; give true or leave it out"),
        ([{"stages": [{"exit": 1, "hang": True}]}], "[0].stages[0].hang: a run ends once: give exit or hang"),
        ([{"stages": [{"exit": 0}, {}]}], "[0].stages[0].exit: the run ends here: it belongs into the last stage"),
        ([{"stages": [{"files": "x"}]}], "[0].stages[0].files: give a mapping of RESULT/PATH to a text or {base64: text}"),
        ([{"stages": [{"files": {"clean.csv": "x"}}]}], "[0].stages[0].files.clean.csv: a file is called RESULT/PATH, such as outputs/clean.csv, where RESULT is the name of a result path"),
        ([{"stages": [{"files": {"o/a": 5}}]}], "[0].stages[0].files.o/a: give a text or {base64: text}"),
        ([{"stages": [{"files": {"o/a": {"base64": "x!"}}}]}], "[0].stages[0].files.o/a.base64: the text is not base64"),
        ([{"stages": [{"files": {"o/a": "x"}}, {"files": {"o/a/b": "x"}}]}], "[0].stages[1].files.o/a/b: o/a is a file, nothing can stand below it"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(plain, words):
    """The user would search a long file for the mistake, or a job would have another fate than he thought."""
    with pytest.raises(PlainError) as refused:
        parse_scripts(plain)
    assert str(refused.value) == words


@pytest.mark.parametrize("name", ["o/../../etc/x", "/etc/x", "o//x", "o/", "o/.", "o/a\0b", "../x", "o/" + "n" * 256, 5])
def test_a_file_cannot_leave_its_result_path(name):
    """A script could write anywhere on this machine."""
    with pytest.raises(PlainError, match="a file is called RESULT/PATH"):
        parse_stages({"files": {name: "x"}})


def test_base64_may_be_folded():
    """What programs print of bytes would have to be joined by hand."""
    assert parse_stages({"files": {"o/a": {"base64": "AAEC\nAwQF\n"}}})[0].files == {"o/a": bytes(range(6))}


@pytest.mark.parametrize(
    ("labels", "stage"),
    [
        ({"after": "40m", "jitter": "2"}, Stage(after=2400, jitter=2)),
        ({"after": "1.5"}, Stage(after=1.5)),
        ({"stdout": "hello", "stderr": "oh", "exit": "3"}, Stage(stdout="hello", stderr="oh", exit=3)),
        ({"fail": "no space left"}, Stage(fail="no space left")),
        ({"hang": "true"}, Stage(hang=True)),
        ({"node-lost": "true", "hang": "false"}, Stage(node_lost=True)),
    ],
)
def test_a_job_brings_its_script_in_its_labels(labels, stage):
    """A DAG could not say what becomes of its own job."""
    given = {f"stub.bacalhau.org/{key}": value for key, value in labels.items()}
    assert labelled_stages({"airflow-key": "x", **given}) == (stage,)


def test_other_labels_are_no_script():
    """Every job would be played."""
    assert labelled_stages({"airflow-key": "x", "bacalhau.org/after": "4s"}) is None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("after", "4x", '4x is no duration; give seconds, or a text such as "40m" or "500ms"'),
        ("after", "", ' is no duration; give seconds, or a text such as "40m" or "500ms"'),
        ("exit", "one", "one is no exit code; give a whole number from 0 to 255 (-1 is that of a wasm program that just returns)"),
        ("node-lost", "yes", "yes is no switch; give true or leave it out"),
        ("fail", "", "give the text that the engine fails with"),
        ("afer", "4s", "no such label of a script; known are stub.bacalhau.org/after, stub.bacalhau.org/jitter, "),
        ("node_lost", "true", "no such label of a script; known are "),
        ("files", "x", "no such label of a script; known are "),
    ],
)
def test_a_label_that_is_not_understood_is_named(key, value, words):
    """The job would run as if nothing had been asked for."""
    with pytest.raises(PlainError) as refused:
        labelled_stages({f"stub.bacalhau.org/{key}": value})
    assert str(refused.value).startswith(f"stub.bacalhau.org/{key}: {words}")


def test_two_ends_in_labels_are_named_as_labels():
    """The sentence would speak of keys that the job does not have."""
    with pytest.raises(PlainError, match="^stub.bacalhau.org/node-lost: a run ends once"):
        labelled_stages({"stub.bacalhau.org/exit": "1", "stub.bacalhau.org/node-lost": "true"})
