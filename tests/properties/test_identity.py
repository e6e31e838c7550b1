"""The name is the address of the content: equal bytes <=> equal name."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bacalhau.lifecycle import identity
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef

values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("abé\u2028", max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("Ab", max_size=3), inner, max_size=2),
    max_leaves=4,
)
texts = st.text("aZ09._-+: é語\x00", max_size=80)
specs = st.dictionaries(st.sampled_from(["Type", "Count", "Tasks", "Priority", "Name"]), values, max_size=4).map(
    lambda spec: {name: (item if name != "Name" else "n") for name, item in spec.items()}
)
stamps = st.tuples(specs, st.integers(1, 2), st.sampled_from([Epoch(1, 0, 1), Epoch(1, 0, 2)]))


def stamp(one):
    spec, slot, epoch = one
    job = identity.stamp(
        spec,
        ref=TaskRef("d", "dag", "run", "task"),
        epoch=epoch,
        slot=slot,
        lifetime="task",
        fp=identity.fingerprint(spec),
    )
    return job["Name"], json.dumps(job)


@given(stamps, stamps)
def test_equal_bytes_are_equal_names_and_the_other_way_round(left, right):
    """One name for two contents is an update of a running job; two names for one content are two jobs."""
    (name, content), (other_name, other_content) = stamp(left), stamp(right)
    assert (content == other_content) == (name == other_name)


@given(texts, texts, st.text("aZ0._-+:é語 ", max_size=300))
def test_prefix_and_labels_fit_the_server_whatever_the_ids(dag, task, run):
    """An id in any script must not make a job that the server refuses or nobody can look up."""
    ref = TaskRef(None, dag, run, task)
    labels = identity.labels_for(ref, Epoch(1, 0, 1), 1, "f", "task")
    assert all(value and len(value) <= 63 and value.isascii() for value in labels.values())
    prefix = identity.name_prefix(None, None, f"{dag}-{task}")
    assert 0 < len(prefix) <= 30
    assert set(prefix) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.integers(0), st.none() | st.integers(0), st.integers(0), st.none() | st.integers(0))
def test_epochs_survive_their_label(born, clear, tries, retries):
    """An epoch that changes on the way is never adopted."""
    epoch = Epoch(born, clear, tries, retries)
    assert Epoch.parse(epoch.text) == epoch
    assert epoch.may_adopt(epoch)
    assert not epoch.older_than(epoch)
