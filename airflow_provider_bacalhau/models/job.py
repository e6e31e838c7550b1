"""A job as servers describe it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from airflow_provider_bacalhau.models.base import WireModel, fold, mapping, part, text
from airflow_provider_bacalhau.models.enums import is_terminal, job_state


class Job(WireModel):
    """A job. Times are nanoseconds since 1970 by the server's clock; `state` is the server's text."""

    id: str
    name: str = ""
    namespace: str = "default"
    type: str = ""
    count: int = 0
    priority: int = 0
    constraints: list[dict[str, Any]] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    meta: dict[str, str] = Field(default_factory=dict)
    tasks: list[dict[str, Any]] = Field(default_factory=list)
    state: str = "Undefined"
    state_message: str = ""
    version: int = 0
    revision: int = 0
    create_time: int = 0
    modify_time: int = 0

    @classmethod
    def read(cls, data: Any) -> Job:
        """Read the JSON object of any release or of the user's document.

        :raises ValueError: it is not a job (no object, no id, a field of a wrong type).
        """
        wire = fold(data)
        state = wire.get("state", {})
        state = {"statetype": state} if isinstance(state, str) else fold(state)
        return cls(
            id=wire.get("id", None),
            name=wire.get("name", ""),
            namespace=wire.get("namespace", "default"),
            type=wire.get("type", ""),
            count=wire.get("count", 0),
            priority=wire.get("priority", 0),
            constraints=wire.get("constraints", []),
            labels=wire.get("labels", {}),
            meta=wire.get("meta", {}),
            tasks=[_task(task) for task in wire.get("tasks", [])],
            state=job_state(text(state.get("statetype", "Undefined"))),
            state_message=text(state.get("message")),
            version=wire.get("version", 0),
            revision=wire.get("revision", 0),
            create_time=wire.get("createtime", 0),
            modify_time=wire.get("modifytime", 0),
        )

    @property
    def is_terminal(self) -> bool:
        """Completed, Failed or Stopped."""
        return is_terminal(self.state)

    @property
    def engine(self) -> str:
        """Engine type of the first task in lower case ("docker", "wasm"), empty when unknown."""
        return text(part(fold(self.tasks[0]), "engine").get("type")).lower() if self.tasks else ""

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values in the spelling of 1.9.3, whatever the server's release."""
        state = {"StateType": self.state} | ({"Message": self.state_message} if self.state_message else {})
        return {
            "ID": self.id,
            "Name": self.name,
            "Namespace": self.namespace,
            "Type": self.type,
            "Priority": self.priority,
            "Count": self.count,
            "Constraints": self.constraints,
            "Meta": self.meta,
            "Labels": self.labels,
            "Tasks": self.tasks,
            "State": state,
            "Version": self.version,
            "Revision": self.revision,
            "CreateTime": self.create_time,
            "ModifyTime": self.modify_time,
        }


def _task(data: Any) -> dict[str, Any]:
    """A task as sent; the server behind the user's document calls `Resources` `ResourcesConfig` (FINDINGS-1.1.0 1)."""
    return {("Resources" if key == "ResourcesConfig" else key): value for key, value in mapping(data).items()}
