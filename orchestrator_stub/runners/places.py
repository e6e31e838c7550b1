"""Where a program without walls finds what would be mounted: below a folder of its own, of the run itself (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from orchestrator_stub.runners.walls import clean, depth

_PATH = r"[\w.~/-]"
"""What the name of a path may go on with, so that `/outputs-2` and `file:///outputs` are not `/outputs`."""


class Places:
    """Targets of mounts, and where each is in truth."""

    def __init__(self, root: str, targets: Iterable[str]) -> None:
        """`root`: absolute path of the run's own folder; `targets`: absolute paths that the job knows."""
        self._root = root
        names = sorted({clean(target) for target in targets} - {"/"}, key=depth, reverse=True)
        words = "|".join(map(re.escape, names))
        self._pattern = re.compile(rf"(?<!{_PATH})(?:{words})(?=/|(?!{_PATH}))") if names else None

    def path(self, target: str) -> str:
        """Where a path of the container is here."""
        return self._root + clean(target)

    def rewritten(self, text: str) -> str:
        """The text with each target replaced by where it is."""
        return self._pattern.sub(lambda match: self._root + match[0], text) if self._pattern else text

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Variables whose values are rewritten."""
        return {name: self.rewritten(value) for name, value in given.items()}
