"""One try of one task, as far as its job goes: what it is about to submit, and what it has fixed once it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from airflow_provider_bacalhau.lifecycle.identity import Epoch, Lifetime, TaskRef


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one task, as far as its job goes; computed once, in the first leg.

    :param spec: the user's rendered and validated spec, namespace and timeouts included, before anything of ours.
    :param accept_timeout: seconds after which a Pending job of an earlier try is given up; None never.
    :param total_timeout: seconds after which a job of an earlier try has outlived its own deadline; None never.
    :param fp: the fingerprint that an earlier leg pinned; None: that of `spec`.
    """

    ref: TaskRef
    epoch: Epoch
    try_number: int
    spec: Mapping[str, Any]
    conn_id: str
    lifetime: Lifetime = "task"
    prefix: str | None = None
    durable: bool = True
    fail_on_exit_code: bool = True
    accept_timeout: float | None = 120.0
    total_timeout: float | None = None
    late_submit_grace: float = 90.0
    fp: str | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """The job of an attempt, and the identity under which it was submitted. Later legs go by this, never by what they
    would compute themselves (protocol F10).

    :param heals: how many jobs of this attempt it replaces.
    :param sweeps: something may have been left beside it, so that its watchers look for strays.
    :param deployed: the Airflow has a name among those that share the orchestrator.
    """

    try_number: int
    epoch: str
    fp: str
    slot: int
    job_id: str
    namespace: str
    name: str = ""
    key: str = ""
    adopted: bool = False
    submitted_at: float = 0.0
    heals: int = 0
    sweeps: bool = False
    deployed: bool = False

    def to_plain(self) -> dict[str, Any]:
        """Plain values, for trigger arguments and events; the try goes by "try" there."""
        plain = asdict(self)
        return {"try": plain.pop("try_number"), **plain}

    @classmethod
    def from_plain(cls, value: Any) -> Pin | None:
        """Read what `to_plain` wrote, with whatever else stands beside it; None when it is not one."""
        if not isinstance(value, Mapping) or not value.get("job_id"):
            return None
        named = {**value, "try_number": value.get("try", 0)}
        known = {one.name: named[one.name] for one in fields(cls) if one.name in named}
        try:
            return cls(**known)
        except TypeError:
            return None
