"""A run: so many requests against a stub of each release, everything checked, everything counted."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from . import invariants, oracle, walks
from .connection import Answer, Connection, Dropped, Hang, Malformed
from .facts import Facts
from .requests import JOBS, NODES, Known, Requests
from .sent import Sent
from .stub import TROUBLE, StubProcess

RELEASES = ("docs", "1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3")
API_KEY = "a-key-that-is-long-enough"
WITH_USERS = ("1.7.0", "1.9.3")
"""Releases that are also tried with a user who has to show a key."""
KB_PER_JOB = 10
"""Kilobytes that a finished job may keep (the project's own limit)."""
LARGE_BODY = 10_000
"""Bytes of a body beyond which it is no longer one of many small ones."""
KEPT_PER_BYTE = 30
"""How many times its bytes a large accepted body may take in memory: many small objects in little text."""
SLACK_KB = 150_000
"""Kilobytes for what does not grow with jobs: modules on first use, caches with a limit, and what the allocator keeps
of the megabytes that large bodies took for a moment."""
SLACK_LATER_KB = 100_000
"""The same for the second half of a run, when everything was used once."""
SLACK_PLAIN_KB = 1_000
"""The same for plain jobs on a stub that has seen nothing else."""
WARM_UP = 20
"""Plain jobs before the memory is looked at."""
PEAK_KB = 500_000
"""Kilobytes that the stub may hold for a moment: bodies of 10 MB, taken apart, and whole lists."""
READ_BACK, WALK_LIST = 0.15, 0.01
ENOUGH, PATIENCE = 25, 3
"""Faults, and hangs among them, after which a stub is left alone."""
SAMPLE = 100
"""Requests between two looks at the memory."""


PLAIN_JOB = json.dumps(
    {"Job": {"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "a"}}}]}}
).encode()


@dataclass
class Fault:
    """Something that must not be."""

    release: str
    number: int
    what: str
    request: str
    answer: str = ""

    def __str__(self) -> str:
        return f"{self.release} #{self.number}: {self.what}\n    {self.request[:3000]}\n    {self.answer}"


@dataclass
class Figures:
    """What the run against one stub measured."""

    release: str
    """With `+key` where a key has to be shown."""
    requests: int = 0
    seconds: float = 0.0
    by_kind: dict[str, dict[str, int]] = field(default_factory=dict)
    """Kind of request -> status (or `cut`) -> how many."""
    server_errors: dict[str, int] = field(default_factory=dict)
    """Rule -> how many 5xx it allowed."""
    accepted: int = 0
    accepted_bytes: int = 0
    """Of large bodies alone: the others stand for themselves."""
    middle_accepted: int = 0
    middle_bytes: int = 0
    connections: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    plain_jobs: int = 0
    """Small finished jobs at the start, before anything else."""
    plain_kb: int = 0
    """What they grew the stub by."""
    start_kb: int = 0
    middle_kb: int = 0
    end_kb: int = 0
    peak_kb: int = 0
    end_s: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    @property
    def allowed_kb(self) -> int:
        """What it may have grown by."""
        return _allowed_kb(self.accepted, self.accepted_bytes) + SLACK_KB

    def excesses(self) -> Iterator[str]:
        """Where the memory grew beyond what jobs may keep."""
        if self.plain_kb > KB_PER_JOB * self.plain_jobs + SLACK_PLAIN_KB:
            yield f"{self.plain_jobs} plain jobs took {self.plain_kb} kB"
        grown = self.end_kb - self.start_kb
        if grown > self.allowed_kb:
            yield f"the stub grew by {grown} kB, allowed are {self.allowed_kb}"
        later = self.end_kb - self.middle_kb
        allowed = _allowed_kb(self.accepted - self.middle_accepted, self.accepted_bytes - self.middle_bytes) + SLACK_LATER_KB
        if self.middle_kb and later > allowed:
            yield f"the stub grew by {later} kB in the second half, allowed are {allowed}"
        if self.peak_kb > PEAK_KB:
            yield f"the stub held {self.peak_kb} kB, allowed are {PEAK_KB}"


def _allowed_kb(jobs: int, body_bytes: int) -> int:
    return KB_PER_JOB * jobs + KEPT_PER_BYTE * body_bytes // 1000


def run(total: int, seed: str = "1", releases: tuple[str, ...] = ()) -> list[Figures]:
    """Send `total` requests, the same number to each stub, one after the other.

    `releases`: default all, and some with `+key`: those are served to who shows a key.
    """
    worlds = releases or (*RELEASES, *(f"{release}+key" for release in WITH_USERS))
    shares = [total // len(worlds) + (at < total % len(worlds)) for at in range(len(worlds))]
    return [Campaign(world, seed).run(share) for world, share in zip(worlds, shares, strict=True)]


class Campaign:
    """The run against one stub."""

    def __init__(self, world: str, seed: str) -> None:
        """`world`: a release, with `+key` where clients have to show a key."""
        self._release, _, with_key = world.partition("+")
        self._key = API_KEY if with_key else ""
        self._known = Known()
        self._requests = Requests(self._release, f"{seed}/{with_key}", self._known, self._key)
        self._rng = random.Random(f"{seed}/{world}/walks")
        self._figures = Figures(world)
        self._stub: StubProcess
        self._connection: Connection
        self._url = ""

    def run(self, share: int) -> Figures:
        """Send `share` requests and look at what is left afterwards."""
        figures = self._figures
        began = time.monotonic()
        with StubProcess(self._release, ("--api-key", self._key) if self._key else ()) as stub:
            self._stub = stub
            self._connection = Connection(stub.host, stub.port)
            self._url = f"http://{stub.host}:{stub.port}"
            self._ask(Sent("GET", NODES.encode(), kind="nodes"))
            self._plain_jobs(share // 20)
            figures.start_kb = stub.memory()[0]
            looked = 0
            while figures.requests < share and not self._has_enough() and stub.process.poll() is None:
                self._step()
                if figures.requests - looked >= SAMPLE:
                    looked = figures.requests
                    now, figures.peak_kb = stub.memory()
                    if figures.requests <= share / 2 + SAMPLE:
                        figures.middle_kb = now
                        figures.middle_accepted, figures.middle_bytes = figures.accepted, figures.accepted_bytes
            self._finish(stub)
        figures.seconds = time.monotonic() - began
        figures.connections = self._connection.opened
        return figures

    def _has_enough(self) -> bool:
        faults = self._figures.faults
        return len(faults) >= ENOUGH or sum(fault.what.startswith(Hang.__name__) for fault in faults) >= PATIENCE

    def _plain_jobs(self, count: int) -> None:
        """Jobs that finish at once, and what each of them keeps."""
        figures = self._figures
        for number in range(count + WARM_UP):
            if number == WARM_UP:
                figures.plain_kb = -self._stub.memory()[0]
            sent = Sent("PUT", JOBS.encode(), (("Content-Type", "application/json"),), PLAIN_JOB, kind="plain job")
            self._ask(sent)
        figures.plain_jobs = count
        figures.plain_kb += self._stub.memory()[0]

    def _finish(self, stub: StubProcess) -> None:
        figures = self._figures
        if stub.process.poll() is not None:
            self._fault(f"the stub died with {stub.process.returncode}")
        else:
            self._ask(Sent("GET", b"/api/v1/agent/alive", kind="agent"))
            figures.end_kb, figures.peak_kb = stub.memory()
        self._connection.close()
        status, figures.end_s = stub.end()
        if status:
            self._fault(f"asked to end, the stub left with {status}")
        complaints = stub.complaints()
        if TROUBLE.search(complaints):
            self._fault(f"the stub complained:\n{complaints[:6000]}")
        for excess in figures.excesses():
            self._fault(excess)

    def _step(self) -> None:
        sent = self._requests.next()
        if sent.cut is not None:
            message = sent.message(self._connection.host)
            self._connection.cut(message[: int(len(message) * sent.cut)])
            self._count(sent, "cut")
            return
        if sent.raw:
            self._throw(sent)
            return
        answer = self._ask(sent)
        if answer is None:
            return
        if sent.valid and not self._took(sent, answer):
            self._fault(f"a valid job was refused with {answer.status}", sent, answer)
        if sent.kind in ("submit", "large") and sent.body and answer.status == 200:
            self._accepted(sent, answer)
        if self._rng.random() < WALK_LIST:
            namespace = self._rng.choice(("a", "b", "default"))
            self._report(walks.jobs(self._must, self._rng, self._release, namespace), sent, answer)

    def _throw(self, sent: Sent) -> None:
        """Send what is hardly HTTP on a line of its own: any refusal will do, silence and failures will not."""
        line = Connection(*self._connection.address)
        try:
            answer = line.exchange(sent.message(line.host), lenient=True)
        except Dropped:
            self._count(sent, "closed")
        except (Hang, Malformed, OSError) as wrong:
            self._count(sent, "none")
            self._fault(f"{type(wrong).__name__}: {wrong}", sent)
        else:
            self._count(sent, str(answer.status))
            if answer.status >= 500 and not invariants.is_known_failure(sent.raw, answer, self._key):
                self._fault("a 5xx that no real server gives", sent, answer)
        line.close()

    def _took(self, sent: Sent, answer: Answer) -> bool:
        """Whether a valid job was taken; an unchanged one or a taken id is refused with reason."""
        rule = oracle.allowed(Facts(sent, self._release, self._key), answer) if answer.status == 500 else ""
        at_the_door = invariants.is_refused_at_the_door(Facts(sent, self._release, self._key), answer)
        return answer.status in (200, 409) or at_the_door or rule == "nothing changed"

    def _accepted(self, sent: Sent, answer: Answer) -> None:
        told = json.loads(answer.body)
        job_id = str(told["JobID"])
        self._figures.accepted += 1
        self._figures.accepted_bytes += len(sent.body) if len(sent.body) > LARGE_BODY else 0
        self._known.note("jobs", job_id)
        if sent.job and isinstance(sent.job.get("Name"), str):
            self._known.note("names", sent.job["Name"])
        if self._rng.random() < READ_BACK:
            self._report(walks.read_back(self._must, self._release, job_id, sent.job), sent, answer)

    def _report(self, problems: Iterator[str], sent: Sent, answer: Answer) -> None:
        try:
            for problem in problems:
                self._fault(problem, sent, answer)
        except _NoAnswer:
            pass  # why there is none stands among the faults already

    def _must(self, sent: Sent) -> Answer:
        """An answer for a walk; without one the walk is over."""
        answer = self._ask(sent)
        if answer is None:
            raise _NoAnswer
        return answer

    def _ask(self, sent: Sent) -> Answer | None:
        """Send one request and check its answer; None when there was none."""
        if self._key and sent.kind.startswith(("walk", "read", "node", "plain")) and sent.header("authorization") is None and not sent.number:
            sent = replace(sent, headers=(*sent.headers, ("Authorization", f"Bearer {self._key}")))
        try:
            answer = self._connection.exchange(sent.message(self._connection.host), head_only=sent.method == "HEAD")
        except (Hang, Dropped, Malformed, OSError) as wrong:
            self._count(sent, "none")
            self._fault(f"{type(wrong).__name__}: {wrong}", sent)
            return None
        self._count(sent, str(answer.status))
        if answer.seconds > self._figures.slowest_s:
            self._figures.slowest_s = answer.seconds
            self._figures.slowest = sent.curl(self._url)[:300]
        self._check(sent, answer)
        return answer

    def _check(self, sent: Sent, answer: Answer) -> None:
        facts = Facts(sent, self._release, self._key)
        if sent.path.startswith(b"/stub"):
            found = invariants.control_problems(answer)
        else:
            found = invariants.problems(facts, answer)
            if answer.status >= 500:
                rule = oracle.allowed(facts, answer)
                self._figures.server_errors[rule or "none"] = self._figures.server_errors.get(rule or "none", 0) + 1
                found += [] if rule else ["a 5xx that no real server gives"]
        for problem in found:
            self._fault(problem, sent, answer)
        if answer.status == 200 and not found:
            self._learn(sent, answer)

    def _learn(self, sent: Sent, answer: Answer) -> None:
        """Remember what can be asked about later."""
        if sent.method != "GET" or not sent.path.startswith((JOBS.encode(), NODES.encode())) or not answer.body.startswith(b"{"):
            return
        body: Any = json.loads(answer.body)
        if body.get("NextToken"):
            self._known.note("tokens", body["NextToken"])
        items = body.get("Items") or body.get("Executions")
        for item in items[:3] if isinstance(items, list) else ():
            if str(item.get("ID", "")).startswith("e-"):
                self._known.note("executions", item["ID"])
        for node in (body.get("Nodes") or [])[:5]:
            self._known.note("nodes", (node.get("Info") or {}).get("NodeID") or node.get("PeerInfo", {}).get("ID", ""))

    def _count(self, sent: Sent, status: str) -> None:
        self._figures.requests += 1
        statuses = self._figures.by_kind.setdefault(sent.kind, {})
        statuses[status] = statuses.get(status, 0) + 1

    def _fault(self, what: str, sent: Sent | None = None, answer: Answer | None = None) -> None:
        shown = f"{answer.status} {answer.body[:300]!r}" if answer else ""
        number = sent.number if sent else self._figures.requests
        self._figures.faults.append(Fault(self._figures.release, number, what, sent.curl(self._url) if sent else "", shown))


class _NoAnswer(Exception):
    """A walk cannot go on."""
