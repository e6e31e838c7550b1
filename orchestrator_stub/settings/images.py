"""The file of `--images`: which references exist and what stands in for them (design 4, runners).

    acme/clean:*: {sandbox: {mount: {./images/clean: /app}, path: [/app/.venv/bin]}}
    acme/train: {script: {after: 40m, stdout: 3 epochs}}
    acme/broken: missing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator_stub.domain.image import ImageRule, misplaced, parse_image
from orchestrator_stub.settings.yamlfile import read_document

if TYPE_CHECKING:
    from orchestrator_stub.domain.stage import Stage

Keys = tuple[str | int, ...]
_MISSING, _SANDBOX, _SCRIPT = "missing", "sandbox", "script"
_MOUNT, _PATH, _STAGES = "mount", "path", "stages"
_UNDERSTOOD = "understood are missing, {sandbox: {mount: ..., path: ...}} and {script: ...}"


def load_images(path: Path) -> tuple[ImageRule, ...]:
    """Rules of the file, in its order; relative folders count from where the file is.

    :raises SettingsError: it cannot be read, is no YAML, or a rule in it is not understood; one sentence that names it
    """
    document = read_document("--images", path)
    try:
        return tuple(_read(*pair, path.absolute().parent) for pair in _pairs(document.values))
    except _WrongError as error:
        raise document.wrong(str(error), error.keys) from None


class _WrongError(Exception):
    """Something in the file is not understood; `keys` lead there."""

    def __init__(self, text: str, keys: Keys = ()) -> None:
        super().__init__(text)
        self.keys = keys


def _pairs(document: Any) -> Iterator[tuple[Keys, str, Any]]:
    """Where it stands, pattern and what stands in for it, from a mapping or a list of mappings."""
    for number, each in enumerate(document if isinstance(document, list) else [document]):
        if not isinstance(each, dict):
            raise _WrongError("give a mapping of image references to what stands in for them")
        for pattern, given in each.items():
            if not isinstance(pattern, str) or not _may_match(pattern):
                raise _WrongError(f"{pattern} is no image reference")
            yield (number, pattern) if isinstance(document, list) else (pattern,), pattern, given


def _may_match(pattern: str) -> bool:
    """False for what no well-formed reference could match; patterns with wildcards are not looked into."""
    if "*" in pattern or "?" in pattern:
        return len(pattern.split()) == 1
    return parse_image(pattern) is not None


def _read(keys: Keys, pattern: str, given: Any, base: Path) -> ImageRule:
    try:
        return _rule(pattern, given, base)
    except _WrongError as error:
        raise _WrongError(str(error), (*keys, *error.keys)) from None


def _rule(pattern: str, given: Any, base: Path) -> ImageRule:
    if given == _MISSING:
        return ImageRule(pattern, missing=True)
    if not isinstance(given, dict) or len(given) != 1:
        raise _WrongError(f"{pattern}: {_UNDERSTOOD}")
    ((kind, content),) = given.items()
    if kind == _SCRIPT:
        return ImageRule(pattern, stages=_stages(pattern, content))
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


def _stages(pattern: str, given: Any) -> tuple[Stage, ...]:
    """Of one stage, of a list of them, or of a mapping that has that list below `stages`."""
    from orchestrator_stub.domain.plain import PlainError
    from orchestrator_stub.domain.scriptreading import parse_stages

    below = isinstance(given, dict) and set(given) == {_STAGES}
    keys: Keys = (_SCRIPT, _STAGES) if below else (_SCRIPT,)
    try:
        return parse_stages(given[_STAGES] if below else given, keys)
    except PlainError as error:
        raise _WrongError(f"{pattern}: {error}", error.path) from None


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
