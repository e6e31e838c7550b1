"""kill -9 at random moments while clients work: nothing that was answered is lost, and nothing comes about by itself.

`KILLS=200` makes it long; `KILL_SEED` repeats a run's requests and moments as far as processes can be repeated.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stubs import JOBS, Served, job

KILLS = int(os.environ.get("KILLS", "5"))
SEED = int(os.environ.get("KILL_SEED", "1"))
CLIENTS = 4
LONGEST_S = 0.6
"""A stub lives for at most so long under load."""
FAILED, OFFERED, NEW = 10, 3, 1
ENDED = {"AskForBidRejected": 4, "BidRejected": 8, "Completed": 9, "Failed": FAILED, "Cancelled": 11}
KINDS = ("batch", "batch", "batch", "service", "daemon", "ops")
HANG = {"stub.bacalhau.org/hang": "true"}
RESTARTED = "Failing due to node restart"


@dataclass
class Promised:
    """What answers have said of one job."""

    name: str
    labels: dict[str, str]
    meta: dict[str, str]
    kind: str
    version: int = 1
    is_stopped: bool = False
    in_doubt: bool = False
    """A request for it went without an answer, so it may have happened."""


@dataclass
class Client:
    """Submits, updates, stops and runs jobs again until the stub is gone; remembers what was answered."""

    number: int
    promised: dict[str, Promised] = field(default_factory=dict)
    answers: int = 0

    def work(self, stub: Served, dice: random.Random) -> None:
        """Until the connection breaks."""
        connection = stub.connect()
        mine = [job_id for job_id, promise in self.promised.items() if not promise.in_doubt]
        try:
            while True:
                self.ask(stub, connection, dice, mine)
        except (OSError, http.client.HTTPException):
            connection.close()

    def ask(self, stub: Served, connection: Any, dice: random.Random, mine: list[str]) -> None:
        """One request."""
        what = dice.random()
        if what < 0.6 or not mine:
            self.submit(stub, connection, dice, mine)
            return
        job_id = mine[dice.randrange(len(mine))]
        promise = self.promised[job_id]
        promise.in_doubt = True
        if what < 0.75:
            status, _ = stub.ask("DELETE", f"{JOBS}/{job_id}", {"reason": "enough"}, connection)
            if status == 200:
                promise.is_stopped = True
        elif what < 0.9:
            status, body = stub.ask("PUT", f"{JOBS}/{job_id}/rerun", {}, connection)
            if status == 200:
                promise.version, promise.is_stopped = body["JobVersion"], False
        else:
            meta = {"round": str(dice.randrange(10**9))}
            body = job(promise.name, promise.kind, Labels=promise.labels, Meta=meta)
            status, _ = stub.ask("PUT", JOBS, body, connection)
            if status == 200:
                promise.meta, promise.is_stopped = meta, False
                promise.version += 1
        assert status in (200, 500), "a job in another state is refused, nothing else"
        promise.in_doubt = False
        self.answers += 1

    def submit(self, stub: Served, connection: Any, dice: random.Random, mine: list[str]) -> None:
        """A job of its own, that runs until somebody ends it; of batch jobs half end at once."""
        name = f"client-{self.number}-{dice.randrange(10**12)}"
        meta, kind = {"key": name}, dice.choice(KINDS)
        labels = {"client": str(self.number)} | (HANG if kind != "batch" or dice.random() < 0.5 else {})
        status, body = stub.ask("PUT", JOBS, job(name, kind, Labels=labels, Meta=meta), connection)
        assert status == 200, body
        self.promised[body["JobID"]] = Promised(name, labels, meta, kind)
        mine.append(body["JobID"])
        self.answers += 1


def read_disk(folder: Path, copy: Path) -> dict[str, list[tuple[str, str, str]]]:
    """What a crash left: id of each job -> its executions (id, state, wish) as they stand in the file, which is whole."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in folder.glob("state.db*"):
        shutil.copy(file, copy)
    with sqlite3.connect(copy / "state.db") as database:
        (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
        assert verdict == "ok"
        found = {job_id: [] for (job_id,) in database.execute("SELECT id FROM jobs")}
        rows = database.execute(
            "SELECT jobs.id, row FROM executions JOIN jobs ON jobs.number = executions.job ORDER BY job, place"
        )
        for job_id, row in rows:
            kept = json.loads(row)
            found[job_id].append((kept[0], kept[9], kept[7]))
    database.close()
    return found


def check_promises(stub: Served, clients: list[Client], connection: Any) -> int:
    """Every answered job is there, as the last answer about it left it; returns how many there are."""
    checked = 0
    there = {each["ID"]: each for each in stub.ask("GET", f"{JOBS}?limit=1000000", None, connection)[1]["Items"]}
    for job_id, promise in ((each, p) for client in clients for each, p in client.promised.items()):
        assert job_id in there, f"{job_id} is lost"
        found = there[job_id]
        assert (found["ID"], found["Name"], found["Type"]) == (job_id, promise.name, promise.kind)
        assert found["Labels"] == promise.labels
        checked += 1
        if promise.in_doubt:
            continue
        assert found["Version"] == promise.version, job_id
        assert {key: found["Meta"].get(key) for key in promise.meta} == promise.meta
        if promise.is_stopped:
            assert found["State"]["StateType"] == "Stopped"
    return checked


def check_executions(stub: Served, job_id: str, before: list[tuple[str, str, str]], connection: Any) -> None:
    """Nothing ran that was not placed, what was over stays so, and live work was dealt with as 1.9.3 does."""
    found = stub.ask("GET", f"{JOBS}/{job_id}/executions?all_job_versions=true", None, connection)[1]["Items"]
    kind = stub.ask("GET", f"{JOBS}/{job_id}", None, connection)[1]["Job"]["Type"]
    assert [e["ID"] for e in found][: len(before)] == [name for name, _, _ in before], "lost, or in another order"
    placed = {
        item["ExecutionID"]
        for item in stub.ask("GET", f"{JOBS}/{job_id}/history?all_job_versions=true&limit=1000", None, connection)[1]["Items"]
        if (item.get("Event") or {}).get("Message", "").startswith("Requested execution on ")
    }
    assert {e["ID"] for e in found} == placed, "an execution that nobody placed, or one without its history"
    replaced = 0
    for execution, (_, state, wish) in zip(found, before, strict=False):
        now = execution["ComputeState"]
        if state in ENDED:
            assert now["StateType"] == ENDED[state]
        elif wish == "Running" and kind in ("batch", "ops"):
            assert (now["StateType"], now.get("Message")) == (FAILED, RESTARTED)
            replaced += kind == "batch"
        elif wish == "Running":
            assert now["StateType"] == (OFFERED if kind == "service" else NEW)
    assert len(found) - len(before) <= replaced, "an execution that nobody asked for"


def check_soon(stub: Served, job_id: str, before: list[tuple[str, str, str]], connection: Any) -> None:
    """The same, once all is dealt with: clients are served meanwhile."""
    until = time.perf_counter() + 20
    while True:
        try:
            check_executions(stub, job_id, before, connection)
        except AssertionError:
            if time.perf_counter() > until:
                raise
            time.sleep(0.05)
        else:
            return


def live(before: dict[str, list[tuple[str, str, str]]]) -> list[str]:
    """Jobs of which something was in hand."""
    return [job_id for job_id, executions in before.items() if any(state not in ENDED for _, state, _ in executions)]


@pytest.mark.timeout(60 + 10 * KILLS)
def test_nothing_that_was_answered_is_lost(tmp_path, serve, capsys):
    """A team that trusts an answer would lose a job, or run it twice, when the machine that runs the stub goes down."""
    folder = tmp_path / "data"
    clients = [Client(number) for number in range(CLIENTS)]
    starts, jobs, resumed = [], 0, 0
    stub = serve(folder)
    for round_number in range(KILLS):
        dice = random.Random(f"{SEED}/{round_number}")
        threads = [
            threading.Thread(target=client.work, args=(stub, random.Random(f"{SEED}/{round_number}/{client.number}")))
            for client in clients
        ]
        for thread in threads:
            thread.start()
        time.sleep(dice.random() * LONGEST_S)
        stub.kill()
        for thread in threads:
            thread.join(30)
        before = read_disk(folder, tmp_path / "copy")
        stub = serve(folder)
        starts.append(stub.seconds)
        connection = stub.connect()
        jobs = check_promises(stub, clients, connection)
        assert before.keys() >= {each for client in clients for each in client.promised}
        in_hand = live(before)
        resumed += len(in_hand)
        for job_id in dice.sample(sorted(before), min(30, len(before))):
            check_soon(stub, job_id, before[job_id], connection)
        for job_id in in_hand[-30:]:
            check_soon(stub, job_id, before[job_id], connection)
        connection.close()
        assert stub.process.poll() is None
    assert stub.stop() == 0
    answers = sum(client.answers for client in clients)
    with capsys.disabled():
        print(
            f"\n{KILLS} kills: {answers:,} answers, {jobs:,} jobs, 0 lost, {resumed:,} jobs taken up again,"
            f" start {sorted(starts)[len(starts) // 2]:.2f} s (longest {max(starts):.2f} s)"
        )
    assert sorted(starts)[len(starts) // 2] < 1.0
