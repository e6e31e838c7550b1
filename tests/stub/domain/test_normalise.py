"""From what was submitted to what is kept. Byte-for-byte comparisons with recordings stand in wire/test_job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator_stub.domain.job import InputSource, Job, Network, Port, Resources, ResultPath, SpecConfig, Task, Timeouts
from orchestrator_stub.domain.normalise import normalise, sanitise, trimmed
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import JobState

LATEST = RELEASES["1.9.3"]
TASK = Task("main", SpecConfig("wasm"))
JOB = Job("", "", "", "batch", 0, 1, tasks=(TASK,), state=JobState.UNDEFINED)


def test_what_users_must_not_set_is_dropped_with_a_warning_each():
    """A submitted state or time would be kept, or dropped in silence."""
    given = replace(
        JOB,
        id="mine",
        state=JobState.RUNNING,
        message="m",
        version=7,
        revision=9,
        create_time=5,
        modify_time=6,
        tasks=(TASK, TASK),
        meta={"bacalhau.org/x": "1", "mine": "2"},
    )
    clean, warnings = sanitise(given, LATEST)
    assert warnings == (
        "job state is ignored when submitting a job",
        "job revision is ignored when submitting a job",
        "job version is ignored when submitting a job",
        "job create time is ignored when submitting a job",
        "job modify time is ignored when submitting a job",
        "job ID is ignored when submitting a batch job",
        "only one task is supported per job",
        'job meta key "bacalhau.org/x" is reserved and will be ignored',
    )
    assert clean == replace(JOB, name="mine", meta={"mine": "2"})


def test_a_clean_job_gives_no_warnings():
    """Every submission would be warned about."""
    assert sanitise(JOB, LATEST) == (JOB, ())


def test_services_may_choose_their_id():
    """A service would get another id than it asked for."""
    clean, warnings = sanitise(replace(JOB, type="service", id="mine"), LATEST)
    assert (clean.id, warnings) == ("mine", ())


@pytest.mark.parametrize(
    ("release", "kind", "count", "kept"),
    [
        ("1.5.2", "batch", None, 0),
        ("1.6.5", "batch", None, 1),
        ("1.9.3", "service", None, 1),
        ("1.9.3", "batch", 0, 0),
        ("1.5.2", "ops", None, 1),
        ("1.5.2", "ops", 3, 3),
        ("1.6.5", "ops", 3, 0),
        ("1.9.3", "daemon", 1, 0),
    ],
)
def test_counts(release, kind, count, kept):
    """A job would run another number of times than on a real server."""
    assert normalise(replace(JOB, type=kind, count=count), RELEASES[release]).count == kept


@pytest.mark.parametrize(
    ("release", "resources", "network", "timeouts"),
    [
        ("1.5.2", Resources("500m", "1gb"), "None", Timeouts()),
        ("1.6.5", Resources("500m", "512mb"), "None", Timeouts()),
        ("1.9.3", Resources("500m", "512mb"), "Default", Timeouts()),
        ("docs", Resources(), "None", Timeouts(1800)),
    ],
)
def test_defaults(release, resources, network, timeouts):
    """A task would come back with another release's defaults."""
    task = normalise(JOB, RELEASES[release]).task
    assert (task.resources, task.network.type, task.timeouts) == (resources, network, timeouts)


def test_texts_are_trimmed():
    """Blanks that users type would keep a job from its node or its input."""
    task = Task(
        " main ",
        SpecConfig(" wasm ", {}),
        SpecConfig(" Local "),
        input_sources=(InputSource(SpecConfig(" s3 "), " /in ", " a "),),
        result_paths=(ResultPath(" o ", " /o "),),
        resources=Resources(" 500M ", "2 GB"),
        network=Network("HTTP", (" A.B ",)),
    )
    assert trimmed(task) == Task(
        " main ",
        SpecConfig("wasm"),
        SpecConfig("Local"),
        input_sources=(InputSource(SpecConfig("s3"), "/in", "a"),),
        result_paths=(ResultPath("o", "/o"),),
        resources=Resources("500m", "2gb"),
        network=Network("HTTP", ("a.b",)),
    )


@pytest.mark.parametrize("release", RELEASES)
def test_normalising_twice_changes_nothing(release):
    """An update would look like a change where there is none."""
    once = normalise(replace(JOB, tasks=(legacy_wasm(),)), RELEASES[release])
    assert normalise(once, RELEASES[release]) == once


def legacy_wasm():
    """A task whose module stands in its parameters."""
    source = {"Type": "inline", "Params": {"URL": "data:,x"}}
    params = {"EntryModule": {"source": source}, "EntryPoint": "go", "ImportModules": [{"Source": source, "Target": "/m"}]}
    return replace(TASK, engine=SpecConfig("Wasm", params))


def test_a_module_in_the_parameters_becomes_an_input_since_1_7():
    """A wasm job written for 1.6 would not run on later releases."""
    old = normalise(replace(JOB, tasks=(legacy_wasm(),)), RELEASES["1.6.5"]).task
    new = normalise(replace(JOB, tasks=(legacy_wasm(),)), LATEST).task
    source = SpecConfig("inline", {"URL": "data:,x"})
    assert old.engine.params == legacy_wasm().engine.params
    assert new.engine.params == {
        "EntryModule": "/wasm/entry.wasm",
        "Entrypoint": "go",
        "ImportModules": ["/m"],
        "Parameters": None,
    }
    assert new.input_sources == (InputSource(source, "/wasm/entry.wasm"), InputSource(source, "/m"))


def test_ports_are_unknown_where_no_network_has_some():
    """1.5.2 would show ports that it never stores."""
    task = replace(TASK, network=Network("None", ports=(Port("A"),)))
    kept = [normalise(replace(JOB, tasks=(task,)), RELEASES[name]).task.network.ports for name in ("1.5.2", "1.9.3")]
    assert kept == [(), (Port("A"),)]
