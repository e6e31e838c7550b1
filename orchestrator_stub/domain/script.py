"""A run's fate as data: which executions a script is for, and what happens in them (design 5).

`scriptreading` makes scripts of plain values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from orchestrator_stub.domain.glob import glob
from orchestrator_stub.domain.image import ImageRule, parse_image
from orchestrator_stub.domain.job import Job, Task
from orchestrator_stub.domain.labels import AIRFLOW_TASK_ID
from orchestrator_stub.domain.params import value_of
from orchestrator_stub.domain.stage import Stage

_LABEL = "label "


@dataclass(frozen=True, slots=True)
class Match:
    """Which executions a script is for: those for which everything that is given holds.

    Texts are patterns with `*` and `?`; "" and None = any.
    """

    name: str = ""
    """Of the job."""
    task: str = ""
    """Id of the Airflow task, else the name of the job's task."""
    label: Mapping[str, str] = field(default_factory=dict)
    """Key -> pattern of its value."""
    image: str = ""
    """As in the file of `--images`: one without a tag covers every version."""
    type: str = ""
    """Of the job."""
    partition: int | None = None
    """From 0."""
    attempt: int | None = None
    """From 1: which execution of its partition it is, counted over all jobs with the same `airflow-key`."""

    @property
    def text(self) -> str:
        """For people: `acme/clean:*, partition 3, attempt 1`."""
        parts = [self.image] if self.image else []
        parts += [f"{_LABEL}{key}={value}" for key, value in self.label.items()]
        others = {key: getattr(self, key) for key in ("name", "task", "type", "partition", "attempt")}
        parts += [f"{key} {value}" for key, value in others.items() if value not in ("", None)]
        return ", ".join(parts) or "any job"


@dataclass(frozen=True, slots=True)
class Script:
    """What becomes of the executions that match; without an end of its own a run ends with exit code 0."""

    match: Match = Match()
    stages: tuple[Stage, ...] = ()
    optional: bool = False
    """Nobody minds when it is never played."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What scripts can see of an execution."""

    name: str
    task: str
    labels: Mapping[str, str]
    image: str
    """"" for what is no docker job."""
    type: str
    partition: int
    attempt: int


def subject_of(job: Job, partition: int = 0, attempt: int = 1) -> Subject:
    """The facts of one execution of a job."""
    return Subject(
        name=job.name,
        task=job.meta.get(AIRFLOW_TASK_ID) or job.task.name,
        labels=job.labels,
        image=image_of(job.task),
        type=job.type,
        partition=partition,
        attempt=attempt,
    )


def image_of(task: Task) -> str:
    """The image of a docker task as submitted, "" when it has none, or of any other engine."""
    image = value_of(task.engine.params, "Image") if task.engine.type.lower() == "docker" else ""
    return image if isinstance(image, str) else ""


def differences(match: Match, subject: Subject) -> tuple[str, ...]:
    """The keys in which an execution is not what a script is for: "image", "partition", "label team", ..."""
    return tuple(_differing(match, subject))


def first_match(scripts: Sequence[Script], subject: Subject) -> int | None:
    """Number of the first script that is for an execution, from 0; None when there is none."""
    for number, script in enumerate(scripts):
        if next(_differing(script.match, subject), None) is None:
            return number
    return None


def candidates(scripts: Sequence[Script], subject: Subject, partitions: int) -> list[Script]:
    """The scripts that some execution of the subject's job may play, whatever its attempt, up to the first that takes
    all the rest. `partitions`: how many the job has."""
    found: list[Script] = []
    for script in scripts:
        match = script.match
        if set(differences(match, subject)) - {"partition", "attempt"} or (match.partition or 0) >= partitions:
            continue
        found.append(script)
        if match.partition is None and match.attempt is None:
            break
    return found


def _differing(match: Match, subject: Subject) -> Iterator[str]:
    if match.partition is not None and match.partition != subject.partition:
        yield "partition"
    if match.attempt is not None and match.attempt != subject.attempt:
        yield "attempt"
    if match.type and match.type != subject.type:
        yield "type"
    if match.name and not glob(match.name).fullmatch(subject.name):
        yield "name"
    if match.task and not glob(match.task).fullmatch(subject.task):
        yield "task"
    for key, pattern in match.label.items():
        if key not in subject.labels or not glob(pattern).fullmatch(subject.labels[key]):
            yield _LABEL + key
    if match.image and not (subject.image and _covers(match.image, subject.image)):
        yield "image"


@lru_cache(maxsize=4096)
def _covers(pattern: str, image: str) -> bool:
    reference = parse_image(image)
    return glob(pattern).fullmatch(image) is not None if reference is None else ImageRule(pattern).matches(reference)


# What came closest.


def nearest(scripts: Sequence[Script], subject: Subject) -> tuple[Script, tuple[str, ...]] | None:
    """The script that comes closest to an execution that none is for, and in which keys it differs; None: no script.

    Keys that hold count for it, and texts that are spelled nearly the same count in part.
    """
    if not scripts:
        return None
    closest = min(scripts, key=lambda script: _distance(script.match, subject))
    return closest, differences(closest.match, subject)


def miss(scripts: Sequence[Script], subject: Subject) -> str:
    """The sentence for an execution that no script is for."""
    found = nearest(scripts, subject)
    differing = found[1] if found else ()
    facts = [f"image {subject.image}"] if subject.image else [f"name {subject.name}"]
    facts += [fact for key in differing if (fact := _fact(key, subject)) not in facts]
    text = f"no script matched ({', '.join(facts)})"
    return f"{text}; nearest: {found[0].match.text} (differs in {', '.join(differing)})" if found else text


def _fact(key: str, subject: Subject) -> str:
    if key.startswith(_LABEL):
        name = key.removeprefix(_LABEL)
        return f"{key}={subject.labels[name]}" if name in subject.labels else f"{key} missing"
    value = getattr(subject, key)
    return f"{key} {value}" if value != "" else f"no {key}"


def _distance(match: Match, subject: Subject) -> float:
    """0 = it matches, 1 = nothing is alike. What names a job counts more than which of its runs it is."""
    weights = {key: 1.0 for key in ("name", "task", "image") if getattr(match, key)}
    weights |= {_LABEL + key: 0.5 for key in match.label}
    weights |= {key: 0.25 for key in ("type", "partition", "attempt") if getattr(match, key) not in ("", None)}
    off = sum(weights[key] * (1 - _likeness(key, match, subject)) for key in differences(match, subject))
    return off / sum(weights.values()) if weights else 0.0


def _likeness(key: str, match: Match, subject: Subject) -> float:
    """How nearly a text that differs is what is wanted, 0 to 1; one typing error is much, a half is little."""
    import difflib  # only for who missed

    if key.startswith(_LABEL):
        wanted, given = match.label[key.removeprefix(_LABEL)], subject.labels.get(key.removeprefix(_LABEL), "")
    elif key in ("name", "task", "image"):
        wanted, given = getattr(match, key), getattr(subject, key)
    else:
        return 0.0
    if key == "image" and (reference := parse_image(given)) is not None:  # versions are alike by chance
        path, slash, last = wanted.rpartition("/")
        wanted, given = path + slash + last.partition(":")[0], reference.name
    return float(difflib.SequenceMatcher(None, wanted, given).ratio() ** 3)
