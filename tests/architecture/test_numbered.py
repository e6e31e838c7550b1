"""What can die, numbered: T is a case of exactly-once submission, P a pitfall of Airflow. Each number has its tests.

A test says its numbers in its name (`test_t7_...`) or in its docstring (`(T7, P3)`).
"""

from __future__ import annotations

import ast
import re

import pytest

TITLES = {
    "T1": "SIGTERM before, during and right after the submit",
    "T2": "cleared in its second leg: the old try's event is void",
    "T3": "worker killed, cleared while RUNNING, heartbeat timeout",
    "T4": "the second leg cannot be launched: try 2 has the same id",
    "T5": "worker killed on entering the second leg after a good job",
    "T6": "a job that may not be adopted is stopped before the submit",
    "T7": "a stop is confirmed by a look before the submit",
    "T8": "a late submit of a dead try, at four moments",
    "T9": "a late submit across a clear: waited for, else swept",
    "T10": "Pending for ever: the next slot, in the same try",
    "T11": "stopped by a stale actor, a person, a newer try, four times",
    "T12": "two triggerers, one stopped and woken",
    "T13": "a superseded worker sends nothing",
    "T14": "twins before 1.8; two watchers keep the same one",
    "T15": "a trigger that raises is deferred again",
    "T16": "a job that failed before its answer came",
    "T17": "every shape of job sent twice is one job",
    "T18": "equal names are equal bytes",
    "T19": "what holds for every decision",
    "T20": "the model, with the product's decisions inside",
    "T21": "the reaper: who is stopped and who is not",
    "P1": "a trigger's on_kill, and cleanup that is no kill",
    "P2": "a triggerer that wakes up late",
    "P3": "clear of a deferred task: old trigger and new try in any order",
    "P4": "clear of a succeeded task runs it again",
    "P5": "what was taken over is handed on",
    "P6": "durable and deferrable at once",
    "P7": "a deferral that Airflow gives up",
    "P8": "execution_timeout while deferred",
    "P9": "on_kill has seconds",
    "P10": "on_kill runs in a signal handler",
    "P11": "a rollout of the workers",
    "P12": "the task state store never answers a trigger",
    "P13": "a trigger that has fired is no longer to be killed",
    "P14": "a trigger's arguments are frozen",
    "P15": "XCom is emptied before each try",
    "P16": "dag.test() drops a deferral's own arguments",
    "P17": "a plugin's name met twice",
    "P18": "links while the task runs",
}
ELSEWHERE: dict[str, str] = {}
"""Numbers without a test of their own, and the reason; this list may only get shorter."""

IN_NAME = re.compile(r"_([tp]\d+)(?=_)")
IN_TEXT = re.compile(r"\(([A-Z0-9 ,:]+)\)")
NUMBER = re.compile(r"\b[TP]\d+\b")


def numbers_of(node):
    """The numbers that a test says it is for."""
    named = {number.upper() for number in IN_NAME.findall(node.name)}
    told = " ".join(IN_TEXT.findall(ast.get_docstring(node) or ""))
    return named | set(NUMBER.findall(told))


@pytest.fixture(scope="module")
def tested(root):
    """Number -> names of its tests."""
    found = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        if "conformance" in path.parts or path.name == "test_numbered.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for number in numbers_of(node):
                    found.setdefault(number, []).append(f"{path.relative_to(root)}::{node.name}")
    return found


def test_every_number_has_its_test(tested):
    """Something of what was promised when something dies would be tested by nobody, and nobody would know."""
    missing = {number: title for number, title in TITLES.items() if number not in tested}
    assert missing.keys() == ELSEWHERE.keys(), missing


def test_no_test_is_for_a_number_that_nobody_knows(tested):
    """A mistyped number would leave its case without a test that can be found."""
    unknown = {number: tests for number, tests in tested.items() if number not in TITLES}
    assert unknown == {}


def test_numbers_are_read_from_names_and_docstrings():
    """The tests above could be blind."""
    code = 'def test_t7_a_stop():\n    """It would run (C7)."""\n\n\ndef test_x():\n    """Lost (T1, P10: C1)."""\n'
    assert [numbers_of(node) for node in ast.parse(code).body] == [{"T7"}, {"T1", "P10"}]
