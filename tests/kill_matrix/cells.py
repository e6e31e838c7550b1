"""The cells of the matrix: which moment of a task's life, who dies there, and in which world. Pure.

A moment is a request, at one of three places (held before its effect, held between its effect and its answer, or just
answered), or a while between requests. `requests` is what the journal of an undisturbed run shows, in order.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Mode = Literal["inline", "deferred"]
Leg = Literal["first", "trigger", "second"]

MODES: tuple[Mode, ...] = ("inline", "deferred")
WHOLE = ("1.9.3", "1.5.2")
"""Releases whose cells all belong to a full run on the main Airflow."""
SAMPLED = ("1.8.0", "1.7.0")
MAIN_AIRFLOW, OTHER_AIRFLOW = "3.3.2", "3.1.8"
SAMPLE = 80
_NO_UNIQUE_NAMES = ("1.5.2", "1.7.0")
LOOK = "*/jobs/j-????????-????-????-????-????????????"
"""The path of a look at one job."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of an undisturbed life.

    :param nth: which of those that match, from 1; counted from the job's end when `ended`.
    """

    name: str
    leg: Leg
    method: str
    path: str
    nth: int = 1
    ended: bool = False
    has_job: bool = True
    """A job exists once its effect is there."""


def requests(mode: Mode, release: str) -> list[Request]:
    """All requests of a task, in order."""
    named = [] if release in _NO_UNIQUE_NAMES else [Request("name", "first", "GET", "*/jobs/kill-*", has_job=False)]
    begin = [
        Request("version", "first", "GET", "*/agent/version", has_job=False),
        *named,
        Request("submit", "first", "PUT", "*/jobs"),
        Request("look", "first", "GET", LOOK),
    ]
    if mode == "inline":
        return [
            *begin,
            Request("log", "first", "GET", "*/jobs/j-*/logs"),
            Request("later-look", "first", "GET", LOOK, nth=3),
            Request("end-look", "first", "GET", LOOK, ended=True),
            Request("last-look", "first", "GET", LOOK, nth=2, ended=True),
            Request("results", "first", "GET", "*/results", ended=True),
        ]
    return [
        *begin,
        Request("trigger-version", "trigger", "GET", "*/agent/version", nth=2),
        Request("trigger-look", "trigger", "GET", LOOK, nth=2),
        Request("trigger-later-look", "trigger", "GET", LOOK, nth=4),
        Request("end-look", "trigger", "GET", LOOK, ended=True),
        Request("second-version", "second", "GET", "*/agent/version", nth=3),
        Request("last-look", "second", "GET", LOOK, nth=2, ended=True),
        Request("results", "second", "GET", "*/results", ended=True),
    ]


BETWEEN: dict[Mode, dict[str, Leg]] = {
    "inline": {"started": "first", "quiet": "first"},
    "deferred": {"started": "first", "deferred": "trigger", "quiet": "trigger", "fired": "trigger"},
}
"""Whiles between requests: the process runs and has asked nothing; deferred and the triggerer has asked nothing; the
job runs and nobody asks; the event has fired and the second leg has not begun."""

PLACES = ("before", "after", "answered")
SUBMIT_PLACES = ("before", "before-late", "before-lost", "after", "answered")
"""A submit whose sender is dead arrives at once (before), after the next submit (late), or never (lost)."""
WORKER = ("worker-kill", "worker-term", "worker-lost")
TRIGGERER = ("triggerer-kill", "triggerer-term", "triggerer-split")
SCHEDULER = ("scheduler-kill",)
SERVER = ("server-kill", "server-gone")
WIRE = ("lost-request", "lost-reply", "late-request", "500", "503", "garbage")
USER = ("clear", "mark-failed", "mark-success")
WHO = (*WORKER, *TRIGGERER, *SCHEDULER, *SERVER, *WIRE, *USER)
SHARED = (*TRIGGERER, *SCHEDULER)
"""Victims that all cells of an Airflow have in common: they die once for a batch of cells."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One cell. `place` is empty for a while between requests."""

    point: str
    place: str
    who: str
    mode: Mode
    release: str
    airflow: str = MAIN_AIRFLOW

    @property
    def name(self) -> str:
        """`deferred.submit:after.worker-kill.1.9.3.airflow-3.3.2`."""
        where = f"{self.point}:{self.place}" if self.place else self.point
        return f"{self.mode}.{where}.{self.who}.{self.release}.airflow-{self.airflow}"

    @property
    def request(self) -> Request | None:
        """The request that it is about, None for a while between requests."""
        found = [one for one in requests(self.mode, self.release) if one.name == self.point]
        return found[0] if found and self.place else None

    @property
    def leg(self) -> Leg:
        """In which part of the task's life it lies."""
        return self.request.leg if self.request is not None else BETWEEN[self.mode][self.point]

    @property
    def ended(self) -> bool:
        """Whether the job has ended by then."""
        return self.point == "fired" or self.leg == "second" or (self.request is not None and self.request.ended)

    @property
    def unique_names(self) -> bool:
        """Whether the server refuses a second job of the same name."""
        return self.release not in _NO_UNIQUE_NAMES


