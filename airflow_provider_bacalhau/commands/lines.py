"""Where in a file a finding is: lines of a job spec by path, and of a DAG file by task."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_MADE_UP = ("now", "utcnow", "today", "uuid1", "uuid4", "token_hex", "token_urlsafe", "randint", "random")
"""Functions whose value is another one whenever the DAG file is read."""
_RENAMED = {"resourcesconfig": "resources"}


class SpecLines:
    """Lines of a YAML or JSON document by path; keys in any case, a top-level `Job` falls away, as in `load_spec`."""

    def __init__(self, text: str) -> None:
        """:raises yaml.YAMLError: it is neither YAML nor JSON."""
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        self._lines: dict[str, int] = {}
        if root is not None:
            self._lines.update(_lines(_inner(root), ""))

    def at(self, path: str) -> int:
        """The line of a path, or of the nearest part of it that is there, from 1."""
        wanted = path.lower()
        while wanted and wanted not in self._lines:
            wanted = wanted[: max(wanted.rfind("."), wanted.rfind("["), 0)]
        return self._lines.get(wanted, 1)


def _inner(root: yaml.Node) -> yaml.Node:
    pairs = {str(key.value).lower(): value for key, value in root.value} if isinstance(root, yaml.MappingNode) else {}
    return pairs["job"] if isinstance(pairs.get("job"), yaml.MappingNode) and "tasks" not in pairs else root


def _lines(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value).lower()
            here = f"{path}.{_RENAMED.get(name, name)}" if path else name
            yield here, key.start_mark.line + 1
            yield from _lines(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield f"{path}[{index}]", value.start_mark.line + 1
            yield from _lines(value, f"{path}[{index}]")


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """The call that makes a task."""

    line: int
    made_up: Mapping[str, str]
    """Argument -> the call in it whose value differs whenever the file is read."""


NOWHERE = OperatorCall(1, {})


class DagLines:
    """The operator calls of a DAG file."""

    def __init__(self, source: str) -> None:
        """:raises SyntaxError: it is no Python."""
        self._calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _task_id(node)]

    def call(self, task_id: str) -> OperatorCall:
        """The call with this task id, which a task group may have given a prefix; `NOWHERE` when the file has none."""
        for name in dict.fromkeys((task_id, task_id.rpartition(".")[2])):
            for literal in (True, False):
                for node in self._calls:
                    wanted = _task_id(node)
                    if isinstance(wanted, ast.Constant) is literal and _fits(wanted, name):
                        return OperatorCall(node.lineno, dict(_made_up(node)))
        return NOWHERE


def _task_id(call: ast.Call) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == "task_id"), None)


def _fits(wanted: Any, name: str) -> bool:
    if isinstance(wanted, ast.Constant):
        return bool(wanted.value == name)
    if not isinstance(wanted, ast.JoinedStr):
        return False
    parts = (re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".+" for one in wanted.values)
    return re.fullmatch("".join(parts), name) is not None


def _made_up(call: ast.Call) -> Iterator[tuple[str, str]]:
    for one in call.keywords:
        for node in ast.walk(one.value):
            function = node.func if isinstance(node, ast.Call) else None
            name = getattr(function, "attr", getattr(function, "id", ""))
            if one.arg and function is not None and name in _MADE_UP:
                yield one.arg, ast.unparse(function) + "()"
