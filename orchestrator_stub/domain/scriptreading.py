"""Scripts of plain values (a file, a request, a job's labels) and back; what is wrong is named by its key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from orchestrator_stub.domain.labels import OWN_SCRIPT
from orchestrator_stub.domain.plain import Path, PlainError, mapping, named, seconds, shown, text, whole
from orchestrator_stub.domain.script import Match, Script
from orchestrator_stub.domain.stage import Stage
from orchestrator_stub.domain.states import JobType

_Readers = Mapping[str, Callable[[Any, Path], Any]]

LONGEST = 3650 * 86_400.0
"""Seconds that a stage may take."""
_SCRIPT = ("match", "stages", "optional")
_TEXTS = ("name", "task", "image")
_MATCH = ("name", "task", "label", "image", "type", "partition", "attempt")
_ENDS = ("exit", "fail", "hang", "node_lost")
_STAGE = ("after", "jitter", "stdout", "stderr", "files", *_ENDS)
_OF_LABELS = {name.replace("_", "-"): name for name in _STAGE if name != "files"}
_BASE64 = "base64"
_LONGEST_NAME = 255  # bytes of a file's name


def parse_scripts(plain: Any) -> tuple[Script, ...]:
    """The scripts of a list.

    :raises PlainError: the first that is not understood, named by its number in the list, from 0
    """
    if not isinstance(plain, list):
        raise PlainError((), "give a list of scripts, each {match: {...}, stages: [...]}")
    return tuple(parse_script(each, (number,)) for number, each in enumerate(plain))


def parse_script(plain: Any, path: Path = ()) -> Script:
    """One script. `path`: the way to it. Raises PlainError."""
    given = mapping(plain, _SCRIPT, path, "a script", partial(_advice, _SCRIPT))
    optional = given.get("optional")
    if optional is not None and not isinstance(optional, bool):
        raise PlainError((*path, "optional"), "give true or false")
    match = _match(given.get("match"), (*path, "match"))
    return Script(match, parse_stages(given.get("stages"), (*path, "stages")), optional=bool(optional))


def parse_stages(plain: Any, path: Path = ()) -> tuple[Stage, ...]:
    """A list of stages, or a single one. `path`: the way to it. Raises PlainError."""
    if plain is None:
        return ()
    if isinstance(plain, dict):
        return (_stage(plain, path),)
    if not isinstance(plain, list):
        raise PlainError(path, f"give a list of stages, each with some of {named(_STAGE)}")
    stages = tuple(_stage(each, (*path, number)) for number, each in enumerate(plain))
    for number, stage in enumerate(stages[:-1]):
        if stage.ends:
            where = (*path, number, *_ends(plain[number])[:1])
            raise PlainError(where, "the run ends here: it belongs into the last stage")
    _refuse_colliding_files(stages, path)
    return stages


def labelled_stages(labels: Mapping[str, str]) -> tuple[Stage, ...] | None:
    """The script that a job brings in its labels, None when it has none.

    :raises PlainError: a label that begins like one of a script is not understood; its path is the label
    """
    given = {key.removeprefix(OWN_SCRIPT): value for key, value in labels.items() if key.startswith(OWN_SCRIPT)}
    if not given:
        return None
    plain: dict[str, Any] = {}
    for key, value in given.items():
        if key not in _OF_LABELS:
            known = named(f"{OWN_SCRIPT}{each}" for each in _OF_LABELS)
            raise PlainError((OWN_SCRIPT + key,), f"no such label of a script; known are {known}")
        plain[_OF_LABELS[key]] = _of_label(key, value)
    try:
        return parse_stages(plain)
    except PlainError as error:
        where = str(error.path[0]).replace("_", "-") if error.path else next(iter(given))
        raise PlainError((OWN_SCRIPT + where,), error.reason) from None


def plain_script(script: Script) -> dict[str, Any]:
    """The script as JSON values, without what says nothing; `parse_script` makes the same of them."""
    plain = {key: getattr(script.match, key) for key in _MATCH}
    match = {key: value for key, value in plain.items() if value not in ("", None, {})}
    return {
        "match": {key: dict(value) if key == "label" else value for key, value in match.items()},
        "stages": [_plain_stage(stage) for stage in script.stages],
        "optional": script.optional,
    }


# What a script is for.


def _match(plain: Any, path: Path) -> Match:
    given = mapping({} if plain is None else plain, _MATCH, path, "match")
    read: _Readers = {
        **dict.fromkeys(_TEXTS, text),
        "label": _label,
        "type": _type,
        "partition": partial(whole, least=0),
        "attempt": partial(whole, least=1),
    }
    return Match(**{key: read[key](value, (*path, key)) for key, value in given.items() if value is not None})


def _label(plain: Any, path: Path) -> dict[str, str]:
    if not isinstance(plain, dict):
        raise PlainError(path, "give a mapping of label keys to patterns of their values; * is any value")
    for key in plain:
        if not isinstance(key, str):
            raise PlainError((*path, str(key)), "the key of a label is a text: put it into quotes")
    return {key: text(value, (*path, key)) for key, value in plain.items()}


def _type(plain: Any, path: Path) -> str:
    kinds = [str(kind) for kind in JobType]
    if not isinstance(plain, str) or plain.lower() not in kinds:
        raise PlainError(path, f"{shown(plain)} is no type of a job; give {named(kinds, 'or')}")
    return plain.lower()


# What happens.


def _stage(plain: Any, path: Path) -> Stage:
    given = {key: value for key, value in mapping(plain, _STAGE, path, "a stage").items() if value is not None}
    read: _Readers = {
        **dict.fromkeys(("after", "jitter"), partial(seconds, longest=LONGEST)),
        **dict.fromkeys(("stdout", "stderr"), text),
        "files": _files,
        "exit": _exit,
        "fail": _fail,
        **dict.fromkeys(("hang", "node_lost"), _switch),
    }
    stage = Stage(**{key: read[key](value, (*path, key)) for key, value in given.items()})
    ends = _ends(given)
    if len(ends) > 1:
        raise PlainError((*path, ends[1]), f"a run ends once: give {named(ends, 'or')}")
    return stage


def _ends(given: Mapping[str, Any]) -> list[str]:
    return [key for key in _ENDS if given.get(key) is not None and given[key] is not False]


def _exit(plain: Any, path: Path) -> int:
    if isinstance(plain, bool) or not isinstance(plain, int) or not -1 <= plain <= 255:
        words = "give a whole number from 0 to 255 (-1 is that of a wasm program that just returns)"
        raise PlainError(path, f"{shown(plain)} is no exit code; {words}")
    return plain


def _fail(plain: Any, path: Path) -> str:
    if not isinstance(plain, str) or not plain.strip():
        raise PlainError(path, "give the text that the engine fails with")
    return plain


def _switch(plain: Any, path: Path) -> bool:
    if not isinstance(plain, bool):
        raise PlainError(path, f"{shown(plain)} is no switch; give true or leave it out")
    return plain


def _files(plain: Any, path: Path) -> dict[str, bytes]:
    if not isinstance(plain, dict):
        raise PlainError(path, f"give a mapping of RESULT/PATH to a text or {{{_BASE64}: text}}")
    return {_file_name(name, path): _content(value, (*path, str(name))) for name, value in plain.items()}


def _file_name(name: Any, path: Path) -> str:
    parts = name.split("/") if isinstance(name, str) else []
    if len(parts) < 2 or not all(map(_is_file_name, parts)):
        words = "a file is called RESULT/PATH, such as outputs/clean.csv, where RESULT is the name of a result path"
        raise PlainError((*path, str(name)), words)
    return str(name)


def _is_file_name(part: str) -> bool:
    size = len(part.encode("utf-8", "replace"))
    return 0 < size <= _LONGEST_NAME and part not in (".", "..") and "\0" not in part


def _content(plain: Any, path: Path) -> bytes:
    if isinstance(plain, str):
        return plain.encode("utf-8", "replace")
    coded = plain.get(_BASE64) if isinstance(plain, dict) and len(plain) == 1 else None
    if not isinstance(coded, str):
        raise PlainError(path, f"give a text or {{{_BASE64}: text}}")
    try:
        return base64.b64decode("".join(coded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise PlainError((*path, _BASE64), "the text is not base64") from None


def _refuse_colliding_files(stages: Iterable[Stage], path: Path) -> None:
    """A file and files below it cannot be."""
    names = {name: number for number, stage in enumerate(stages) for name in stage.files}
    for name, number in names.items():
        above = name.split("/")
        for length in range(2, len(above)):
            folder = "/".join(above[:length])
            if folder in names:
                raise PlainError((*path, number, "files", name), f"{folder} is a file, nothing can stand below it")


def _plain_stage(stage: Stage) -> dict[str, Any]:
    plain: dict[str, Any] = {key: getattr(stage, key) for key in _STAGE}
    plain["files"] = {name: _plain_content(content) for name, content in stage.files.items()}
    return {key: value for key, value in plain.items() if value is not None and (value or key == "exit")}


def _plain_content(content: bytes) -> Any:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {_BASE64: base64.b64encode(content).decode()}


def _of_label(key: str, value: str) -> Any:
    """The plain value of a label's text."""
    if key in ("after", "jitter"):
        return float(value) if value.replace(".", "", 1).isdecimal() and value.isascii() else value
    if key == "exit":
        return int(value) if value.removeprefix("-").isdecimal() and value.isascii() else value
    if key in ("hang", "node-lost"):
        return {"true": True, "false": False}.get(value, value)
    return value


def _advice(known: tuple[str, ...], key: str) -> str:
    """Where a key that is unknown here belongs, "" = nowhere in a script."""
    if known == _SCRIPT and key in _MATCH:
        return "it belongs into match"
    return "it belongs into one of the stages" if known == _SCRIPT and key in _STAGE else ""
