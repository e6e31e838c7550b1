"""The file of `--images`: what is understood, and the one sentence that anything else gets."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.stage import Stage
from orchestrator_stub.settings.flags import parse
from orchestrator_stub.settings.images import load_images


@pytest.fixture
def load(tmp_path):
    """Writes the file beside a folder `images/clean`, and loads it."""
    (tmp_path / "images" / "clean").mkdir(parents=True)

    def load(text):
        path = tmp_path / "images.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_images(path)

    return load


def test_the_documented_file(load, tmp_path):
    """What the documentation shows would be refused."""
    rules = load(
        "acme/clean:*: {sandbox: {mount: {./images/clean: /app}, path: [/app/.venv/bin]}}\n"
        "acme/plain: {sandbox: {}}\n"
        "'*/private:*': missing\n"
    )
    assert rules == (
        ImageRule("acme/clean:*", mounts={str(tmp_path / "images" / "clean"): "/app"}, path=("/app/.venv/bin",)),
        ImageRule("acme/plain"),
        ImageRule("*/private:*", missing=True),
    )


@pytest.mark.parametrize(
    ("script", "stages"),
    [
        ("{after: 40m, exit: 1}", (Stage(after=2400, exit=1),)),
        ("[{stdout: a}, {stdout: b}]", (Stage(stdout="a"), Stage(stdout="b"))),
        ("{stages: [{stdout: a}]}", (Stage(stdout="a"),)),
        ("{}", (Stage(),)),
        ("", ()),
        ("[]", ()),
    ],
)
def test_a_script_stands_in_for_an_image(load, script, stages):
    """An image could not be played, only run."""
    assert load(f"acme/train: {{script: {script}}}") == (ImageRule("acme/train", stages=stages),)


def test_a_list_keeps_its_order(load):
    """The first match would not be the first one of the file."""
    rules = load("- acme/clean:2: missing\n- acme/*: {sandbox: }\n- ubuntu: missing\n")
    assert [rule.pattern for rule in rules] == ["acme/clean:2", "acme/*", "ubuntu"]


def test_folders_count_from_the_place_of_the_file(load, tmp_path, monkeypatch):
    """A file would mean another folder, depending on where the stub is started."""
    monkeypatch.chdir("/")
    here = str(tmp_path / "images")
    assert load("a: {sandbox: {mount: {images: /app}}}")[0].mounts == {here: "/app"}
    assert load(f"a: {{sandbox: {{mount: {{{here}: /app/}}}}}}")[0].mounts == {here: "/app"}
    monkeypatch.chdir(tmp_path)
    assert parse(["--images", "images.yaml"]).images[0].mounts == {here: "/app"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "no YAML, line 1: "),
        ("*/x: missing", "quote a text that begins with *"),
        (b"\xff\xfe", "not UTF-8"),
        ("", "give a mapping of image references"),
        ("just text", "give a mapping of image references"),
        ("- a\n", "give a mapping of image references"),
        ("a: missing\na: {sandbox: {}}", "a stands there twice"),
        ("a: {sandbox: {}, sandbox: {}}", "sandbox stands there twice"),
        ("Acme/Clean: missing", "Acme/Clean is no image reference"),
        ("7: missing", "7 is no image reference"),
        ("a b*: missing", "a b[*] is no image reference"),
        ("a: gone", "a: understood are missing, "),
        ("a:", "a: understood are missing, "),
        ("a: {sandbox: {}, script: {}}", "a: understood are missing, "),
        ("a: {sandpit: {}}", "a: unknown key sandpit, understood are missing, "),
        ("a: {script: {exit: x}}", "line 1: a: script.exit: x is no exit code; "),
        ("b: missing\na:\n  script:\n  - after: 1\n  - steps: 3\n", r"line 5: a: script\[1\].steps: unknown key; "),
        ("a: {script: {stages: 5}}", "line 1: a: script.stages: give a list of stages"),
        ("a: {script: {stages: [], exit: 1}}", "line 1: a: script.stages: unknown key; "),
        ("- a: missing\n- b: gone\n", "line 2: b: understood are missing, "),
        ("a: {sandbox: /app}", "a: sandbox: give a mapping with the keys mount and path"),
        ("a: {sandbox: {mounts: {}}}", "a: sandbox: unknown key mounts, understood are mount and path"),
        ("a: {sandbox: {mount: [images]}}", "a: mount: give a mapping of folders here"),
        ("a: {sandbox: {mount: {images: 5}}}", "a: mount: give a mapping of folders here"),
        ("a: {sandbox: {mount: {./nope: /app}}}", "a: mount: there is no folder /.*/nope$"),
        ("a: {sandbox: {mount: {images.yaml: /app}}}", "a: mount: there is no folder /.*/images.yaml$"),
        ("a: {sandbox: {mount: {images: /usr/lib/x}}}", "a: mount: /usr/lib/x collides with the sandbox's own /usr"),
        ("a: {sandbox: {mount: {images: /}}}", "a: mount: / collides with the sandbox's own /"),
        ("a: {sandbox: {mount: {images: app}}}", "a: mount: app is no absolute path"),
        ("a: {sandbox: {mount: {images: /app, ./images/clean: /app/x}}}", "a: mount: /app/x collides with /app of the same image"),
        ("a: {sandbox: {mount: {images: /app, ./images: /x}}}", "a: mount: /.*/images stands there twice"),
        ("a: {sandbox: {path: /app/bin}}", "a: path: give a list of absolute folders"),
        ("a: {sandbox: {path: [bin]}}", "a: path: give a list of absolute folders"),
        ("a: {sandbox: {path: ['/a:/b']}}", "a: path: give a list of absolute folders"),
        ("a: !!python/object/apply:os.getcwd []", "no YAML, line 1: could not determine a constructor"),
        ("&a [*a]", "give a mapping of image references"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(load, text, words):
    """The user would search the file for the mistake, or jobs would fail later with other words."""
    with pytest.raises(SettingsError, match=words) as refused:
        load(text)
    assert str(refused.value).startswith("--images /")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    """The user would get a traceback for a typo."""
    with pytest.raises(SettingsError, match=f"^--images {tmp_path}/nope.yaml: No such file or directory$"):
        load_images(tmp_path / "nope.yaml")
    with pytest.raises(SettingsError, match=f"^--images {tmp_path}: Is a directory$"):
        load_images(tmp_path)
