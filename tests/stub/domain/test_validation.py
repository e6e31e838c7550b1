"""What a job must be, in the exact words of real servers (recorded: scenarios 16, 26 and 27)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import (
    Constraint,
    InputSource,
    Job,
    Network,
    Port,
    Resources,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.validation import quoted, refuse_unstorable, validate

LATEST, SEVEN, OLD = RELEASES["1.9.3"], RELEASES["1.7.0"], RELEASES["1.5.2"]
TASK = Task("main", SpecConfig("wasm"))
JOB = Job("", "", "", "batch", 0, 1, tasks=(TASK,))


def problems(release=LATEST, task=None, **changes):
    """Problems of JOB with changes, or with changes of its task."""
    job = replace(JOB, **changes)
    return validate(replace(job, tasks=(replace(TASK, **task),)) if task else job, release)


def of_task(text):
    """How a task's problem reads."""
    return [f"task main validation failed: {text}"]


def test_a_good_job_has_none():
    """Every job would be refused."""
    assert problems() == []


def test_all_problems_are_told_at_once():
    """A user would learn them one by one."""
    assert problems(type="x", count=-1, tasks=()) == [
        'invalid job type: "x"',
        "job count must be >= 0",
        "missing job tasks",
    ]


def test_later_tasks_are_checked_though_they_are_dropped():
    """A second task without name would be accepted."""
    assert problems(tasks=(TASK, Task("", SpecConfig(absent=True)))) == [
        "task  validation failed: missing task name\ninvalid engine: nil spec config"
    ]


@pytest.mark.parametrize(("release", "refused"), [(LATEST, True), (SEVEN, True), (RELEASES["1.6.5"], False)])
def test_count_of_jobs_that_run_everywhere(release, refused):
    """An ops job with Count 2 would be accepted where it is not, or refused where it is."""
    text = "ops jobs cannot specify count > 1 as they run on all matching nodes"
    assert problems(release, type="ops", count=2) == ([text] if refused else [])


@pytest.mark.parametrize(
    ("constraint", "text"),
    [
        (Constraint("", "exists"), "selector key cannot be blank"),
        (Constraint("a", "in"), "selector values cannot be empty for In or NotIn operators"),
        (Constraint("a", "!", ("x",)), "selector values must be empty for Exists or KeyNotInImap operators"),
        (Constraint("a", "~", ("x", "y")), "selector values must have exactly one value for other operators"),
    ],
)
def test_constraints(constraint, text):
    """A constraint that cannot be meant would be accepted."""
    good = Constraint("a b", "~", ("x",))  # servers accept bad keys and operators here
    assert problems(constraints=(good, constraint)) == [f"constraint 2 validation failed: {text}"]


@pytest.mark.parametrize(
    ("task", "new", "old"),
    [
        ({"engine": SpecConfig(" ")}, "invalid engine: missing spec type", "engine validation failed: missing spec type"),
        (
            {"timeouts": Timeouts(-1, -61, 5)},
            "invalid timeouts: invalid execution timeout value: 5s\ninvalid queue timeout value: -1m1s",
            "task timeouts validation failed: invalid execution timeout value: 5s\ninvalid queue timeout value: -1m1s",
        ),
        (
            {"resources": Resources("X", " Y ", "z")},
            "invalid resources: invalid CPU value: x\ninvalid memory value: y\ninvalid disk value: z",
            "task resources validation failed: invalid CPU value: x\ninvalid memory value: y\ninvalid disk value: z",
        ),
        (
            {"resources": Resources(cpu="x", gpu="y")},
            "invalid resources: invalid GPU value: y",
            "task resources validation failed: invalid GPU value: y",
        ),
        (
            {"resources": Resources(cpu="-1")},
            "invalid resources: invalid CPU value: -1.000000",
            "task resources validation failed: invalid CPU value: -1.000000",
        ),
        (
            {"input_sources": (InputSource(SpecConfig(absent=True)), InputSource(SpecConfig("s3"), "/x"))},
            "invalid input sources: input source is missing a target\ninvalid input source: nil spec config",
            "artifact validation failed: missing artifact target\ninvalid artifact source: nil spec config",
        ),
        (
            {"result_paths": (ResultPath("", "o"),)},
            "invalid output: missing name\nresult path `o` must be absolute",
            "output validation failed: missing name\nresult path `o` must be absolute",
        ),
    ],
)
def test_parts_of_a_task_in_the_words_of_both_times(task, new, old):
    """A message would be another release's."""
    assert problems(LATEST, task) == of_task(new)
    assert problems(SEVEN, task) == of_task(old)


@pytest.mark.parametrize(
    ("env", "text"),
    [
        ({"": "x"}, "environment variable name cannot be empty"),
        ({"a": "x"}, "environment variable 'a' must be uppercase"),
        ({"1A": "x"}, "environment variable '1A' must start with a letter"),
        ({"A-B": "x"}, "environment variable 'A-B' can only contain letters, numbers, and underscores"),
        ({"BACALHAU_X": "1"}, "environment variable 'BACALHAU_X' cannot start with BACALHAU_"),
        ({"B": "", "A": ""}, "environment variable 'A' cannot have empty value"),
    ],
)
def test_the_first_bad_variable_is_named_since_1_6(env, text):
    """A variable that never arrives would be accepted."""
    assert problems(LATEST, {"env": env}) == of_task(text)
    assert problems(OLD, {"env": env}) == []


