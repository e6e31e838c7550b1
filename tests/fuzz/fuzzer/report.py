"""The figures of a run as text for people and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .campaign import Figures


def text(runs: Sequence[Figures], seed: str) -> str:
    """What was sent, what came back, how slow and how large the stubs became."""
    total, seconds = sum(run.requests for run in runs), sum(run.seconds for run in runs)
    faults = [fault for run in runs for fault in run.faults]
    lines = [f"{total:,} requests (seed {seed}) in {seconds:.0f} s, {len(faults)} faults", "", *_by_kind(runs), "", *_rules(runs), ""]
    lines += [f"{'release':8} {'requests':>8} {'jobs':>6} {'slowest':>9} {'start':>8} {'middle':>8} {'end':>8} {'peak':>8} {'allowed':>8} {'a plain job':>12}"]
    lines += [
        f"{run.release:8} {run.requests:8,} {run.accepted:6,} {run.slowest_s * 1000:6.0f} ms"
        f"{run.start_kb / 1000:6.1f} MB{run.middle_kb / 1000:6.1f} MB{run.end_kb / 1000:6.1f} MB{run.peak_kb / 1000:6.1f} MB"
        f"{(run.start_kb + run.allowed_kb) / 1000:6.1f} MB {run.plain_kb / max(1, run.plain_jobs):9.1f} kB"
        for run in runs
    ]
    slowest = max(runs, key=lambda run: run.slowest_s)
    lines += ["", f"slowest: {slowest.release}, {slowest.slowest_s * 1000:.0f} ms, {slowest.slowest}"]
    return "\n".join([*lines, *(f"\n{fault}" for fault in faults)])


def _by_kind(runs: Sequence[Figures]) -> list[str]:
    table: dict[str, dict[str, int]] = {}
    for run in runs:
        for kind, statuses in run.by_kind.items():
            row = table.setdefault(kind, {})
            for status, count in statuses.items():
                row[status] = row.get(status, 0) + count
    rows = sorted(table.items(), key=lambda row: -sum(row[1].values()))
    return [f"{kind:14} {sum(row.values()):7,}  " + "  ".join(f"{s}: {n:,}" for s, n in sorted(row.items())) for kind, row in rows]


def _rules(runs: Sequence[Figures]) -> list[str]:
    rules: dict[str, int] = {}
    for run in runs:
        for name, count in run.server_errors.items():
            rules[name] = rules.get(name, 0) + count
    rows = sorted(rules.items(), key=lambda row: -row[1])
    return ["5xx by rule:", *(f"  {name:34} {count:6,}" for name, count in rows)]


def write(runs: Sequence[Figures], seed: str, file: Path) -> None:
    """All figures as JSON."""
    plain: dict[str, Any] = {"seed": seed, "requests": sum(run.requests for run in runs), "stubs": [dataclasses.asdict(run) for run in runs]}
    file.write_text(json.dumps(plain, indent=1, sort_keys=True, default=str) + "\n", encoding="utf-8")