def cells(release: str, airflow: str = MAIN_AIRFLOW) -> list[Cell]:
    """All cells of one release and one Airflow that make sense."""
    found = [
        Cell(point, place, who, mode, release, airflow)
        for mode in MODES
        for who in WHO
        for point, place in _moments(mode, release, who)
    ]
    return [one for one in found if _is_possible(one)]


def _moments(mode: Mode, release: str, who: str) -> Iterator[tuple[str, str]]:
    for one in requests(mode, release):
        for place in _places(one, who):
            yield one.name, place
    for name in BETWEEN[mode]:
        # Between requests nothing holds a cell while others walk to their moments, so those of shared victims are alone.
        if who not in WIRE and (who not in SHARED or name in ("quiet", "fired")):
            yield name, ""


def _places(request: Request, who: str) -> tuple[str, ...]:
    if who in WIRE:
        return ("wire",)
    if request.name == "submit" and who in ("worker-kill", "worker-term", "worker-lost"):
        return SUBMIT_PLACES
    if who in ("worker-lost", *SCHEDULER, "triggerer-split", "server-gone"):
        return ("after",)
    if who in ("server-kill", *TRIGGERER, *USER):
        return ("before", "after")
    return PLACES


_GONE = ("submit", "later-look", "trigger-look", "end-look", "results")


def _is_possible(cell: Cell) -> bool:
    """Whether the one who dies is there at that moment."""
    if cell.who in WORKER:
        return cell.leg != "trigger"
    if cell.who in TRIGGERER:
        return cell.leg == "trigger"
    if cell.who == "server-gone" and cell.point not in _GONE:
        return False
    if cell.who in SERVER and cell.release == "1.5.2":
        # after its restart it runs nothing of what ran before, for ever, so there is nothing to wait for
        return cell.ended or cell.point == "started" or (cell.request is not None and not _has_run(cell))
    return True


def _has_run(cell: Cell) -> bool:
    return cell.point != "submit" and cell.request is not None and cell.request.has_job or cell.place == "after"


def pairwise(every: Iterable[Cell], at_least: int, seed: int) -> list[Cell]:
    """A sample in which every two values that some cell has together stand together, filled up to `at_least`."""
    rng = random.Random(seed)
    rest = sorted(every)
    rng.shuffle(rest)
    missing = {pair for one in rest for pair in pairs(one)}
    chosen: list[Cell] = []
    while missing:
        tried = rng.sample(rest, min(60, len(rest)))
        best = max(tried, key=lambda one: len(missing & pairs(one)))
        if not missing & pairs(best):
            best = max(rest, key=lambda one: len(missing & pairs(one)))
        chosen.append(best)
        missing -= pairs(best)
        rest.remove(best)
    return chosen + rest[: max(0, at_least - len(chosen))]


def pairs(cell: Cell) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    """Every two values of a cell."""
    kind = next(key for key, group in _KINDS.items() if cell.who in group)
    values = {"point": f"{cell.mode} {cell.point}", "who": cell.who, "mode": cell.mode, "place": cell.place or "between"}
    values |= {"world": f"{cell.release} {cell.airflow}", "kind": kind}
    coarse = {key: values[key] for key in ("who", "mode", "place", "world")}
    found = set(itertools.combinations(sorted(coarse.items()), 2))
    return found | {(("kind", kind), ("point", values["point"])), (("point", values["point"]), ("world", values["world"]))}


_KINDS = {
    "worker": WORKER,
    "triggerer": TRIGGERER,
    "scheduler": SCHEDULER,
    "server": SERVER,
    "wire": WIRE,
    "user": USER,
}


def full_run(seed: int) -> list[Cell]:
    """All cells of the releases that are looked at as a whole, and the sample of the others."""
    whole = [one for release in WHOLE for one in cells(release)]
    others = [one for release in SAMPLED for one in cells(release)]
    others += [one for release in (*WHOLE, *SAMPLED) for one in cells(release, OTHER_AIRFLOW)]
    return whole + pairwise(others, SAMPLE, seed)


def sample(every: Iterable[Cell], count: int, seed: int) -> list[Cell]:
    """So many cells, chosen by seed, of as many kinds as there is room for."""
    rng = random.Random(seed)
    by_kind: dict[tuple[str, str], list[Cell]] = {}
    for one in sorted(every):
        by_kind.setdefault((one.who, one.mode), []).append(one)
    groups = list(by_kind.values())
    for group in groups:
        rng.shuffle(group)
    rng.shuffle(groups)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*groups))
    return list(itertools.islice((one for one in turns if one is not None), count))
