"""`make parity`: every recorded answer of released servers beside the stub's, and the report `orchestrator_stub/PARITY.md`.

    python tests/commands/parity.py [--release 1.9.3] [--profile plain] [--only 'GLOB'] [--waiting SECONDS]

Each profile of each release gets a stub of its own, started as `tests/conformance/README.md` says. A scenario that
differs is played once more against a new stub, because some recorded steps measure seconds on a busy machine; what
differs twice counts. Without a filter the report is written. Exit status 0 only when nothing differs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parity_report import Played, Sitting, report
from processes import clean_environment

ROOT = Path(__file__).resolve().parents[2]
CONFORMANCE, GOLDEN = ROOT / "tests" / "conformance", ROOT / "tests" / "golden"
sys.path.insert(0, str(CONFORMANCE))
from replay import compare  # noqa: E402 - its folder is no package
from runner import ScenarioRun, in_range, load_scenarios  # noqa: E402 - as above

REPORT = ROOT / "orchestrator_stub" / "PARITY.md"
S3_PORT = 5555
"""Where the recorded jobs of profile `s3` look for their server."""
PROFILES = {
    "plain": ("--nodes", "1", "--docker-runner", "off"),
    "plain-last": ("--nodes", "1", "--docker-runner", "off"),
    "nocompute": ("--nodes", "0", "--docker-runner", "off"),
    "manual": ("--nodes", "1", "--manual-approval", "--docker-runner", "off"),
    "users": ("--nodes", "1", "--auth", str(CONFORMANCE / "profiles" / "users.yaml"), "--docker-runner", "off"),
    "s3": ("--nodes", "1", "--s3", f"http://127.0.0.1:{S3_PORT}", "--docker-runner", "off"),
    "docker": ("--nodes", "1", "--docker-runner", "sandbox"),
}
S3_SERVER = """
import logging, sys, time
from moto.server import ThreadedMotoServer
logging.disable()
ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False).start()
time.sleep(24 * 3600)
"""
_S3_IN_USE = threading.Lock()
STEP_S, POLL_S = 0.03, 0.4
"""What a step and a poll take on a quiet machine."""


class Trouble(Exception):
    """The comparison cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which scenarios a stub of one release and profile is asked."""

    release: str
    profile: str
    scenarios: tuple[dict[str, Any], ...] = field(repr=False)


def releases() -> list[str]:
    """Releases with recordings, newest first."""
    return sorted((path.parent.name for path in GOLDEN.glob("*/SERVER.json")), key=_numbers, reverse=True)


def plans(only: str = "*", profile: str | None = None, release: str | None = None, waiting: float | None = None) -> list[Plan]:
    """What there is to play: all recordings, or those that the filters leave.

    `waiting`: leave out scenarios that take longer than this many seconds by their own script.
    """
    found = []
    for name in [release] if release else releases():
        for kind in [profile] if profile else PROFILES:
            chosen = tuple(
                scenario
                for scenario in load_scenarios(only, name, kind)
                if recording(name, scenario).is_file() and (waiting is None or seconds(scenario, name) <= waiting)
            )
            if chosen:
                found.append(Plan(name, kind, chosen))
    return found


def seconds(scenario: dict[str, Any], release: str) -> float:
    """What a scenario takes by its own script: pauses, sockets that are read until a time, a little for each step."""
    total = 0.0
    for step in scenario["steps"]:
        if in_range(step, release):
            total += step.get("settle_s", 0) + STEP_S + (POLL_S if "poll" in step else 0)
            total += step.get("max_s", 5) if "ws" in step else 0
    return total


def recording(release: str, scenario: dict[str, Any]) -> Path:
    """Where the recorded answers of a scenario are."""
    return GOLDEN / release / f"{scenario['file']}.json"


def play(plan: Plan) -> Sitting:
    """All scenarios of a plan against one stub; those that differ once more against another."""
    with stub(plan) as base:
        played = [play_one(plan.release, scenario, base) for scenario in plan.scenarios]
    again = {one.name for one in played if one.differences}
    if again:
        with stub(plan) as base:
            second = {
                scenario["file"]: play_one(plan.release, scenario, base)
                for scenario in plan.scenarios
                if scenario["file"] in again
            }
        played = [second.get(one.name, one) for one in played]
    return Sitting(plan.release, plan.profile, tuple(played))


def play_one(release: str, scenario: dict[str, Any], base: str) -> Played:
    """One scenario: how many steps were compared, and what differed."""
    golden = json.loads(recording(release, scenario).read_text())
    kept = {step["id"] for step in golden["steps"]}
    try:
        results = ScenarioRun(base, release, scenario).run()
    except SystemExit as gone:
        return Played(scenario["file"], 0, (f"the stub is gone: {gone}",))
    interleaved = _differently_interleaved(golden["steps"], results)
    differences = tuple(
        f"[{each['step']}] {each['class']} {each['at']}: want {_short(each['want'])}, got {_short(each['got'])}"
        for each in compare(scenario, golden, results)
        if not (each["step"] in interleaved and each["at"].startswith("frames:"))
    )
    return Played(scenario["file"], sum(result["id"] in kept for result in results), differences, len(interleaved))


def _differently_interleaved(recorded: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]) -> set[str]:
    """Log sockets whose stdout and stderr are as recorded, each for itself, but not in the recorded order.

    A program's two streams are two pipes: servers themselves lose the order (FINDINGS-docker 8, "the order between
    streams is not certain").
    """
    wanted = {step["id"]: step["normal"].get("frames") for step in recorded}
    got = {result["id"]: result["normal"].get("frames") for result in results}
    return {
        step
        for step, frames in wanted.items()
        if frames and got.get(step) and frames != got[step] and streams(frames) == streams(got[step])
    }


def streams(frames: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What each stream said, whole; frames that are no output keep their text and place."""
    said: dict[str, str] = {}
    for place, frame in enumerate(frames):
        data = frame["data"]
        if isinstance(data, dict) and set(data) == {"value"}:
            kind = str(data["value"]["Type"])
            said[kind] = said.get(kind, "") + data["value"]["Line"]
        else:
            said[f"frame {place}"] = json.dumps(data)
    return said