def test_duplicates_are_named_once_and_all_on_1_5():
    """Two inputs could share a target."""
    source = SpecConfig("inline")
    task = {"input_sources": tuple(InputSource(source, t) for t in ("/a", "/a", "/b", "/b"))}
    first, second = (f"input source with target '{path}' already exists" for path in ("/a", "/b"))
    assert problems(LATEST, task) == of_task(first)
    assert problems(OLD, task) == of_task(f"{first}\n{second}")
    paths = {"result_paths": (ResultPath("o", "/o"), ResultPath("o", "/p"))}
    assert problems(LATEST, paths) == of_task("result path with name 'o' already exists")


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (Network("None", ("a.bc",)), "domains can only be set for HTTP network mode"),
        (Network("HTTP", ("a b", "1.2.3.4", "x.org")), 'invalid domain "a b"'),
        (Network("None", ports=(Port("A"),)), "ports can only be set for Host or Bridge network modes"),
        (Network("Host", ports=(Port("A", target=80),)), "target ports cannot be set for Host network mode"),
        (Network("Full", ports=(Port("A", target=80),)), "target ports cannot be set for Host network mode"),
        (Network("Bridge", ports=(Port(""),)), "port mapping name is required"),
        (Network("Bridge", ports=(Port("a" * 300),)), "port name too long (max 237 characters)"),
        (Network("Bridge", ports=(Port("A", 80),)), "static port 80 is in privileged port range (1-1023)"),
        (Network("Bridge", ports=(Port("A", 70000),)), "static port 70000 is above maximum valid port 65535"),
        (Network("Bridge", ports=(Port("A", 0, -1),)), "invalid target port -1"),
        (Network("Bridge", ports=(Port("A", host_network="x"),)), "invalid host network IP address: x"),
        (
            Network("Bridge", ports=(Port("A", 2000, 80), Port("A", 2000, 80))),
            (
                'duplicate port mapping name "A"\nduplicate port mapping static port 2000\n'
                "duplicate port mapping target port 80"
            ),
        ),
    ],
)
def test_networks_since_1_6(network, text):
    """A network that cannot be made would be accepted."""
    assert problems(LATEST, {"network": network}) == of_task(f"invalid network: {text}")
    assert problems(OLD, {"network": network}) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"id": "a b"}, "job ID contains a space"),
        ({"name": "\0"}, "job Name contains a null character"),
        ({"name": " "}, "missing job name"),
        (
            {"tasks": (replace(TASK, result_paths=(ResultPath("o", "/o"),)),)},
            "task main validation failed: publisher must be set if result paths are set",
        ),
        (
            {"tasks": (replace(TASK, timeouts=Timeouts(200, 0, 120)),)},
            (
                "task main validation failed: task timeouts validation failed: execution timeout 3m20s and queue "
                "timeout 0s should be less than total timeout 2m0s"
            ),
        ),
    ],
)
def test_what_the_store_refuses(changes, text):
    """A job that real servers refuse late would be stored."""
    stored = replace(JOB, id="j-1", name="n", namespace="default")
    with pytest.raises(OrchestratorError) as caught:
        refuse_unstorable(replace(stored, **changes))
    error = caught.value
    assert (error.status, error.code, error.component, error.message) == (400, "BadRequest", "JobStore", text)


@pytest.mark.parametrize("key", ["", "/", "/a", "a/", "a//b"])
def test_a_label_with_an_empty_part_in_its_key_is_a_masked_500(key):
    """It would be stored, which no real server can."""
    stored = replace(JOB, id="j-1", name="n", namespace="default")
    refuse_unstorable(replace(stored, labels={"a/b/c": "x"}))
    with pytest.raises(OrchestratorError) as caught:
        refuse_unstorable(replace(stored, labels={key: "x"}))
    assert (caught.value.status, caught.value.component) == (500, "Unknown")


@pytest.mark.parametrize(("release", "kind", "refused"), [("1.6.5", "ops", False), ("1.6.5", "batch", True), ("1.5.2", "ops", True), ("1.7.0", "ops", True)])
def test_a_negative_count_is_refused_unless_it_was_dropped_before(release, kind, refused):
    """1.6 normalises before it validates: an ops job of Count -1 runs there."""
    problems = validate(replace(JOB, type=kind, count=-1), RELEASES[release])
    assert ("job count must be >= 0" in problems) is refused


def test_text_is_quoted_like_go_quotes_it():
    """A type with odd characters would break the message's line."""
    assert quoted('<b>&\u2028"\x01é\U000e0001') == r'"<b>&\u2028\"\x01é\U000e0001"'
