"""What a scheduler's text says: how many nodes were asked for and matched, and why the others did not."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NODES = re.compile(r"requested: (\d+), available: (\d+)(?:, suitable: (\d+))?")
_NO_MATCH = re.compile(r"(?:not? matching nodes to run job)(?: out of (\d+) available nodes)?")
_TIMES = ("job timed out", "execution timed out")


@dataclass(frozen=True, slots=True)
class SchedulerReport:
    """A "not enough nodes" text taken apart; counts that it does not give are None.

    :param reasons: its bullets ("2 of 3 nodes: does not support docker, only wasm"), empty reasons included.
    """

    requested: int | None
    available: int | None
    suitable: int | None
    reasons: tuple[str, ...]

    @property
    def has_empty_reason(self) -> bool:
        """True when nodes were left out without a word: fewer nodes match than the job wants executions."""
        return any(reason.rstrip().endswith(":") for reason in self.reasons)


def read_report(text: str) -> SchedulerReport | None:
    """Take a job's State.Message apart; None when the scheduler did not write it."""
    nodes, no_match = _NODES.search(text), _NO_MATCH.search(text)
    reasons = tuple(line[1:].strip() for line in text.splitlines() if line.startswith("•"))
    if nodes is not None:
        requested, available, suitable = (None if part is None else int(part) for part in nodes.groups())
        return SchedulerReport(requested, available, suitable, reasons)
    if no_match is not None:
        available = None if no_match[1] is None else int(no_match[1])
        return SchedulerReport(None, available, 0, reasons)
    return None


def only_retries_used_up(report: SchedulerReport) -> bool:
    """True when the text only hides an earlier failure: every node has already run the job more than once."""
    return bool(report.reasons) and all("already executed on this node" in reason for reason in report.reasons)


def is_timeout(text: str) -> str:
    """"total" or "run" for the server's own timeout texts, else ""."""
    lower = text.lower()
    if lower.startswith(_TIMES[0]):
        return "total"
    return "run" if lower.startswith(_TIMES[1]) else ""
