"""The file of `--images`: which references exist and what stands in for them (design 4, runners)."""

from __future__ import annotations

from pathlib import Path

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.image import ImageRule


def load_images(path: Path) -> tuple[ImageRule, ...]:
    """Rules of the file, in its order.

    :raises SettingsError: it cannot be read, is no YAML, or a rule in it is not understood.
    """
    raise SettingsError(f"--images {path}: not available yet")
