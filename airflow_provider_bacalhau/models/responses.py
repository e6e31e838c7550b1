"""What answers hold beside jobs, executions and nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import Field

from airflow_provider_bacalhau.models.base import WireModel, fold, part, text
from airflow_provider_bacalhau.models.capabilities import UNKNOWN, Capabilities

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_token` is empty when there is no next page (history: see `Client.get_history`)."""

    items: tuple[T, ...]
    next_token: str = ""

    @classmethod
    def read(cls, data: Any, kind: str, item: Callable[[Any], T]) -> Page[T]:
        """Read a list answer: `Items` since 1.5, else the key named like `kind` ("jobs", "nodes").

        :raises ValueError: no such list.
        """
        wire = fold(data)
        names = {str(key).lower() for key in data}
        if not names & {"items", kind}:
            msg = f"no list of {kind}"
            raise ValueError(msg)
        items = wire.get("items", wire.get(kind, []))
        return cls(tuple(item(one) for one in items), text(wire.get("nexttoken")))

    def following(self, token: str | None) -> str | None:
        """Token of the next page, None at the end. `token` led here: a server that repeats it has nothing new."""
        return self.next_token if self.next_token and self.next_token != token else None


class Submitted(WireModel):
    """The answer to a submit."""

    job_id: str
    evaluation_id: str = ""
    warnings: list[str] = Field(default_factory=list)

    @classmethod
    def read(cls, data: Any) -> Submitted:
        """Read the answer. :raises ValueError: no job id in it."""
        wire = fold(data)
        return cls(
            job_id=wire.get("jobid") or None,
            evaluation_id=wire.get("evaluationid", ""),
            warnings=wire.get("warnings", []),
        )


class Stopped(WireModel):
    """The answer to a stop; `evaluation_id` is empty when the job was stopped already."""

    evaluation_id: str = ""

    @classmethod
    def read(cls, data: Any) -> Stopped:
        """Read the answer. :raises ValueError: it is no JSON object."""
        return cls(evaluation_id=fold(data).get("evaluationid", ""))


class HistoryItem(WireModel):
    """One event. `previous` and `new` are state names: both in the user's document, only `new` of a job since 1.5.2.

    `seq` counts from 1 per job and is 0 where the server sends none (the user's document).
    """

    seq: int = 0
    type: str = ""
    job_id: str = ""
    job_version: int = 0
    execution_id: str = ""
    node_id: str = ""
    time: str = ""
    topic: str = ""
    message: str = ""
    details: dict[str, str] = Field(default_factory=dict)
    previous: str | None = None
    new: str | None = None

    @property
    def nanoseconds(self) -> int:
        """When it happened, since 1970; 0 while unknown."""
        try:
            return int(datetime.fromisoformat(self.time).timestamp() * 1e9)
        except ValueError:
            return 0

    @classmethod
    def read(cls, data: Any, capabilities: Capabilities = UNKNOWN) -> HistoryItem:
        """Read an event of 1.5.2+ (`Event`) or a transition of the user's document (`JobState`, `ExecutionState`)."""
        wire = fold(data)
        event = part(wire, "event")
        change = part(wire, "executionstate") or part(wire, "jobstate")
        details = event.get("details", {})
        previous, new = (
            capabilities.compute_state(change[key]) if key in change else None for key in ("previous", "new")
        )
        return cls(
            seq=wire.get("seqnum", 0),
            type=text(wire.get("type")),
            job_id=wire.get("jobid", ""),
            job_version=wire.get("jobversion", 0),
            execution_id=wire.get("executionid", ""),
            node_id=wire.get("nodeid", details.get("NodeID", "")),
            time=text(wire.get("time") or event.get("timestamp")),
            topic=text(event.get("topic")),
            message=text(event.get("message") or wire.get("comment")),
            details=details,
            previous=previous,
            new=new if new is not None else details.get("NewState"),
        )

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values in the spelling of 1.9.3; a transition of the user's document stands in `Details`."""
        changes = {"PreviousState": self.previous, "NewState": self.new, "NodeID": self.node_id}
        details = {**self.details, **{key: value for key, value in changes.items() if value}}
        return {
            "SeqNum": self.seq,
            "Type": self.type,
            "JobID": self.job_id,
            "JobVersion": self.job_version,
            "ExecutionID": self.execution_id,
            "Event": {"Message": self.message, "Topic": self.topic, "Timestamp": self.time, "Details": details},
            "Time": self.time,
        }


class Version(WireModel):
    """What a server announces about itself; keys are title case since 1.1.1 and lower case in 1.1.0."""

    git_version: str = ""
    git_commit: str = ""
    build_date: str = ""
    os: str = ""
    arch: str = ""

    @classmethod
    def read(cls, data: Any) -> Version:
        """Read the answer of `/agent/version`. :raises ValueError: it tells no version."""
        wire = fold(data)
        if "gitversion" not in wire:
            msg = "no GitVersion"
            raise ValueError(msg)
        return cls(
            git_version=wire["gitversion"],
            git_commit=wire.get("gitcommit", ""),
            build_date=wire.get("builddate", ""),
            os=wire.get("goos", ""),
            arch=wire.get("goarch", ""),
        )

    @property
    def release(self) -> str:
        """The version without the leading v."""
        return self.git_version.removeprefix("v")


@dataclass(frozen=True, slots=True)
class LogFrame:
    """A piece of a log: stream 1 (stdout) or 2 (stderr); the text is any chunk, not necessarily a line."""

    stream: int
    text: str
