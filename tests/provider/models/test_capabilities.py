"""What a server can do, by the version it announces."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.capabilities import UNKNOWN, Capabilities


@pytest.mark.parametrize(("version", "completed"), [("v1.1.0", 7), ("v1.5.2", 9), ("v1.7.0", 9), ("1.9.3", 9)])
def test_the_integers_of_a_compute_state_depend_on_the_release(version, completed):
    """A completed execution of 1.1.0 would look as if it were publishing (FINDINGS-1.1.0 2)."""
    facts = Capabilities.from_version(version)
    names = [facts.compute_state(completed + step) for step in range(3)]
    assert names == ["Completed", "Failed", "Cancelled"]


@pytest.mark.parametrize(
    ("version", "names", "env", "module_path", "full_logs", "page"),
    [
        ("v1.1.0", False, False, False, False, True),
        ("v1.5.2", False, False, False, False, False),
        ("v1.6.3", False, False, False, False, False),
        ("v1.6.5", False, True, False, False, False),
        ("v1.7.0", False, True, True, False, False),
        ("v1.8.0", True, True, True, True, False),
        ("v1.9.3", True, True, True, True, False),
    ],
)
def test_each_release_has_its_facts(version, names, env, module_path, full_logs, page):
    """A spec or a submission would be made for another server than the one that answers."""
    facts = Capabilities.from_version(version)
    assert (facts.unique_names, facts.env_in_task, facts.wasm_module_path) == (names, env, module_path)
    assert (facts.logs_after_end_full, facts.docs_shapes) == (full_logs, page)
    assert facts.known
    assert facts.warning is None
    assert facts.release == version[1:]


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v1.5.2", ("None", "Full", "HTTP")),
        ("v1.6.5", ("None", "Host", "HTTP", "Bridge")),
        ("v1.7.0", ("Default", "None", "Host", "Full", "HTTP", "Bridge")),
    ],
)
def test_network_words(version, words):
    """A job would be refused with "unknown type" (fact sheet 3.7)."""
    assert Capabilities.from_version(version).network_words == words


@pytest.mark.parametrize("version", [None, "", "latest", "v0.0.0-xxxxxxx"])
def test_a_missing_or_garbled_version_means_the_cautious_protocol(version):
    """A server behind a proxy that strips headers would be promised unique names."""
    facts = Capabilities.from_version(version)
    assert facts == UNKNOWN
    assert not facts.known
    assert not facts.unique_names
    assert facts.compute_state(9) == "Completed"
    assert "announces no usable version" in facts.warning


@pytest.mark.parametrize("version", ["v1.10.0", "v2.0.0-rc1"])
def test_a_newer_release_is_treated_like_the_newest_known_with_a_warning(version):
    """An upgraded server would be treated like the oldest, or silently."""
    facts = Capabilities.from_version(version)
    assert facts.unique_names
    assert not facts.known
    assert "treated like 1.9.3" in facts.warning


def test_a_later_patch_of_a_known_release_gives_no_warning():
    """Each patch release would fill the logs with a warning."""
    assert Capabilities.from_version("v1.9.7").warning is None


def test_unknown_integers_and_text_survive():
    """A new compute state would break every read of executions."""
    facts = Capabilities.from_version("v1.9.3")
    assert facts.compute_state(42) == "Unknown(42)"
    assert facts.compute_state("Draining") == "Draining"
    assert [facts.desired_state(value) for value in (0, 1, 2, 7)] == ["Pending", "Running", "Stopped", "Unknown(7)"]


def test_list_keys():
    """The names of lists would be unknown to whoever builds a request by hand."""
    assert Capabilities.from_version("v1.1.0").list_keys["jobs"] == "Jobs"
    assert Capabilities.from_version("v1.9.3").list_keys == {
        "jobs": "Items",
        "executions": "Items",
        "history": "Items",
        "results": "Items",
        "nodes": "Nodes",
    }
