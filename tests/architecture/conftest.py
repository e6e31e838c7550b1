"""What the tests of the house itself share: the source files, parsed once."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("airflow_provider_bacalhau", "orchestrator_stub")


@dataclass(frozen=True)
class Source:
    """One Python file of the two packages."""

    path: Path

    @property
    def name(self) -> str:
        """Path from the checkout, for messages."""
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        """The file as it is."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The file, parsed."""
        return ast.parse(self.text, self.name)


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every Python file of both packages."""
    return [Source(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
