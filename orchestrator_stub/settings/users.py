"""The file of `--auth`: API users as a server's own configuration names them (1.7+, fact sheet 9.4)."""

from __future__ import annotations

from pathlib import Path

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.user import User


def load_users(path: Path) -> tuple[User, ...]:
    """Users of the file.

    :raises SettingsError: it cannot be read, is no YAML, or a user in it is incomplete.
    """
    raise SettingsError(f"--auth {path}: not available yet")
