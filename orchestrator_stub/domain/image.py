"""Which container images exist for the stub, and what stands in for their content (design 4, runners)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class ImageRule:
    """What is known of the references that match a pattern; the first rule that matches counts."""

    pattern: str
    """Glob over the reference, e.g. `acme/clean:*`."""
    missing: bool = False
    """No such image: its jobs fail as on a node that cannot pull it."""
    mounts: Mapping[str, str] = field(default_factory=dict)
    """Folder of this machine (absolute) -> where the sandbox shows it, read-only."""
    path: tuple[PurePosixPath, ...] = ()
    """Folders of the sandbox that come first in PATH."""
