"""The file of `--images`: which references exist and what stands in for them (design 4, runners).

    acme/clean:*: {sandbox: {mount: {./images/clean: /app}, path: [/app/.venv/bin]}}
    acme/broken: missing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.image import ImageRule, misplaced, parse_image

_MISSING, _SANDBOX, _SCRIPT = "missing", "sandbox", "script"
_MOUNT, _PATH = "mount", "path"
_UNDERSTOOD = "understood are missing, {sandbox: {mount: ..., path: ...}} and {script: ...}"


def load_images(path: Path) -> tuple[ImageRule, ...]:
    """Rules of the file, in its order; relative folders count from where the file is.

    :raises SettingsError: it cannot be read, is no YAML, or a rule in it is not understood; one sentence that names it
    """
    try:
        document = _document(path.read_text(encoding="utf-8"))
        return tuple(_rule(pattern, given, path.absolute().parent) for pattern, given in _pairs(document))
    except OSError as error:
        raise SettingsError(f"--images {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"--images {path}: no YAML, it is not UTF-8 text") from None
    except _WrongError as error:
        raise SettingsError(f"--images {path}: {error}") from None


class _WrongError(Exception):
    """Something in the file is not understood."""


def _document(text: str) -> Any:
    """The plain values of a YAML text; a key that stands twice is an error: the first match is to win, not the last."""
    import yaml  # most stubs have no such file, and start sooner without it

    try:
        twice = _twice(yaml.compose(text, yaml.SafeLoader))
        if twice:
            raise _WrongError(f"{twice} stands there twice")
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            reason = f"line {error.problem_mark.line + 1}: {error.problem}"
            if "alias" in f"{error.context} {error.problem}":
                reason += " (quote a reference that begins with *)"
        raise _WrongError(f"no YAML, {reason}") from None


def _twice(root: Any) -> str:
    """A key that stands twice in one mapping of a YAML tree, "" when none does."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(getattr(node, "value", None), list):
            continue
        seen.add(id(node))  # an alias may lead back to where it stands
        pairs = [each for each in node.value if isinstance(each, tuple)]
        keys = [key.value for key, _ in pairs if isinstance(key.value, str)]
        if len(set(keys)) < len(keys):
            return str(max(keys, key=keys.count))
        waiting += [value for _, value in pairs] or node.value
    return ""


def _pairs(document: Any) -> Iterator[tuple[str, Any]]:
    """Pattern and what stands in for it, from a mapping or a list of mappings."""
    for each in document if isinstance(document, list) else [document]:
        if not isinstance(each, dict):
            raise _WrongError("give a mapping of image references to what stands in for them")
        for pattern, given in each.items():
            if not isinstance(pattern, str) or not _may_match(pattern):
                raise _WrongError(f"{pattern} is no image reference")
            yield pattern, given


def _may_match(pattern: str) -> bool:
    """False for what no well-formed reference could match; patterns with wildcards are not looked into."""
    if "*" in pattern or "?" in pattern:
        return len(pattern.split()) == 1
    return parse_image(pattern) is not None


def _rule(pattern: str, given: Any, base: Path) -> ImageRule:
    if given == _MISSING:
        return ImageRule(pattern, missing=True)
    if not isinstance(given, dict) or len(given) != 1:
        raise _WrongError(f"{pattern}: {_UNDERSTOOD}")
    ((kind, content),) = given.items()
    if kind == _SCRIPT:
        raise _WrongError(f"{pattern}: script: not available yet")
    if kind != _SANDBOX:
        raise _WrongError(f"{pattern}: unknown key {kind}, {_UNDERSTOOD}")
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise _WrongError(f"{pattern}: sandbox: give a mapping with the keys mount and path")
    for key in content:
        if key not in (_MOUNT, _PATH):
            raise _WrongError(f"{pattern}: sandbox: unknown key {key}, understood are mount and path")
    return ImageRule(
        pattern, mounts=_mounts(pattern, content.get(_MOUNT), base), path=_path(pattern, content.get(_PATH))
    )


def _mounts(pattern: str, given: Any, base: Path) -> Mapping[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(each, str) for pair in given.items() for each in pair):
        raise _WrongError(f"{pattern}: mount: give a mapping of folders here to folders in the sandbox")
    mounts: dict[str, str] = {}
    for shown, wished in given.items():
        target = wished.rstrip("/") or "/"
        folder = (base / Path(shown).expanduser()).resolve()
        if not folder.is_dir():
            raise _WrongError(f"{pattern}: mount: there is no folder {folder}")
        if folder.as_posix() in mounts:
            raise _WrongError(f"{pattern}: mount: {folder} stands there twice")
        problem = misplaced(target, mounts.values())
        if problem:
            raise _WrongError(f"{pattern}: mount: {target} {problem}")
        mounts[folder.as_posix()] = target
    return mounts


def _path(pattern: str, given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    entries = given if isinstance(given, list) else [None]
    if not all(isinstance(each, str) and each.startswith("/") and ":" not in each for each in entries):
        raise _WrongError(f"{pattern}: path: give a list of absolute folders of the sandbox, without a colon in them")
    return tuple(entries)
