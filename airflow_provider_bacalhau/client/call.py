"""A request as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from airflow_provider_bacalhau.errors import ApiError
from airflow_provider_bacalhau.models.capabilities import Capabilities

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request of the API and how its answer is read; the shells know nothing more than to run it."""

    name: str
    """What it does, as the beginning of an error sentence: "stop job j-1"."""
    method: str
    path: str
    """Path below the base URL, already quoted."""
    parse: Callable[[Any, Capabilities], T]
    """Reads the JSON of a 200; raises ValueError when it is something else."""
    query: tuple[tuple[str, str], ...] = ()
    body: Any | None = None
    """JSON body; None sends none."""
    idempotent: bool = True
    """Sending it twice has the effect of sending it once, so a lost answer may be asked for again."""
    recover: Callable[[ApiError], T] | None = None
    """Reads a refusal as a result, or raises it again; None: every refusal is raised."""
