"""What an execution published."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from airflow_provider_bacalhau.models.base import WireModel, fold, mapping, text


class PublishedResult(WireModel):
    """One published result: its storage type (`s3`, `s3PreSigned`, `urlDownload`, `ipfs`, ...) and its parameters.

    A pre-signed URL in `params` is a credential: it stays in this process.
    """

    type: str
    params: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def read(cls, data: Any) -> PublishedResult:
        """Read a SpecConfig of any release. :raises ValueError: it is no JSON object."""
        wire = fold(data)
        return cls(type=text(wire.get("type")), params=mapping(wire.get("params")))

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values in the spelling of 1.9.3."""
        return {"Type": self.type, "Params": self.params}
