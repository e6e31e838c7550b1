"""Which executions a script is for, and which one comes closest where none is."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.script import (
    Match,
    Script,
    candidates,
    differences,
    first_match,
    miss,
    nearest,
    subject_of,
)


def job(image="acme/clean:1.4", engine="docker", **changes):
    """A job as the store has it."""
    task = Task(name="main", engine=SpecConfig(engine, {"Image": image} if image is not None else {}))
    values = {"id": "j-1", "name": "etl-7", "namespace": "default", "type": "batch", "priority": 0, "count": 4}
    return Job(**{**values, "tasks": (task,), **changes})


def subject(partition=0, attempt=1, **changes):
    """An execution of such a job."""
    return subject_of(job(**changes), partition, attempt)


@pytest.mark.parametrize(
    ("match", "facts", "differing"),
    [
        (Match(), {}, ()),
        (Match(name="etl-*"), {}, ()),
        (Match(name="etl"), {}, ("name",)),
        (Match(task="main"), {}, ()),
        (Match(task="train"), {"meta": {"airflow-task-id": "train"}}, ()),
        (Match(task="main"), {"meta": {"airflow-task-id": "train"}}, ("task",)),
        (Match(label={"team": "*"}), {"labels": {"team": "x"}}, ()),
        (Match(label={"team": "*", "tier": "gold"}), {"labels": {"tier": "tin"}}, ("label team", "label tier")),
        (Match(image="acme/clean"), {}, ()),
        (Match(image="acme/clean:1.*"), {}, ()),
        (Match(image="acme/clean:2"), {}, ("image",)),
        (Match(image="docker.io/acme/clean"), {}, ()),
        (Match(image="*"), {"image": "UPPER::x"}, ()),
        (Match(image="*"), {"engine": "wasm", "image": None}, ("image",)),
        (Match(image="x"), {"engine": "wasm", "image": "x"}, ("image",)),
        (Match(image="7"), {"image": 7}, ("image",)),
        (Match(type="ops"), {}, ("type",)),
        (Match(partition=3), {"partition": 3}, ()),
        (Match(partition=0, attempt=2), {"attempt": 2}, ()),
        (Match(partition=3, attempt=2), {}, ("partition", "attempt")),
    ],
)
def test_all_that_is_given_has_to_hold(match, facts, differing):
    """Another job, partition or attempt would get the fate."""
    assert differences(match, subject(**facts)) == differing


def test_the_first_match_wins():
    """An exception above the rule would have no effect."""
    scripts = [Script(Match(partition=3)), Script(Match(image="acme/*")), Script(Match())]
    assert [first_match(scripts, subject(partition=number)) for number in (3, 0)] == [0, 1]
    assert first_match(scripts[:1], subject()) is None


def test_scripts_that_some_execution_of_a_job_may_play():
    """Whoever submits would be told of a script that is never played for his job, or not of the one that is."""
    first, third = Script(Match(image="acme/*", attempt=1)), Script(Match(image="acme/*", partition=3))
    rest, later = Script(Match(image="acme/*")), Script(Match())
    scripts = (Script(Match(image="acme/train")), first, third, rest, later)
    assert candidates(scripts, subject(), partitions=4) == [first, third, rest]
    assert candidates(scripts, subject(), partitions=3) == [first, rest]


@pytest.mark.parametrize(
    ("matches", "facts", "words"),
    [
        (
            [Match(image="acme/train:*"), Match(image="acme/clean:*")],
            {"image": "acme/claen:1.4"},
            "no script matched (image acme/claen:1.4); nearest: acme/clean:* (differs in image)",
        ),
        (
            [Match(image="acme/clean:*", attempt=1)],
            {"attempt": 2},
            "no script matched (image acme/clean:1.4, attempt 2); nearest: acme/clean:*, attempt 1 (differs in attempt)",
        ),
        (
            [Match(task="train", label={"team": "etl", "tier": "gold"})],
            {"labels": {"tier": "tin"}, "meta": {"airflow-task-id": "train"}},
            (
                "no script matched (image acme/clean:1.4, label team missing, label tier=tin); "
                "nearest: label team=etl, label tier=gold, task train (differs in label team, label tier)"
            ),
        ),
        (
            [Match(image="acme/clean", type="ops")],
            {"engine": "wasm", "image": None},
            "no script matched (name etl-7, type batch, no image); nearest: acme/clean, type ops (differs in type, image)",
        ),
        ([], {}, "no script matched (image acme/clean:1.4)"),
    ],
)
def test_a_miss_names_what_came_closest_and_what_is_wrong_with_it(matches, facts, words):
    """A typing error in an image, or a label that was forgotten, would have to be searched for."""
    assert miss([Script(match) for match in matches], subject(**facts)) == words


def test_of_two_that_differ_in_one_key_the_one_that_holds_otherwise_is_nearer():
    """The advice would lead to a script of another task."""
    scripts = [Script(Match(image="ghcr.io/org/*")), Script(Match(task="main", type="batch", partition=3))]
    closest, differing = nearest(scripts, subject())
    assert (closest, differing) == (scripts[1], ("partition",))
    assert nearest([], subject()) is None


def test_a_match_is_shown_as_people_call_it():
    """The advice could not be read."""
    assert Match(image="a:*", task="t", partition=0).text == "a:*, task t, partition 0"
    assert Match().text == "any job"
