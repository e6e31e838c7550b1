"""Files that users write: what they say, and on which line."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.settings.yamlfile import read_document

YAML = """# jobs
- match: {task: train}
  stages:
    - after: 4s
      stdout: |
        one
        two
    - exit: 137
- match:
    image: acme/clean:*
"""
JSON = '[\n\t{"match": {"task": "train"},\n\t "stages": [\n\t\t{"after": "4s"},\n\t\t{"exit": 137, "stdout": "a\\tb\\/\\ud83d\\ude00"}]}\n]\n'


@pytest.fixture
def read(tmp_path):
    """Reads a text as the file `name`."""

    def read(text, name="file.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_document("--flag", path)

    return read


@pytest.mark.parametrize(
    ("text", "keys", "line"),
    [
        (YAML, (), 2),
        (YAML, (0, "match", "task"), 2),
        (YAML, (0, "stages", 0), 4),
        (YAML, (0, "stages", 0, "stdout"), 5),
        (YAML, (0, "stages", 1, "exit"), 8),
        (YAML, (1,), 9),
        (YAML, (1, "match", "image"), 10),
        (YAML, (1, "match", "imoge"), 9),
        (YAML, (7, "match"), 2),
        (JSON, (0, "stages", 1, "exit"), 5),
        ('{"a":\n {"b": 1}}', ("a", "b"), 2),
        ("{a: 1,\n b: 2}", ("b",), 2),
        ("1: {2: x}", (1, "2"), 1),
        ("a: &x\n  b: 1\nc: *x", ("c", "b"), 2),
        ("a: &x {c: 1}\nb:\n  <<: *x\n  c: 2", ("b", "c"), 4),
        ("a: &x {c: 1}\nb:\n  <<: *x\n  d: 2", ("b", "c"), 1),
        ("x: {}", ("x", "y"), 1),
    ],
)
def test_a_mistake_is_found_by_its_line(read, tmp_path, text, keys, line):
    """A user would have to count the items of a long file."""
    assert str(read(text).wrong("no.", keys)) == f"--flag {tmp_path}/file.yaml: line {line}: no."


def test_an_empty_file_has_no_lines(read, tmp_path):
    """The first line would be blamed for what is missing."""
    document = read("# nothing\n")
    assert document.values is None
    assert str(document.wrong("no.")) == f"--flag {tmp_path}/file.yaml: no."


def test_json_means_what_json_means(read):
    """Tabs between values, or a character in two halves, would be errors, or garbage, to YAML."""
    for name in ("file.json", "file.yaml", "file"):
        assert read(JSON, name).values[0]["stages"][1] == {"exit": 137, "stdout": "a\tb/\U0001f600"}
    assert read("﻿[1]", "file.json").values == [1]
    assert read("[a, 'b']").values == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("a: [", "f.yaml", "no YAML, line 1: "),
        ("a: 1\nb: *x", "f.yaml", "no YAML, line 2: found undefined alias 'x' "),
        ("*/x: missing", "f.yaml", r"no YAML, line 1: .*\(quote a text that begins with \*\)$"),
        (b"\xff\xfe", "f.yaml", "no YAML, it is not UTF-8 text$"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "f.yaml", "line 4: c stands there twice$"),
        ('[\n{"a": 1,\n"a": 2}]', "f.json", "line 3: a stands there twice$"),
        ('[\n{"a": 1,}]', "f.json", "no JSON, line 2: "),
        ("a: 1", "f.json", "no JSON, line 1: "),
        ("1" * 5000, "f.json", "no JSON, Exceeds the limit"),
        ("a: 2025-99-99", "f.yaml", "no YAML, month must be in 1..12$"),
        ("a: !!python/object/apply:os.getcwd []", "f.yaml", "no YAML, line 1: could not determine a constructor"),
        ("[" * 5000, "f.yaml", "it is nested too deeply$"),
        ("a: \x00", "f.yaml", "no YAML, "),
    ],
)
def test_what_cannot_be_read_is_told_in_one_sentence(read, tmp_path, text, name, words):
    """The user would see a traceback, or one of two values would silently win."""
    with pytest.raises(SettingsError, match=f"^--flag {tmp_path}/{name}: {words}") as refused:
        read(text, name)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    """The user would get a traceback for a typo."""
    with pytest.raises(SettingsError, match=f"^--flag {tmp_path}/nope: No such file or directory$"):
        read_document("--flag", tmp_path / "nope")
    with pytest.raises(SettingsError, match=f"^--flag {tmp_path}: Is a directory$"):
        read_document("--flag", tmp_path)
