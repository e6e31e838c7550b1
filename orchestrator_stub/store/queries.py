"""What can be asked of the store: filters, order and page of each list, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from orchestrator_stub.domain.selector import Selector

T = TypeVar("T")

Level = Literal["all", "job", "execution"]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_token` is "" on the last one."""

    items: tuple[T, ...]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class JobQuery:
    """List of jobs. A token replaces `order_by`, `reverse` and `limit` (fact sheet 7.2)."""

    namespace: str = ""
    """"" and "*" = all namespaces."""
    labels: Selector | None = None
    limit: int = 0
    """0 = the release's default (all, or what the document says)."""
    token: str = ""
    order_by: str = ""
    """"" and "created_at" = by creation, "modified_at" = by last change."""
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """History of one job, always by sequence number (fact sheet 7.3)."""

    since_s: int = 0
    """Unix seconds; items that happened before are left out."""
    level: Level = "all"
    execution_id: str = ""
    """Prefix of an execution id."""
    node_id: str = ""
    """Prefix of a node id (only the user's document knows this filter)."""
    limit: int = 0
    """0 = the token's, else 100."""
    token: str = ""
    version: int = 0
    """0 = the latest version of the job."""
    all_versions: bool = False
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """Executions of one job."""

    order_by: str = ""
    """"" and "created_at"/"create_time" = by creation, "modified_at"/"modify_time" = by last change."""
    reverse: bool = False
    limit: int = 0
    """0 = all."""
    token: str = ""
    """Only the user's document knows tokens here."""
    version: int = 0
    """0 = the latest version of the job."""
    all_versions: bool = False
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class NodeQuery:
    """List of nodes."""

    labels: Selector | None = None
    limit: int = 0
    """0 = the release's default (all, or what the document says)."""
    token: str = ""
    """Only the user's document knows tokens here."""
    order_by: str = ""
    """"", id, type, available_cpu, available_memory, available_disk, available_gpu, approval, status."""
    reverse: bool = False
    approval: str = ""
    """Compared with the membership in upper case; "" = any."""
    status: str = ""
    """Compared with the connection in upper case; "" = any."""