@contextlib.contextmanager
def stub(plan: Plan) -> Iterator[str]:
    """A strict stub with the profile's flags, in a process of its own; gives its URL."""
    command = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--strict", "--emulate", plan.release]
    with contextlib.ExitStack() as stack:
        if plan.profile == "s3":
            stack.enter_context(seeded_s3())
        errors = stack.enter_context(tempfile.TemporaryFile("w+"))
        process = stack.enter_context(
            subprocess.Popen(
                [*command, *PROFILES[plan.profile]],
                cwd=ROOT,
                env=clean_environment(os.environ),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        )
        stack.callback(process.terminate)
        assert process.stdout is not None
        first = process.stdout.readline()
        if " listening on " not in first:
            process.wait()
            errors.seek(0)
            raise Trouble(f"{plan.release}, profile {plan.profile}: the stub does not start: {errors.read().strip()}")
        yield first.split()[-1]


@contextlib.contextmanager
def seeded_s3() -> Iterator[None]:
    """The S3 server of profile `s3` with its buckets and objects; there is one at a time, since its port is fixed."""
    with _S3_IN_USE:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", S3_PORT)) == 0:
                raise Trouble(f"profile s3 needs port {S3_PORT}, which the recorded jobs name, and something listens there")
        server = subprocess.Popen([sys.executable, "-c", S3_SERVER, str(S3_PORT)], env=clean_environment(os.environ))
        try:
            seed = [sys.executable, str(CONFORMANCE / "s3_seed.py")]
            subprocess.run(seed, check=True, env=clean_environment(os.environ))
            yield
        finally:
            server.kill()
            server.wait()


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "…"


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


def main(words: Sequence[str] | None = None) -> int:
    """Play, print, and write the report when nothing was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release")
    parser.add_argument("--profile", choices=tuple(PROFILES))
    parser.add_argument("--only", default="*")
    parser.add_argument("--waiting", type=float, metavar="SECONDS", help="leave out scenarios that wait longer")
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 2))
    given = parser.parse_args(words)
    chosen = plans(given.only, given.profile, given.release, given.waiting)
    sittings: list[Sitting] = []
    try:
        with ThreadPoolExecutor(given.workers) as pool:
            for sitting in pool.map(play, sorted(chosen, key=_longest_first)):
                sittings.append(sitting)
                print(line(sitting), flush=True)
    except Trouble as trouble:
        print(f"make parity failed: {trouble}", file=sys.stderr)
        return 1
    differences = sum(len(one.differences) for sitting in sittings for one in sitting.played)
    steps = sum(one.steps for sitting in sittings for one in sitting.played)
    print(f"{steps} steps, {differences} differences")
    if (given.only, given.profile, given.release, given.waiting) == ("*", None, None, None):
        REPORT.write_text(report(sittings))
        print(f"written: {REPORT.relative_to(ROOT)}")
    return 1 if differences or not sittings else 0


def line(sitting: Sitting) -> str:
    """What is printed when a sitting is over: a line, and one for each difference."""
    out = io.StringIO()
    steps, differing = sum(one.steps for one in sitting.played), [one for one in sitting.played if one.differences]
    number = sum(len(one.differences) for one in differing)
    out.write(f"{sitting.release:<6} {sitting.profile:<9} {steps:5} steps  {number} differences")
    for one in differing:
        out.write("".join(f"\n    {one.name} {text}" for text in one.differences))
    return out.getvalue()


def _longest_first(plan: Plan) -> float:
    return -sum(seconds(scenario, plan.release) for scenario in plan.scenarios)


if __name__ == "__main__":
    sys.exit(main())
