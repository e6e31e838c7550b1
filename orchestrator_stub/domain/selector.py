"""Label selectors as Kubernetes writes them: `a=b,c in (d,e),!f,g>3`. Error texts are those of k8s' parser
(recorded: scenarios 22 and 30)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Constraint
from orchestrator_stub.domain.validation import quoted

_SPECIAL = frozenset("=!(),<>")
_SYMBOLS = frozenset({"=", "==", "!=", "!", "(", ")", ",", ">", "<"})
_BLANK = frozenset(" \t\r\n")
_END = ""
_ENDS_WORD = _SPECIAL | _BLANK | {"\0"}
_NUL = "\0"
"""Ends the text where a token could begin, and is passed over right behind one."""
_OPERATORS = {"=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt", "in": "in", "notin": "notin"}
_OPERATOR_LIST = "in, notin, =, ==, !=, gt, lt"

_NAME_PATTERN = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NAME = re.compile(_NAME_PATTERN)
_DNS_PATTERN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_DNS = re.compile(_DNS_PATTERN)
_INTEGER = re.compile(r"([+-]?)(?=[0-9])0*([0-9]*)", re.ASCII)
_LONGEST = 19
"""Digits of the largest number of 64 bits."""


class SelectorError(ValueError):
    """A selector or requirement that k8s would refuse; the text is k8s' own."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition. Operators: `in notin = == != exists ! gt lt`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """True when the labels fulfil the condition; `notin` and `!=` are also true without the key."""
        value = labels.get(self.key)
        match self.operator:
            case "in" | "=" | "==":
                return value is not None and value in self.values
            case "notin" | "!=":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        number, bound = _integer(value or ""), _integer(self.values[0])
        if number is None or bound is None:
            return False
        return number > bound if self.operator == "gt" else number < bound


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions that must all hold."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """True when every requirement is fulfilled."""
        return all(r.matches(labels) for r in self.requirements)


@dataclass(frozen=True, slots=True)
class Words:
    """What the release's k8s calls things in its errors."""

    key: str = "a valid label key"
    """Release.label_key_noun."""
    unit: str = "bytes"
    """Release.label_length_unit."""


_LATEST = Words()


def parse_selector(text: str, words: Words = _LATEST) -> Selector:
    """Parse a selector; `words` are those of its errors. Raises OrchestratorError 400 with k8s' text."""
    try:
        return Selector(_Parser(text, words).parse())
    except SelectorError as error:
        raise OrchestratorError(400, str(error)) from None


def from_constraints(constraints: tuple[Constraint, ...]) -> Selector:
    """Constraints of a job as a selector. Raises SelectorError for what submission accepts but nothing can match
    (FINDINGS section 1, row 4.3)."""
    return Selector(tuple(_requirement(c.key, c.operator, c.values) for c in constraints))


