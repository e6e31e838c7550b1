"""Identity: the lock, the epoch, the content-addressed name and the author of a stop."""

from __future__ import annotations

import re

import pytest

from airflow_provider_bacalhau.lifecycle import identity
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef

REF = TaskRef("prod", "etl", "scheduled__2026-01-01T00:00:00+00:00", "clean")
EPOCH = Epoch(1_700_000_000_000_000, 0, 2)
SPEC = {
    "Type": "batch",
    "Count": 1,
    "Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "a"}}}],
}


def stamp(spec=SPEC, *, ref=REF, epoch=EPOCH, slot=1, lifetime="task", fp="f" * 32, prefix=None):
    return identity.stamp(spec, ref=ref, epoch=epoch, slot=slot, lifetime=lifetime, fp=fp, prefix=prefix)


def test_key_is_forty_lower_case_base32_characters():
    """A key of another form would not be a label that servers can select by."""
    assert re.fullmatch(r"[a-z2-7]{40}", identity.key(REF))


@pytest.mark.parametrize(
    "other",
    [
        TaskRef(None, "etl", REF.run_id, "clean"),
        TaskRef("prod", "etl2", REF.run_id, "clean"),
        TaskRef("prod", "etl", "manual", "clean"),
        TaskRef("prod", "etl", REF.run_id, "clean2"),
        TaskRef("prod", "etl", REF.run_id, "clean", 0),
        TaskRef("prod", "etl", REF.run_id, "clean", ordinal=1),
        TaskRef("prod", "et", "l" + REF.run_id, "clean"),
    ],
)
def test_key_tells_all_parts_apart(other):
    """Two task instances with one key would adopt or stop each other's jobs."""
    assert identity.key(other) != identity.key(REF)


def test_key_ignores_who_and_where():
    """A changed owner or page would lose sight of a running job."""
    renamed = TaskRef("prod", "etl", REF.run_id, "clean", owner="ann", triggered_by="bob", url="https://x")
    assert identity.key(renamed) == identity.key(REF)


def test_labels_of_a_mapped_task():
    """People filter by these labels; the server accepts only this alphabet and 63 characters."""
    job = stamp(ref=TaskRef("prod", "etl", REF.run_id, "clean", 3))
    assert job["Labels"] == {
        "airflow-key": identity.key(TaskRef("prod", "etl", REF.run_id, "clean", 3)),
        "airflow-epoch": "1700000000000000-0-2",
        "airflow-slot": "1",
        "airflow-fp": "f" * 32,
        "airflow-lifetime": "task",
        "airflow-dag": "etl",
        "airflow-task": "clean",
        "airflow-run": "scheduled__2026-01-01T00-00-00-00-00",
        "airflow-map": "3",
        "airflow-deployment": "prod",
    }


@pytest.mark.parametrize("text", ["-1", "__x__", "ä" * 80, "a" * 80, "a" * 62 + "::b", "", "."])
def test_label_values_fit_the_server(text):
    """A value with another character, more than 63, or a sign at an end could not be selected by."""
    value = identity.label_value(text)
    assert len(value) <= 63
    assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?", value)


def test_meta_keeps_raw_values_and_no_try():
    """Meta with a try in it would give every try other bytes, so no lost submit could be repeated."""
    job = stamp(ref=TaskRef("prod", "etl", REF.run_id, "clean", owner="ann", triggered_by="bob", url="https://a/t"))
    assert job["Meta"] == {
        "airflow-dag-id": "etl",
        "airflow-run-id": REF.run_id,
        "airflow-task-id": "clean",
        "airflow-map-index": "-1",
        "airflow-deployment": "prod",
        "airflow-owner": "ann",
        "airflow-triggered-by": "bob",
        "airflow-url": "https://a/t",
    }


def test_user_labels_stay_and_cannot_replace_ours():
    """A user's label `airflow-key` would break the lock."""
    job = stamp({**SPEC, "Labels": {"team": "x", "airflow-key": "mine"}, "Meta": {"m": "1", "airflow-dag-id": "x"}})
    assert job["Labels"]["team"] == "x"
    assert job["Labels"]["airflow-key"] == identity.key(REF)
    assert job["Meta"]["m"] == "1"
    assert job["Meta"]["airflow-dag-id"] == "etl"


def test_name_has_a_readable_prefix_and_a_content_hash():
    """Names with other characters could not be looked up."""
    assert re.fullmatch(r"etl-clean-[a-z2-7]{32}", stamp()["Name"])
    assert stamp({**SPEC, "Name": "My Job!"})["Name"].startswith("my-job-")
    assert stamp({**SPEC, "Name": "My Job!"}, prefix="x" * 50)["Name"].startswith("x" * 30 + "-")


