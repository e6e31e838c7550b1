"""The tests mirror the house: whoever changes a module finds its tests by name."""

from __future__ import annotations

import ast

HOMES = {"airflow_provider_bacalhau": ("provider", "airflow"), "orchestrator_stub": ("stub",)}
WITHOUT_OWN_TESTS = {
    "orchestrator_stub/runners/base.py": "says what a runner is, does nothing",
    "orchestrator_stub/inputs/base.py": "says what an input is, does nothing",
    "orchestrator_stub/publishers/base.py": "says what a publisher is, does nothing",
    "orchestrator_stub/__main__.py": "one line that calls cli",
}
"""This list may only get shorter."""


def test_every_module_has_a_test_of_its_name(sources, root):
    """A module without tests, or with tests that nobody finds, would go unnoticed."""
    missing = [
        source.name
        for source in sources
        if source.path.name != "__init__.py"
        and source.name not in WITHOUT_OWN_TESTS
        and not declares_only(source.tree)
        and not any(place.is_file() for place in places(source.path.relative_to(root), root))
    ]
    assert missing == []


def test_the_exceptions_are_still_needed(root):
    """An exception would outlive its reason."""
    stale = [
        name
        for name in WITHOUT_OWN_TESTS
        if not (root / name).exists() or any(place.is_file() for place in places((root / name).relative_to(root), root))
    ]
    assert stale == []


def declares_only(tree):
    """True for a module of types and constants: no function of it does more than answer one expression."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    bodies = [[each for each in node.body if not is_text(each)] for node in functions if node.name != "__init__"]
    return all(len(body) <= 1 for body in bodies)


def is_text(statement):
    """True for a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def places(path, root):
    """Where the tests of a module may stand."""
    package, *rooms, name = path.parts
    return [root.joinpath("tests", home, *rooms, f"test_{name}") for home in HOMES[package]]
