"""Templates before there is a run: rendered with stand-ins, and which of them change from try to try."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes

UNKNOWN = "known-only-in-a-run"
"""Stands for a value that nobody can tell before there is a run."""

_VARIABLES = {
    name: re.compile(rf"^({names})(\W|$)")
    for name, names in {
        "ti": r"try_number|start_date|end_date|hostname|pid|id|log_url|mark_success_url|job_id|queued_dttm",
        "macros": r"datetime\.(now|utcnow|today)|uuid|random|time",
    }.items()
}
_VARIABLES["task_instance"] = _VARIABLES["ti"]
_CALLS = ("now", "utcnow", "today", "uuid1", "uuid4", "random")


class Unknown(jinja2.ChainableUndefined):
    """What a template gets for a name that has no stand-in: whatever is asked of it, it is written as `UNKNOWN`."""

    def __str__(self) -> str:
        return UNKNOWN

    def __call__(self, *_: Any, **__: Any) -> Any:
        """A method of it."""
        return self


def environment(base: jinja2.Environment | None = None) -> jinja2.Environment:
    """An environment that renders what it knows; `base` brings filters, macros and a loader of its own."""
    return (base or jinja2.Environment(keep_trailing_newline=True, autoescape=False)).overlay(undefined=Unknown)  # noqa: S701 - job specs are no HTML


def rendered(text: str, known: Mapping[str, Any], within: jinja2.Environment) -> Any:
    """A text rendered with what is known.

    :raises jinja2.TemplateSyntaxError: it is no template.
    """
    if "{" not in text:
        return text
    template = within.from_string(text)
    try:
        value: Any = template.render(dict(known))
    except Exception:  # a template may do anything with a value that only a run has
        return UNKNOWN
    return UNKNOWN if isinstance(value, jinja2.Undefined) else value


def is_unknown(value: Any) -> bool:
    """Whether something in a value is known only in a run."""
    if isinstance(value, str):
        return UNKNOWN in value
    if isinstance(value, Mapping):
        return any(is_unknown(one) for pair in value.items() for one in pair)
    return isinstance(value, list | tuple | set) and any(is_unknown(one) for one in value)


def changing(text: str) -> list[str]:
    """The expressions of a template that another try of the same task would render otherwise."""
    if "{" not in text:
        return []
    try:
        tree = jinja2.Environment(autoescape=False).parse(text)  # noqa: S701 - parsed, not rendered
    except jinja2.TemplateSyntaxError:
        return []
    found = dict.fromkeys(_changing(tree))
    return [one for one in found if not any(other != one and other.startswith(f"{one}.") for other in found)]


def _changing(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        name = _dotted(node)
        first, _, rest = name.partition(".")
        if first in _VARIABLES and _VARIABLES[first].match(rest):
            yield name
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _CALLS:
            yield f"{call.node.name}()"
    for used in tree.find_all(nodes.Filter):
        if used.name == "random":
            yield "random"


def _dotted(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_dotted(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return f"{_dotted(node.node)}.{node.arg.value}"
    return "?"