def test_equal_jobs_are_equal_bytes_whatever_the_order_of_their_keys():
    """A repeated submit with other bytes under the same name would restart the running job."""
    turned = {name: SPEC[name] for name in reversed(SPEC)}
    assert identity.canonical(stamp(turned)) == identity.canonical(stamp())
    assert list(stamp(turned)) == list(stamp())


@pytest.mark.parametrize(
    "changed",
    [
        {"slot": 2},
        {"epoch": Epoch(1_700_000_000_000_000, 1, 2)},
        {"lifetime": "detached"},
        {"fp": "e" * 32},
        {"spec": {**SPEC, "Namespace": "etl"}},
        {"spec": {**SPEC, "Count": 2}},
    ],
)
def test_any_other_content_has_another_name(changed):
    """The same name with other bytes is an update of the running job."""
    assert stamp(**changed)["Name"].rsplit("-", 1)[1] != stamp()["Name"].rsplit("-", 1)[1]


def test_fingerprint_ignores_what_is_absent_and_sees_what_changed():
    """A fingerprint that moves by itself would restart jobs on every retry."""
    assert re.fullmatch(r"[0-9a-f]{32}", identity.fingerprint(SPEC))
    assert identity.fingerprint({**SPEC, "Labels": {}, "Constraints": None}) == identity.fingerprint(SPEC)
    assert identity.fingerprint({**SPEC, "Count": 2}) != identity.fingerprint(SPEC)
    assert identity.fingerprint({**SPEC, "Count": 0}) != identity.fingerprint(SPEC)


@pytest.mark.parametrize("epoch", [EPOCH, Epoch(5, None, 1), Epoch(5, 1, 2, 1), Epoch(5, None, 0, 0)])
def test_epoch_survives_its_label(epoch):
    """An epoch that is read back differently is never adopted."""
    assert Epoch.parse(epoch.text) == epoch


@pytest.mark.parametrize("text", ["", "1", "a-1-2", "1-2", "1-b-2", "1-2-3-4-5", "-1-2", "1-2-"])
def test_what_is_no_epoch_is_none(text):
    """A garbled label must not pass for an epoch."""
    assert Epoch.parse(text) is None


def test_adoption_needs_equality_of_all_parts_that_both_have():
    """Adopting a job from before a clear gives an old result."""
    assert EPOCH.may_adopt(Epoch(EPOCH.born_us, 0, 2, 1))
    assert EPOCH.may_adopt(Epoch(EPOCH.born_us, None, 2))
    assert not EPOCH.may_adopt(Epoch(EPOCH.born_us, 1, 2))
    assert not EPOCH.may_adopt(Epoch(EPOCH.born_us + 1, 0, 2))
    assert not EPOCH.may_adopt(Epoch(EPOCH.born_us, 0, 3))
    assert not Epoch(1, 0, 2, 1).may_adopt(Epoch(1, 0, 2, 2))


def test_order_of_epochs_is_born_then_clear_then_tries():
    """A sweep in the wrong order stops the newer attempt's job."""
    assert Epoch(1, 5, 9).older_than(Epoch(2, 0, 0))
    assert Epoch(1, 0, 9).older_than(Epoch(1, 1, 0))
    assert Epoch(1, 0, 1).older_than(Epoch(1, 0, 2))
    assert not Epoch(1, 0, 1, 1).older_than(Epoch(1, 0, 1, 2))


def test_stop_reason_survives_the_server():
    """Without it nobody can tell a stale actor's stop from a human's."""
    assert identity.stop_reason(7, 2, "on_kill") == "airflow 7.2 on_kill"
    assert identity.parse_stop_reason("airflow 7.2 on_kill") == (7, 2, "on_kill")


@pytest.mark.parametrize("text", ["", "test over", "airflow 7.2 because", "airflow 7 on_kill", "x airflow 7.2 twin"])
def test_other_reasons_have_no_author(text):
    """A human's reason taken for ours would resubmit what somebody stopped on purpose."""
    assert identity.parse_stop_reason(text) is None


def test_labels_read_back():
    """Labels that are not read back hide the task's own job."""
    assert identity.read_labels(stamp()["Labels"]) == (EPOCH, 1, "f" * 32)
    assert identity.read_labels({"airflow-epoch": "1-0-1", "airflow-slot": "x", "airflow-fp": "a"}) is None
    assert identity.read_labels({}) is None


@pytest.mark.parametrize(
    ("full", "short"),
    [
        ("j-5b2f0c11-1111-4222-8333-444444444444", "j-5b2f0c11"),
        ("e-91ac22d0-1111-4222-8333-444444444444", "e-91ac22d0"),
        ("edge-berlin-07", "edge-berlin-07"),
        ("QmUDAXvvABCDEFG", "QmUDAXvvABCDEFG"),
        ("", ""),
    ],
)
def test_short_ids(full, short):
    """A node's name cut like an id names nothing."""
    assert identity.short_id(full) == short
