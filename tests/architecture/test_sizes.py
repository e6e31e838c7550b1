"""Files, functions and signatures stay small enough to be read at once."""

from __future__ import annotations

import ast

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_POSITIONAL = 5


def functions(source):
    """Every function and method of a file."""
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_file_is_longer_than_400_lines(sources, root):
    """A god file could grow unseen, in the packages or in the tests."""
    tests = [path for path in (root / "tests").rglob("*.py") if "conformance" not in path.parts]
    lengths = {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in tests}
    lengths |= {source.name: len(source.text.splitlines()) for source in sources}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_60_lines(sources):
    """A function that does everything could grow unseen."""
    long = {
        f"{source.name}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for source in sources
        for node in functions(source)
        if node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_no_function_takes_more_than_five_positional_parameters(sources):
    """A call whose arguments only their order explains would be possible."""
    wide = {
        f"{source.name}:{node.lineno} {node.name}": names
        for source in sources
        for node in functions(source)
        if len(names := positional(node)) > MAX_POSITIONAL
    }
    assert wide == {}


def positional(node):
    """Names of the parameters that can be given by position, without self and cls."""
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names
