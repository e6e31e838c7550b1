"""What a check of the doctor's found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: what was seen, and unless it is ok the next step."""

    level: Level
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<5} {self.name}: {' '.join(self.text.split())}"