class _Parser:
    """Recursive descent over the tokens; `in` and `notin` are keywords only where an operator may stand."""

    def __init__(self, text: str, words: Words) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._words = words

    def parse(self) -> tuple[Requirement, ...]:
        found: list[Requirement] = []
        while self._peek() != _END:
            if not (_is_identifier(self._peek()) or self._peek() == "!"):
                raise SelectorError(f"found '{self._peek()}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            after = self._take()
            if after == _END:
                break
            if after != ",":
                raise SelectorError(f"found '{after}', expected: ',' or 'end of string'")
            if not (_is_identifier(self._peek()) or self._peek() == "!"):
                raise SelectorError(f"found '{self._peek()}', expected: identifier after ','")
        return tuple(found)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take(self) -> str:
        word = self._peek()
        self._at += 1
        return word

    def _requirement(self) -> Requirement:
        key = self._take()
        absent = key == "!"
        if absent:
            key = self._take()
        if not _is_identifier(key):
            raise SelectorError(f"found '{key}', expected: identifier")
        wrong = _key_errors(key, self._words)
        if wrong:
            raise SelectorError(_invalid("<nil>", key, wrong))
        if absent:
            return _requirement(key, "!", (), self._words)
        if self._peek() in (_END, ","):
            return _requirement(key, "exists", (), self._words)
        word = self._take()
        if word not in _OPERATORS:
            raise SelectorError(f"found '{word}', expected: {_OPERATOR_LIST}")
        operator = _OPERATORS[word]
        values = self._values() if operator in ("in", "notin") else self._exact_value()
        return _requirement(key, operator, tuple(sorted(values)), self._words)

    def _exact_value(self) -> set[str]:
        if self._peek() in (_END, ","):
            return {""}
        word = self._take()
        if not _is_identifier(word):
            raise SelectorError(f"found '{word}', expected: identifier")
        return {word}

    def _values(self) -> set[str]:
        word = self._take()
        if word != "(":
            raise SelectorError(f"found '{word}' expected: '('")
        first = self._peek()
        if first == ")":
            self._take()
            return {""}
        if not (_is_identifier(first) or first == ","):
            raise SelectorError(f"found '{first}', expected: ',', ')' or identifier")
        values = self._identifiers()
        if self._take() != ")":
            raise SelectorError(f"found '{first}', expected: ')'")
        return values

    def _identifiers(self) -> set[str]:
        values: set[str] = set()
        while True:
            word = self._take()
            if _is_identifier(word):
                values.add(word)
                after = self._peek()
                if after == ")":
                    return values
                if after != ",":
                    raise SelectorError(f"found '{after}', expected: ',' or ')'")
            elif word == ",":
                if not values:
                    values.add("")
                after = self._peek()
                if after == ")":
                    values.add("")
                    return values
                if after == ",":
                    self._take()
                    values.add("")
            else:
                raise SelectorError(f"found '{word}', expected: ',', or identifier")


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        start = at
        if char in _BLANK:
            at += 1
            continue
        if char == _NUL:
            break
        if char in _SPECIAL:
            at += 1
            while at < len(text) and text[start : at + 1] in _SYMBOLS:
                at += 1
        else:
            while at < len(text) and text[at] not in _ENDS_WORD:
                at += 1
        found.append(text[start:at])
        at += text[at : at + 1] == _NUL
    return found


def _integer(text: str) -> int | None:
    """A whole number of 64 bits, as k8s reads what `gt` and `lt` compare; None for anything else."""
    match = _INTEGER.fullmatch(text)
    if match is None or len(match[2]) > _LONGEST:
        return None
    number = int(match[1] + (match[2] or "0"))
    return number if -(2**63) <= number < 2**63 else None


def _is_identifier(token: str) -> bool:
    return token != _END and token not in _SYMBOLS


def _requirement(key: str, operator: str, values: tuple[str, ...], words: Words = _LATEST) -> Requirement:
    """A checked requirement, as k8s' NewRequirement checks it."""
    errors: list[str] = []
    wrong_key = _key_errors(key, words)
    if wrong_key:
        errors.append(_invalid("key", key, wrong_key))
    listed = f"[]string{{{', '.join(quoted(v) for v in values)}}}"
    if operator in ("in", "notin"):
        if not values:
            text = "for 'in', 'notin' operators, values set can't be empty"
            errors.append(_invalid("values", listed, text, raw=True))
    elif operator in ("=", "==", "!="):
        if len(values) != 1:
            errors.append(_invalid("values", listed, "exact-match compatibility requires one single value", raw=True))
    elif operator in ("exists", "!"):
        if values:
            text = "values set must be empty for exists and does not exist"
            errors.append(_invalid("values", listed, text, raw=True))
    elif operator in ("gt", "lt"):
        if len(values) != 1:
            text = "for 'Gt', 'Lt' operators, exactly one value is required"
            errors.append(_invalid("values", listed, text, raw=True))
        for at, value in enumerate(values):
            if _integer(value) is None:
                text = "for 'Gt', 'Lt' operators, the value must be an integer"
                errors.append(_invalid(f"values[{at}]", value, text))
    else:
        errors.append(f"operator: Unsupported value: {quoted(operator)}: supported values: {_supported()}")
    for at, value in enumerate(values):
        wrong = _value_errors(value, words)
        if wrong:
            errors.append(_invalid(f"values[{at}][{key}]", value, wrong))
    if errors:
        raise SelectorError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    return Requirement(key, operator, values)


def _supported() -> str:
    return ", ".join(quoted(o) for o in ("in", "notin", "=", "==", "!=", "gt", "lt", "exists", "!"))


def _invalid(path: str, value: str, why: str, *, raw: bool = False) -> str:
    return f"{path}: Invalid value: {value if raw else quoted(value)}: {why}"


_NAME_HINT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_PATTERN}')"
)
_VALUE_HINT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({_NAME_PATTERN})?')"
)
_DNS_HINT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_DNS_PATTERN}')"
)


def _key_errors(key: str, words: Words) -> str:
    """Why `key` is no label key ("" when it is one), as k8s' IsQualifiedName says it."""
    parts = key.split("/")
    errors: list[str] = []
    if len(parts) > 2:
        return f"{words.key} {_NAME_HINT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    if len(parts) == 2:
        prefix = parts[0]
        if not prefix:
            errors.append("prefix part must be non-empty")
        else:
            if _size(prefix) > 253:
                errors.append(f"prefix part must be no more than 253 {words.unit}")
            if not _DNS.fullmatch(prefix):
                errors.append(f"prefix part {_DNS_HINT}")
    name = parts[-1]
    if not name:
        errors.append("name part must be non-empty")
    elif _size(name) > 63:
        errors.append(f"name part must be no more than 63 {words.unit}")
    if not _NAME.fullmatch(name):
        errors.append(f"name part {_NAME_HINT}")
    return "; ".join(errors)


def _value_errors(value: str, words: Words) -> str:
    errors: list[str] = []
    if _size(value) > 63:
        errors.append(f"must be no more than 63 {words.unit}")
    if value and not _NAME.fullmatch(value):
        errors.append(_VALUE_HINT)
    return "; ".join(errors)


def _size(text: str) -> int:
    """Bytes, which every release counts whatever it calls them."""
    return len(text.encode("utf-8", "replace"))
