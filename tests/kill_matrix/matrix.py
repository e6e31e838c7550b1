"""`make kill-matrix`: real processes of Airflow die at every moment of a task's life, and what is left is counted.

    CELLS=N        so many cells, chosen by SEED; else all of 1.9.3 and 1.5.2 and a sample of the rest
    SEED=n         another choice
    RELEASE=, AIRFLOW=, ONLY=glob[,glob]   only cells of these
    RESUME=1       go on with the stored table: only what is missing in it; with ONLY, those once more
    SIDE=n         how many cells run side by side

A run of everything, or one with RESUME, writes tests/kill_matrix/table.jsonl and REPORT.md; others only say what they
saw, and leave it in tests/kill_matrix/results.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

from bootstrap import environment_folder
from cells import MAIN_AIRFLOW, OTHER_AIRFLOW, SAMPLED, SHARED, WHOLE, Cell, cells, full_run, sample
from lane import Lane
from narrate import Failed, Narrator
from processes import Interrupted, Processes, interruptible
from report import Line, plain, read_table, report
from scene import Missed, Scene
from stage import ROOT, own_folder
from strikes import Batch
from verdicts import judge

HERE = Path(__file__).resolve().parent
SEED = 7
SIDE = 8
SAY_EVERY = 8.0
PART = "KILL_MATRIX_PART"
"""Set for the program that plays the cells of the other Airflow release."""
RESULTS = HERE / "results"
TABLE = HERE / "table.jsonl"
REPORT = HERE / "REPORT.md"


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    count: int = 0
    seed: int = SEED
    release: str = ""
    airflow: str = ""
    only: str = ""
    resume: bool = False
    side: int = SIDE

    @property
    def is_whole(self) -> bool:
        """Whether it is about everything."""
        return not (self.count or self.release or self.airflow or self.only)


def wish_of(environment: Mapping[str, str]) -> Wish:
    """The wish in the variables of make. Raises Failed."""
    get = environment.get
    try:
        count, seed, side = int(get("CELLS") or 0), int(get("SEED") or SEED), int(get("SIDE") or SIDE)
    except ValueError as error:
        raise Failed(f"CELLS, SEED and SIDE are whole numbers: {error}") from None
    known = (MAIN_AIRFLOW, OTHER_AIRFLOW)
    if (airflow := get("AIRFLOW") or "") and airflow not in known:
        raise Failed(f"AIRFLOW={airflow} is not one of {', '.join(known)}.")
    if (release := get("RELEASE") or "") and release not in (*WHOLE, *SAMPLED):
        raise Failed(f"RELEASE={release} is not one of {', '.join((*WHOLE, *SAMPLED))}.")
    return Wish(count, seed, release, airflow, get("ONLY") or "", bool(get("RESUME")), side)


def chosen(wish: Wish, stored: Sequence[Line]) -> list[Cell]:
    """The cells to play."""
    if wish.is_whole:
        found = full_run(wish.seed)
    else:
        airflow = wish.airflow or MAIN_AIRFLOW
        releases = (*WHOLE, *SAMPLED) if wish.only or airflow == OTHER_AIRFLOW else WHOLE
        wanted = [(release, airflow) for release in ((wish.release,) if wish.release else releases)]
        found = [one for release, airflow in wanted for one in cells(release, airflow)]
    globs = (wish.only or "*").split(",")
    found = [one for one in found if any(fnmatchcase(one.name, glob) for glob in globs)]
    if wish.resume and not wish.only:
        done = {one.cell for one in stored if one.word != "missed"}
        found = [one for one in found if one not in done]
    return sample(found, wish.count, wish.seed) if wish.count else found


class Run:
    """Plays cells on one Airflow and keeps what it saw, line by line."""

    def __init__(self, lane: Lane, narrator: Narrator, home: Path, table: Path) -> None:
        self._lane = lane
        self._narrator = narrator
        self._home = home
        self._table = table
        self._lock = threading.Lock()
        self._number = 0
        self._now: dict[str, Scene] = {}
        self.is_over = False
        """Everything is being ended: what cells see from now on is not theirs."""
        self.lines: list[Line] = []

    def warm_up(self) -> None:
        """The first trigger of a triggerer takes seconds that no cell should wait for."""
        warm = Scene(self._lane, Cell("results", "answered", "none", "deferred", WHOLE[0]), 0, self._home / "stubs")
        warm.play()
        warm.close()

    def play(self, todo: Sequence[Cell], side: int) -> None:
        """All of them: those with victims of their own side by side, then the others in batches."""
        alone = [one for one in todo if one.who not in SHARED]
        self._total = len(todo)
        self._side_by_side(alone, side)
        for who in SHARED:
            held = [one for one in todo if one.who == who and one.place]
            parts = [held[start : start + side] for start in range(0, len(held), side)]
            parts += [[one] for one in todo if one.who == who and not one.place]
            for part in parts:
                batch = Batch(self._lane, who, len(part))
                threads = [self._thread(one, batch) for one in part]
                self._watch([*threads, batch.start()])

    def _side_by_side(self, todo: Sequence[Cell], side: int) -> None:
        waiting = list(reversed(todo))

        def work() -> None:
            while waiting and not self.is_over:
                try:
                    cell = waiting.pop()
                except IndexError:
                    return
                self._one(cell, None)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(side)]
        for each in threads:
            each.start()
            time.sleep(0.3)
        self._watch(threads)

    def _thread(self, cell: Cell, batch: Batch) -> threading.Thread:
        thread = threading.Thread(target=self._one, args=(cell, batch), daemon=True)
        thread.start()
        return thread

    def _watch(self, threads: Sequence[threading.Thread]) -> None:
        said = 0.0
        while any(each.is_alive() for each in threads):
            time.sleep(0.2)
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                words = [one.word for one in self.lines]
                counts = ", ".join(f"{words.count(word)} {word}" for word in ("ok", "weaker", "failed", "missed"))
                self._narrator.say(f"{len(words)} of {self._total} cells: {counts}; now {len(self._now)} side by side")

    def _one(self, cell: Cell, batch: Batch | None) -> None:
        with self._lock:
            self._number += 1
            scene = Scene(self._lane, cell, self._number, self._home / "stubs", batch.meet if batch else None)
            self._now[cell.name] = scene
        began = time.monotonic()
        try:
            facts = scene.play()
            verdict = judge(cell, facts)
            line = Line.of(cell, verdict, facts, time.monotonic() - began)
        except Missed as missed:
            line = Line.missed(cell, str(missed), time.monotonic() - began)
        except Exception:  # a fault of the harness is a cell that was not played
            line = Line.missed(cell, traceback.format_exc(limit=-3), time.monotonic() - began)
        finally:
            if batch is not None:
                batch.leave(scene)
        self._keep(line, scene)

    def _keep(self, line: Line, scene: Scene) -> None:
        if self.is_over:
            return
        try:
            if line.word != "ok":
                scene.evidence(RESULTS / line.cell.name)
            scene.close()
        except Exception as error:  # evidence is a help, its lack no reason to lose the line
            self._narrator.say(f"{line.cell.name}: no evidence: {error}")
        with self._lock:
            self._now.pop(line.cell.name, None)
            self.lines.append(line)
            with self._table.open("a") as out:
                out.write(plain(line) + "\n")
        if line.word != "ok":
            self._narrator.say(f"{line.word} {line.row} {line.cell.name}: {line.text}")


def play(todo: Sequence[Cell], wish: Wish, table: Path, folder: Path) -> list[Line]:
    """Play cells on the Airflow of this interpreter, in a folder of their own. Raises Failed or Interrupted."""
    narrator = Narrator()
    with own_folder(folder, "make kill-matrix") as home, interruptible():
        processes = Processes(folder / "output")
        lane = Lane(home, processes, narrator)
        run = Run(lane, narrator, home, table)
        try:
            lane.start()
            narrator.say(f"playing {len(todo)} cells, {wish.side} side by side")
            run.warm_up()
            run.play(todo, wish.side)
            narrator.say(f"{len(todo)} cells took {narrator.seconds:.0f} s")
            return run.lines
        finally:
            run.is_over = True
            processes.stop()


def main() -> int:
    """Play what was asked for; returns 1 when a cell failed or was missed."""
    try:
        wish = wish_of(os.environ)
        RESULTS.mkdir(exist_ok=True)
        is_kept = wish.is_whole or wish.resume
        table = TABLE if is_kept else RESULTS / "last.jsonl"
        if not wish.resume and PART not in os.environ:
            table.unlink(missing_ok=True)
        todo = chosen(wish, read_table(table))
        if not todo:
            print("no such cell, or all of them are in the table already", flush=True)
        for airflow in dict.fromkeys(one.airflow for one in todo):
            part = [one for one in todo if one.airflow == airflow]
            if airflow == version("apache-airflow"):
                play(part, wish, table, ROOT / ".kill-matrix")
            elif PART not in os.environ:
                python = environment_folder(airflow) / "bin" / "python"
                with interruptible():
                    subprocess.run([str(python), str(HERE / "matrix.py")], env={**os.environ, PART: "1"}, check=False)
        if PART in os.environ:
            return 0
        lines = read_table(table)
        text = report(lines)
        (REPORT if is_kept else RESULTS / "REPORT.md").write_text(text)
        print(text.split("\n## Every cell")[0], flush=True)
        return int(any(one.word in ("failed", "missed") for one in lines))
    except Interrupted as asked:
        print(f"ended by {asked}; nothing is left running, the table keeps what was seen", flush=True)
        return asked.exit_code
    except (Failed, OSError) as problem:
        print(f"make kill-matrix failed: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
