"""Who a job belongs to: key, epoch, slot, fingerprint, labels, Meta, content-addressed name and stop reasons.

One key has at most one live job. The name is the address of the job's content: two jobs have the same name exactly
when their bytes are the same, so repeating a submit of unknown fate can never change a job that already exists.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, get_args

Cause = Literal["superseded", "twin", "accept", "timeout", "on_kill", "reaped"]
Lifetime = Literal["task", "detached"]

LABEL_KEY = "airflow-key"
LABEL_EPOCH = "airflow-epoch"
LABEL_SLOT = "airflow-slot"
LABEL_FP = "airflow-fp"
LABEL_LIFETIME = "airflow-lifetime"

_LABEL_LIMIT = 63
_PREFIX_LIMIT = 30
_STOP_REASON = re.compile(r"^airflow (\d+)\.(\d+) ([a-z_]+)$")


@dataclass(frozen=True, slots=True)
class TaskRef:
    """The Airflow task instance that owns a job.

    :param deployment: name of the Airflow deployment; None while it is not configured.
    :param map_index: -1 for a task that is not mapped.
    :param url: the task's page without a try number; like everything here it must be the same in every try.
    :param ordinal: n of the n-th job of one task (hook calls, from 1); None for an operator's only job.
    """

    deployment: str | None
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    owner: str = ""
    triggered_by: str = ""
    url: str = ""
    ordinal: int | None = None

    @property
    def title(self) -> str:
        """`dag.task`, or `dag.task[3]` for a mapped one: how people name it."""
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag_id}.{self.task_id}{mapped}"


@dataclass(frozen=True, slots=True)
class Epoch:
    """The span of tries that may share a job; it ends when a user clears the task.

    :param born_us: start of the run in microseconds since 1970 (dag_run.start_date, else the task instance's own).
    :param clear_number: how often the run was cleared; None where the platform does not tell.
    :param max_tries: Airflow's max_tries of the task instance.
    :param retries: retries in today's DAG; only Airflow 3.1 needs it, None elsewhere.
    """

    born_us: int
    clear_number: int | None
    max_tries: int
    retries: int | None = None

    @property
    def text(self) -> str:
        """The label value; an unknown clear_number is an empty part."""
        clear = "" if self.clear_number is None else str(self.clear_number)
        parts = [str(self.born_us), clear, str(self.max_tries)]
        return "-".join(parts if self.retries is None else [*parts, str(self.retries)])

    @classmethod
    def parse(cls, text: str) -> Epoch | None:
        """Read a label value; None when it is not one of ours."""
        parts = text.split("-")
        numbers = [int(part) if part.isascii() and part.isdigit() else None for part in parts]
        if len(parts) not in (3, 4) or numbers[0] is None or numbers[2] is None:
            return None
        if (parts[1] and numbers[1] is None) or numbers[-1] is None:
            return None
        return cls(numbers[0], numbers[1], numbers[2], numbers[3] if len(parts) == 4 else None)

    def may_adopt(self, other: Epoch) -> bool:
        """True when all parts that both have are equal: a job of `other` may be this attempt's job."""
        if (self.born_us, self.max_tries) != (other.born_us, other.max_tries):
            return False
        pairs = ((self.clear_number, other.clear_number), (self.retries, other.retries))
        return all(a is None or b is None or a == b for a, b in pairs)

    def older_than(self, other: Epoch) -> bool:
        """True when (born, clear_number, max_tries) is lower: `other` may sweep a job of this epoch."""
        return self._order(other) < other._order(self)

    def _order(self, other: Epoch) -> tuple[int, int, int]:
        known = self.clear_number is not None and other.clear_number is not None
        return self.born_us, (self.clear_number or 0) if known else 0, self.max_tries


class Stamped(NamedTuple):
    """What the labels of one of our jobs say."""

    epoch: Epoch
    slot: int
    fp: str


class StopAuthor(NamedTuple):
    """Who stopped a job: an attempt, ordered by (born_us, try_number), and why."""

    born_us: int
    try_number: int
    cause: Cause


def canonical(value: Any) -> str:
    """JSON text that is the same for equal plain values: sorted keys, no blanks.

    :raises TypeError: for what is not plain JSON; ValueError for NaN and infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _b32(value: Any) -> str:
    digest = hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()


def key(ref: TaskRef) -> str:
    """The lock: 40 characters, equal for all tries of one task instance, different for everything else."""
    parts = [ref.deployment, ref.dag_id, ref.run_id, ref.task_id, ref.map_index]
    return _b32(parts if ref.ordinal is None else [*parts, ref.ordinal])[:40]


def fingerprint(spec: Mapping[str, Any]) -> str:
    """32 hex digits over the user's rendered spec; null and empty parts count as absent.

    It is taken before anything of ours or of the server's release is added, so a provider upgrade does not change it.
    """
    return hashlib.sha256(canonical(_without_empty(spec)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {name: _without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item is not None and item not in ({}, [])}
    if isinstance(value, (list, tuple)):
        return [_without_empty(item) for item in value]
    return value


def label_value(text: str) -> str:
    """`text` as people can select by it: `[A-Za-z0-9._-]`, at most 63 characters, alphanumeric at both ends."""
    ends = "._-"
    return re.sub(r"[^A-Za-z0-9._-]", "-", text).strip(ends)[:_LABEL_LIMIT].rstrip(ends)


def name_prefix(*candidates: str | None) -> str:
    """The first candidate that leaves something, as `[a-z0-9-]` of at most 30 characters; else "job"."""
    for text in candidates:
        prefix = re.sub(r"[^a-z0-9]+", "-", (text or "").lower()).strip("-")[:_PREFIX_LIMIT].rstrip("-")
        if prefix:
            return prefix
    return "job"


def name_of(wire_job: Mapping[str, Any], key: str, epoch: Epoch, slot: int, prefix: str) -> str:
    """The name of a final wire job; its own Name, if it has one, does not count."""
    content = {name: value for name, value in wire_job.items() if name != "Name"}
    return f"{prefix}-{_b32([key, epoch.text, slot, content])[:32]}"


def labels_for(ref: TaskRef, epoch: Epoch, slot: int, fp: str, lifetime: Lifetime) -> dict[str, str]:
    """The labels of one job: lock, epoch, slot and fingerprint, and those that people filter by."""
    people = {"airflow-dag": ref.dag_id, "airflow-task": ref.task_id, "airflow-run": ref.run_id}
    if ref.map_index >= 0:  # "-1" could not be selected: a label value starts with a letter or digit
        people["airflow-map"] = str(ref.map_index)
    if ref.deployment:
        people["airflow-deployment"] = ref.deployment
    shown = {name: label_value(text) for name, text in people.items()}
    return {
        LABEL_KEY: key(ref),
        LABEL_EPOCH: epoch.text,
        LABEL_SLOT: str(slot),
        LABEL_FP: fp,
        LABEL_LIFETIME: lifetime,
        **{name: text for name, text in shown.items() if text},
    }


def meta_for(ref: TaskRef) -> dict[str, str]:
    """Raw values for people and for the reaper; no try and no version, which would change the bytes."""
    values = {
        "airflow-dag-id": ref.dag_id,
        "airflow-run-id": ref.run_id,
        "airflow-task-id": ref.task_id,
        "airflow-map-index": str(ref.map_index),
        "airflow-deployment": ref.deployment or "",
        "airflow-owner": ref.owner,
        "airflow-triggered-by": ref.triggered_by,
        "airflow-url": ref.url,
    }
    return {name: text for name, text in values.items() if text}


def stamp(
    spec: Mapping[str, Any],
    *,
    ref: TaskRef,
    epoch: Epoch,
    slot: int,
    lifetime: Lifetime,
    fp: str,
    prefix: str | None = None,
) -> dict[str, Any]:
    """The final wire job: `spec` (already shaped for the server) with our labels, Meta and Name.

    Keys come out sorted, so equal jobs are equal bytes. Labels and Meta of the user stay, ours win.

    :param prefix: the operator's `name`; else the spec's Name, else `dag-task`, starts the submitted Name.
    """
    job = {name: value for name, value in spec.items() if name != "Name"}
    job["Labels"] = {**(spec.get("Labels") or {}), **labels_for(ref, epoch, slot, fp, lifetime)}
    job["Meta"] = {**(spec.get("Meta") or {}), **meta_for(ref)}
    head = name_prefix(prefix, spec.get("Name"), f"{ref.dag_id}-{ref.task_id}")
    job["Name"] = name_of(job, key(ref), epoch, slot, head)
    return cast("dict[str, Any]", json.loads(canonical(job)))


def read_labels(labels: Mapping[str, str]) -> Stamped | None:
    """Epoch, slot and fingerprint of a job of ours; None when a label is missing or garbled."""
    epoch = Epoch.parse(labels.get(LABEL_EPOCH, ""))
    slot = labels.get(LABEL_SLOT, "")
    fp = labels.get(LABEL_FP, "")
    if epoch is None or not (slot.isascii() and slot.isdigit()) or not fp:
        return None
    return Stamped(epoch, int(slot), fp)


def stop_reason(born_us: int, try_number: int, cause: Cause) -> str:
    """The reason sent with every stop; it comes back as the job's State.Message on all servers."""
    return f"airflow {born_us}.{try_number} {cause}"


def parse_stop_reason(text: str) -> StopAuthor | None:
    """Who stopped a job; None for a text of somebody else."""
    match = _STOP_REASON.match(text)
    if match is None or match[3] not in get_args(Cause):
        return None
    return StopAuthor(int(match[1]), int(match[2]), cast("Cause", match[3]))


def short_id(full: str) -> str:
    """`j-1a2b3c4d` of a full `j-<uuid>` (also executions and nodes); any other text stays whole."""
    match = re.fullmatch(r"([a-z]-[0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", full)
    return match[1] if match else full
