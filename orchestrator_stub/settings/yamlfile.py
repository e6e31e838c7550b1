"""Files that users write for a flag, in YAML or JSON: plain values, and on which line each of them stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.plain import PlainError

T = TypeVar("T")
_JSON_BEGINS = ("[", "{")


class Document:
    """A file that was read."""

    def __init__(self, flag: str, path: Path, values: Any, root: Any) -> None:
        """`root`: the node tree of `values` that knows lines; None when there is none."""
        self.values = values
        """Plain values: mappings, lists, texts, numbers, truth values, None; in YAML also dates."""
        self._flag, self._path, self._root = flag, path, root

    def parsed(self, parse: Callable[[Any], T]) -> T:
        """What `parse` makes of the values. Raises SettingsError where it raises PlainError."""
        try:
            return parse(self.values)
        except PlainError as error:
            raise self.wrong(str(error), error.path) from None

    def wrong(self, reason: str, keys: Sequence[str | int] = ()) -> SettingsError:
        """The error that names flag, file and line.

        :param reason: a sentence that says what is wrong and what would be right, and names the key
        :param keys: the way to it from the top: keys of mappings, numbers from 0 in lists
        """
        line = _line(self._root, keys)
        where = f"line {line}: " if line else ""
        return SettingsError(f"{self._flag} {self._path}: {where}{reason}")


def read_document(flag: str, path: Path) -> Document:
    """Read the file that was given to a flag.

    :raises SettingsError: it cannot be read, is neither YAML nor JSON, or a key stands twice in one mapping (of two
        values that mean different things one would silently win)
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{flag} {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{flag} {path}: no YAML, it is not UTF-8 text") from None
    try:
        return _json(flag, path, text) or _yaml(flag, path, text)
    except RecursionError:
        raise SettingsError(f"{flag} {path}: it is nested too deeply") from None


def _json(flag: str, path: Path, text: str) -> Document | None:
    """The file as JSON; None when it may be YAML."""
    if not text.lstrip().startswith(_JSON_BEGINS) and path.suffix != ".json":
        return None
    try:
        values = json.loads(text)
    except ValueError as error:
        if path.suffix == ".json":
            where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
            raise SettingsError(f"{flag} {path}: no JSON, {where}") from None
        return None
    import yaml

    try:  # outside of its texts, where it cannot stand, a tab is blank to JSON and an error to YAML
        root = yaml.compose(text.replace("\t", " "), yaml.SafeLoader)
    except yaml.YAMLError:  # what is right as JSON is good without line numbers, too
        root = None
    _refuse_twice(flag, path, root)
    return Document(flag, path, values, root)


def _yaml(flag: str, path: Path, text: str) -> Document:
    import yaml  # most stubs have no such file, and start sooner without it

    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _refuse_twice(flag, path, root)
        return Document(flag, path, None if root is None else loader.construct_document(root), root)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            reason = f"line {error.problem_mark.line + 1}: {error.problem}"
            if "alias" in f"{error.context} {error.problem}":
                reason += " (quote a text that begins with *)"
        raise SettingsError(f"{flag} {path}: no YAML, {reason}") from None
    except ValueError as error:  # a date that does not exist, a number without end
        raise SettingsError(f"{flag} {path}: no YAML, {error}") from None


def _refuse_twice(flag: str, path: Path, root: Any) -> None:
    """Before values are made of the tree: a mapping that is merged into another may have the other's keys."""
    twice = _twice(root)
    if twice is not None:
        raise SettingsError(f"{flag} {path}: line {twice.start_mark.line + 1}: {twice.value} stands there twice")


def _twice(root: Any) -> Any:
    """The node of a key that stands a second time in its mapping, None when there is none."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(getattr(node, "value", None), list):
            continue
        seen.add(id(node))  # an alias may lead back to where it stands
        pairs = [each for each in node.value if isinstance(each, tuple)]
        known: set[str] = set()
        for key, _ in pairs:
            if isinstance(key.value, str) and key.value in known:
                return key
            known.add(str(key.value))
        waiting += [value for _, value in pairs] or node.value
    return None


def _line(root: Any, keys: Sequence[str | int]) -> int:
    """The line of what the keys lead to, or of the last of them that is there; from 1, 0 when nobody knows."""
    if root is None:
        return 0
    node = spot = root
    for key in keys:
        inner = getattr(node, "value", None)
        if not isinstance(inner, list):
            break
        if inner and isinstance(inner[0], tuple):
            found = next(((k, v) for k, v in reversed(inner) if str(k.value) == str(key)), None)
        elif isinstance(key, int) and 0 <= key < len(inner):
            found = (inner[key], inner[key])
        else:
            found = None
        if found is None:
            break
        spot, node = found
    return int(spot.start_mark.line) + 1
