"""What clients really did: the stub's journal as typed entries, and as lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator_stub.testing.clock import moment


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and the effect it had."""

    seq: int
    """From 1."""
    time: datetime
    """On the stub's clock."""
    method: str
    path: str
    query: str
    status: int
    """0: the client got no answer."""
    client: str
    """Its User-Agent, else its address."""
    request_id: str
    jobs: tuple[str, ...]
    """Ids of the jobs that it named or made."""
    fault: str
    """Which fault it met, and of what kind ("f-1 drop_reply"); "" = none."""
    runner: str
    """What runs the job that it submitted; "" for anything else."""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Entry:
        """Read one of `GET /stub/journal`."""
        words = {name: plain[name] for name in ("seq", "method", "path", "query", "status", "client", "request_id")}
        return cls(
            **words,
            time=moment(plain["time"]),
            jobs=tuple(plain["jobs"]),
            fault=plain["fault"],
            runner=plain["runner"],
        )

    def __str__(self) -> str:
        target = f"{self.path}?{self.query}" if self.query else self.path
        answer = str(self.status) if self.status else "no answer"
        fault = f"  [{self.fault}]" if self.fault else ""
        jobs = f"  {', '.join(self.jobs)}" if self.jobs else ""
        return f"{self.seq:>4}  {self.time:%H:%M:%S.%f}  {self.method:<6} {target} -> {answer}{fault}{jobs}"
