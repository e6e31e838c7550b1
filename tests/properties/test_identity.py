"""The name is the address of the content: equal bytes <=> equal name (T18)."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bacalhau.lifecycle import identity
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef
from airflow_provider_bacalhau.lifecycle.wire import for_server
from airflow_provider_bacalhau.models.capabilities import Capabilities

TASK = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "a"}}, "Env": {"DAY": "1"}}
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("abé\u2028", max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("Ab", max_size=3), inner, max_size=2),
    max_leaves=4,
)
texts = st.text("aZ09._-+: é語\x00", max_size=80)
specs = st.dictionaries(st.sampled_from(["Type", "Count", "Tasks", "Priority", "Name"]), values, max_size=4).map(
    lambda spec: {name: (item if name != "Name" else "n") for name, item in spec.items()}
)
pods = st.fixed_dictionaries({"Namespace": st.sampled_from(["default", "etl"]), "Tasks": st.just([TASK])})
SERVERS = [Capabilities.from_version(version) for version in ("v1.5.2", "v1.7.0", "v1.9.3")]
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
    """One name for two contents is an update of a running job; two names for one content are two jobs (T18)."""
    (name, content), (other_name, other_content) = stamp(left), stamp(right)
    assert (content == other_content) == (name == other_name)


@given(pods, pods, st.sampled_from(SERVERS), st.sampled_from(SERVERS))
def test_namespace_and_the_place_of_the_environment_are_part_of_the_name(left, right, server, other):
    """A provider or a server that was upgraded between two tries would restart the running job with other bytes, where
    it has to be seen as another job that does the same (T18)."""
    one, two = for_server(left, server), for_server(right, other)
    (name, content), (other_name, other_content) = stamp((one, 1, Epoch(1, 0, 1))), stamp((two, 1, Epoch(1, 0, 1)))
    assert (content == other_content) == (name == other_name)
    assert (identity.fingerprint(left) == identity.fingerprint(right)) == (left == right)
    if left["Namespace"] != right["Namespace"]:
        assert name != other_name


def test_an_environment_in_another_place_is_another_name():
    """The property above could compare equal things only (T18)."""
    job = {"Type": "batch", "Tasks": [TASK]}
    names = {stamp((for_server(job, server), 1, Epoch(1, 0, 1)))[0] for server in SERVERS}
    assert len(names) > 1


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
