"""Query parameters from Python values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from airflow_provider_bacalhau.errors import ConfigError


class Paging(TypedDict):
    """The parameters that every list has."""

    limit: int | None
    next_token: str | None
    order_by: str | None
    reverse: bool


class JobFilters(TypedDict, total=False):
    """The parameters of a job list, all optional."""

    namespace: str | None
    labels: str | Sequence[str] | None
    limit: int | None
    next_token: str | None
    order_by: str | None
    reverse: bool


def query_pairs(**values: str | float | bool | Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    """Query pairs of what is given: None, "", [] and False are left out, lists become repeated keys.

    :raises ConfigError: a negative limit.
    """
    if isinstance(limit := values.get("limit"), int) and limit < 0:
        raise ConfigError(f"limit is {limit}: it is 0 (all) or more.")
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if value is None or value is False or value == "":
            continue
        if value is True:
            pairs.append((name, "true"))
        elif isinstance(value, str | int | float):
            pairs.append((name, str(value)))
        else:
            pairs.extend((name, one) for one in value)
    return tuple(pairs)
