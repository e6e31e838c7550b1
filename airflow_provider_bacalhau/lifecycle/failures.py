"""What failure texts of servers mean: the kind of an execution's failure, and a scheduler's refusal taken apart.

The texts are those recorded from Bacalhau 1.5.2 to 1.9.3; what none of them matches is kind "execution".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "image", "command", "start", "input", "publish", "spec", "trap", "node_lost", "rejected", "ended", "execution"
]
Phase = Literal["", "accept", "queue", "run", "total", "task"]
"""What took too long; "task" is a limit of the waiting task, not one of the job."""

_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"image not available|pull access denied|manifest unknown|invalid reference format", "image"),
    (r"executable file not found|no command specified|unable to find the entrypoint", "command"),
    (r"node has disappeared|node restart|node has been rejected", "node_lost"),
    (r"invalid docker engine param|failed to decode|invalid wasm", "spec"),
    (r"calculating resource usage|failed to fetch|downloading input|failed to prepare|storage", "input"),
    (r"failed to publish|publishing result|s3 publisher|no ?such ?bucket", "publish"),
    (r"failed to start container|creating container|setting up network|is a directory", "start"),
    (r"^(execution error: )?wasm error|wasm stack trace", "trap"),
    (r"rejected bid|bid rejected|networking is enabled", "rejected"),
    (r"execution completed unexpectedly", "ended"),
)
_TOPICS: dict[str, Kind] = {"Downloading Inputs": "input", "Publishing Results": "publish"}
_NODES = re.compile(r"requested: (\d+), available: (\d+)(?:, suitable: (\d+))?")
_NO_MATCH = re.compile(r"no[t]? matching nodes to run job(?: out of (\d+) available nodes)?")


def kind_of(message: str, topic: str = "") -> Kind:
    """The kind of an execution's failure by its message, else by the topic of its event in the history."""
    for pattern, kind in _KINDS:
        if re.search(pattern, message, re.IGNORECASE):
            return kind
    return _TOPICS.get(topic, "execution")


def timed_out_phase(message: str) -> Phase:
    """ "total" or "run" for the server's own timeout texts, else ""."""
    if message.startswith("Job timed out."):
        return "total"
    return "run" if message.startswith("Execution timed out") else ""


@dataclass(frozen=True, slots=True)
class SchedulerReport:
    """A scheduler's refusal taken apart; a count that the text does not give is None.

    :param reasons: its bullets ("2 of 3 nodes: does not support docker, only wasm"), empty reasons included.
    """

    requested: int | None
    available: int | None
    suitable: int | None
    reasons: tuple[str, ...]


def read_report(message: str) -> SchedulerReport | None:
    """Take a job's State.Message apart; None when it is not a scheduler's refusal."""
    nodes, no_match = _NODES.search(message), _NO_MATCH.search(message)
    reasons = tuple(line[1:].strip() for line in message.splitlines() if line.startswith("•"))
    if nodes is not None:
        requested, available, suitable = (None if part is None else int(part) for part in nodes.groups())
        return SchedulerReport(requested, available, suitable, reasons)
    if no_match is not None:
        return SchedulerReport(None, None if no_match[1] is None else int(no_match[1]), 0, reasons)
    return None
