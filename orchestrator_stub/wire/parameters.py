"""Query parameters as the released servers bind them, with their words for what does not fit (fact sheet 2.5)."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator_stub.domain.validation import quoted
from orchestrator_stub.wire.gojson import decode_text
from orchestrator_stub.wire.unmarshal import BindError, bind_text

TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter and the field it fills."""

    query: str
    field: str
    kind: Literal["text", "bool", "uint", "int"] = "text"
    bits: int = 64


NAMESPACE = Parameter("namespace", "Namespace")
PAGING = (
    Parameter("limit", "Limit", "uint", 32),
    Parameter("next_token", "NextToken"),
    Parameter("order_by", "OrderBy"),
    Parameter("reverse", "Reverse", "bool"),
)
VERSIONS = (Parameter("job_version", "JobVersion", "uint"), Parameter("all_job_versions", "AllJobVersions", "bool"))


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """Parameters with all their values, as Go reads them: a pair with a semicolon or a broken escape is left out."""
    found: dict[str, list[str]] = {}
    for pair in raw.split(b"&"):
        if not pair or b";" in pair or _BROKEN_ESCAPE.search(pair):
            continue
        name, _, value = pair.partition(b"=")
        found.setdefault(_unescaped(name), []).append(_unescaped(value))
    return found


def _unescaped(text: bytes) -> str:
    return decode_text(urllib.parse.unquote_to_bytes(text.replace(b"+", b" ")))


def bind(query: Mapping[str, Sequence[str]], parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Fields that the query gives; the first of repeated values counts, names match in any case.

    :raises BindError: a value is no number or no truth value.
    """
    fields: dict[str, Any] = {}
    for parameter in parameters:
        values = query.get(parameter.query)
        if values is None:
            wanted = parameter.query.lower()
            values = next((found for name, found in query.items() if name.lower() == wanted), None)
        if values:
            fields[parameter.field] = _value(values[0], parameter)
    return fields


def _value(text: str, parameter: Parameter) -> str | int | bool:
    if parameter.kind == "text":
        return text
    if parameter.kind == "bool":
        if text and text not in TRUE and text not in FALSE:
            raise BindError(bind_text(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax"))
        return text in TRUE
    return _number(text, parameter)


def _number(text: str, parameter: Parameter) -> int:
    if not text:
        return 0
    signed = parameter.kind == "int"
    parser = "strconv.ParseInt" if signed else "strconv.ParseUint"
    digits = text[1:] if signed and text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise BindError(bind_text(f"{parser}: parsing {quoted(text)}: invalid syntax"))
    bound = 2 ** (parameter.bits - 1) if signed else 2**parameter.bits
    if len(digits.lstrip("0")) > 20 or not (-bound if signed else 0) <= (number := _whole(text)) < bound:
        raise BindError(bind_text(f"{parser}: parsing {quoted(text)}: value out of range"))
    return number


def _whole(text: str) -> int:
    """The number, however many zeros it starts with."""
    return int((text[:1] if text[:1] in "+-" else "") + (text.lstrip("+-").lstrip("0") or "0"))
