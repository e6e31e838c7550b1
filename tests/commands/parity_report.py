"""The text of `orchestrator_stub/PARITY.md`: what was compared, what differed, and what is different on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = """# Parity with released servers

`make parity` plays every scenario of `tests/conformance/scenarios` against the stub and compares each answer with what a
real server of that release answered (`tests/golden/`): status, headers, JSON key order, spacing, escaping, final newline,
every value; ids, times, host figures and what a scenario's own `compare` rules call random are left out. Of a log socket
each stream is compared whole; the order between stdout and stderr is not certain on a server (1.9.3, scenario 74, step
`pair-1` was recorded with "out 11" before "err 10", which the program wrote the other way round). The stub runs with the
flags of `tests/conformance/README.md`, always `--strict`. This file is its last full run.

| Release | Profile | Scenarios | Steps compared | Differences |
|---|---|---|---|---|
"""
KNOWN = """
## Different on purpose

| What | Why |
|---|---|
| Docker images have no content: a job runs this machine's programs in a sandbox, and the log says so. Under `--strict` only `localhost/busybox:latest` exists; `--images FILE` says which references exist and which folder stands in for one | pulling and running images needs a container engine; the sandbox needs none |
| Texts after `Error response from daemon:` are the stub's own words | they are the container engine's words and differ from engine to engine |
| `Count: 1000000000000` fails like any job that wants more nodes than there are | it makes a released 1.9.3 allocate until it dies |
| A job of an image called `busybox` runs with this machine's busybox where one is installed, else with its own shell, whose complaints have other words | as above |
| HTTP/1.1 only under TLS, and no TLS alert when a handshake fails | a Go server also speaks HTTP/2; none of its clients needs it |
| The whitespace of `/jobs/diff` is always the same | a released server decides at its start which of two forms it prints |
| Parameters of engines, inputs and publishers that are nested deeper than 250 levels get the 400 that a server gives beyond 10,000 | they are kept and sent again, by code that knows no deeper recursion |
| Times are the stub's clock: evaluations run at once, not in tens of milliseconds | a test should not wait for what nothing depends on |
| Durability: jobs live in memory | a stub starts empty |
| `/agent/debug` shows running jobs and nodes, not the servers' internals | its contents have no documented shape |
| A `Host` or `Origin` that is not this machine is refused with 403 | a server that answers any web page could be told by any web page to run programs here |

## Only under `--strict`

What hurts on a released server and helps nobody is shown only when asked for:

| What | Releases |
|---|---|
| more than 1000 requests a second from one address get 429 (`--rate-limit N` sets another number without `--strict`) | all |
| rerun of an unknown job or version: every later write hangs 30 s and gets 503 until the restart | 1.8.0, 1.9.3 |
| an update with a label key that no job ever had is a 500 | 1.8.0, 1.9.3 |
| one live log stream per node; the log of a killed execution is held back, its socket stays open | all, 1.8.0 and later |
| a stopped run keeps its capacity, and a stopped docker program runs on to its own end | 1.6.5, 1.7.0 |
| a stopped daemon keeps its capacity | 1.5.2 |
| a node that has reported itself full refuses jobs ("node busy ..."); otherwise they wait on the node | 1.6.5 and later |
| the node's container engine has no bridge network and no gateway: docker jobs with network Bridge, Default, HTTP or none given fail to start, since the recorded nodes were so | 1.7.0 and later |
| no S3 unless `--s3` names one; nodes offer what this machine has; no hints of the stub in `Warnings` | all |
| the recorded CORS answers to any origin, where no runner could be reached by them | all |
"""


@dataclass(frozen=True, slots=True)
class Played:
    """One scenario against one stub."""

    name: str
    steps: int
    """Steps that were compared; a few recorded ones hold accidents and were taken out of the recordings."""
    differences: tuple[str, ...] = ()
    interleaved: int = 0
    """Log sockets whose two streams are as recorded, but in another order between them."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """All scenarios of one profile against one stub."""

    release: str
    profile: str
    played: tuple[Played, ...]


def report(sittings: Sequence[Sitting]) -> str:
    """The whole file; the same sittings in any order give the same text."""
    ordered = sorted(sittings, key=lambda each: (_numbers(each.release), each.profile))
    rows, total_steps, total_differences = [], 0, 0
    for sitting in ordered:
        steps = sum(one.steps for one in sitting.played)
        differences = sum(len(one.differences) for one in sitting.played)
        rows.append(f"| {sitting.release} | {sitting.profile} | {len(sitting.played)} | {steps} | {differences} |")
        total_steps, total_differences = total_steps + steps, total_differences + differences
    scenarios = sum(len(sitting.played) for sitting in ordered)
    rows.append(f"| all | | {scenarios} | {total_steps} | {total_differences} |")
    return HEAD + "\n".join(rows) + "\n" + _differences(ordered) + KNOWN


def _differences(sittings: Sequence[Sitting]) -> str:
    lines = [
        f"- {sitting.release} {one.name}: {text}"
        for sitting in sittings
        for one in sitting.played
        for text in one.differences
    ]
    return "\n## Differences\n\n" + "\n".join(lines) + "\n" if lines else ""


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))
