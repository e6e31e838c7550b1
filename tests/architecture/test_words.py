"""What is written in the files: docstrings where others call, reasons where errors are dropped, nothing left over."""

from __future__ import annotations

import ast
import re
import subprocess

BROAD = {"Exception", "BaseException"}
PLATFORM = {"execute", "execute_complete", "run", "serialize", "on_kill", "cleanup", "poke", "get_link"}
"""Methods that Airflow calls: its documentation describes them, ours would repeat it."""
LEFT_OVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE = re.compile(r"(?<![\w.])(/wo" + r"rk/(main|shared)|/ro" + r"ot/|/tmp/e" + r"nv|/home/\w+/)")
REGISTRY = re.compile(r"files\.pythonho" + r"sted\.org|(?<!\w)pypi\.o" + r"rg")


def public_names(source):
    """Public classes and functions of a module and public methods of its public classes, with their own nodes."""
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    is_method = isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
                    if is_method and not inner.name.startswith("_") and not repeats(node, inner):
                        yield f"{node.name}.{inner.name}", inner


def repeats(owner, method):
    """Whether something else describes the method already: a base class, Airflow, or another overload."""
    decorators = {getattr(each, "attr", getattr(each, "id", "")) for each in method.decorator_list}
    return bool(decorators & {"overload", "override", "setter"}) or bool(owner.bases and method.name in PLATFORM)


def test_every_public_name_has_a_docstring(sources):
    """Somebody would have to read the code to learn what a name does."""
    bare = [
        f"{source.name}:{node.lineno} {name}"
        for source in sources
        for name, node in public_names(source)
        if not ast.get_docstring(node)
    ]
    assert bare == []


def test_every_module_says_what_it_is(sources):
    """A file would have to be read to learn whether it is the right one."""
    bare = [source.name for source in sources if source.text.strip() and not ast.get_docstring(source.tree)]
    assert bare == []


def test_every_test_says_what_would_be_broken(root):
    """A failing test would not explain itself."""
    bare = [
        f"{path.relative_to(root)}:{node.lineno} {node.name}"
        for path in sorted((root / "tests").rglob("test_*.py"))
        if "conformance" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert bare == []


def test_no_exception_is_swallowed(sources):
    """An error could disappear without a trace, a log line or a reason."""
    swallowed = [
        f"{source.name}:{node.lineno}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and swallows(source, node)
    ]
    assert swallowed == []


def swallows(source, handler):
    """Whether an except clause drops what it catches: a wide one that neither raises, logs nor uses the exception,
    or a narrow one that does nothing, both without a comment that says why."""
    lines = source.text.splitlines()[handler.lineno - 1 : handler.end_lineno]
    if any("# " in line for line in lines):
        return False
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    uses = any(isinstance(node, ast.Name) and node.id == handler.name for node in inside)
    raises = any(isinstance(node, ast.Raise) for node in inside)
    logs = any(isinstance(node, ast.Attribute) and node.attr in {"exception", "warning", "error"} for node in inside)
    if names_of(handler) & BROAD or handler.type is None:
        return not (uses or raises or logs)
    return all(isinstance(statement, ast.Pass) for statement in handler.body)


def names_of(handler):
    """Names of the exceptions that an except clause catches."""
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else set()


def test_the_test_for_swallowed_exceptions_sees_them():
    """The test above could be blind."""
    source = type("Source", (), {"text": "try:\n    f()\nexcept Exception:\n    x = 1\n"})
    handler = ast.parse(source.text).body[0].handlers[0]
    assert swallows(source, handler)


def test_nothing_is_left_over_in_any_file(root):
    """A mark of unfinished work, a path of somebody's machine or the name of a package index would be shipped."""
    found = [
        f"{name}:{number} {line.strip()[:80]}"
        for name in written_files(root)
        for number, line in enumerate((root / name).read_text(errors="ignore").splitlines(), 1)
        if LEFT_OVER.search(line) or MACHINE.search(line) or REGISTRY.search(line)
    ]
    assert found == []


def written_files(root):
    """Text files of the project that people wrote: recordings and what replays them are kept as they are."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
    )
    kept = ("tests/golden/", "tests/conformance/")
    text = (".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".wat", ".sh", "Makefile", "run")
    return [
        name for name in listed.stdout.splitlines()
        if name.endswith(text) and not name.startswith(kept) and (root / name).is_file()
    ]
