"""Which fields each release reads."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.wire import schema
from orchestrator_stub.wire.unmarshal import BindError, unmarshal


@pytest.mark.parametrize("release_name", ["1.8.0", "1.9.3"])
def test_a_comparison_has_a_body_of_its_own(release_name):
    """A type error in a dry run would name the request of a submission."""
    with pytest.raises(BindError, match=r"Go struct field DiffJobRequest\.BasePutRequest\."):
        unmarshal(b'{"Namespace": 1}', schema.diff_job(release_name), {})
    assert unmarshal(b'{"Job": null, "Force": 1}', schema.diff_job(release_name), {}) == {"Job": None}


def network(release_name, word):
    """The network word that a release keeps for one that was sent."""
    body = f'{{"Job":{{"Tasks":[{{"Network":{{"Type":"{word}"}}}}]}}}}'.encode()
    return unmarshal(body, schema.put_job(release_name), {})["Job"]["Tasks"][0]["Network"]["Type"]


@pytest.mark.parametrize(
    ("release_name", "word", "kept"),
    [
        ("1.5.2", "full", "Full"),
        ("1.6.5", "Full", "Host"),
        ("1.7.0", " FULL ", "Full"),
        ("1.9.3", "default", "Default"),
        ("docs", "none", "None"),
    ],
)
def test_network_words_are_read_in_any_case(release_name, word, kept):
    """A job would come back with a word that its client cannot decode."""
    assert network(release_name, word) == kept


@pytest.mark.parametrize(("release_name", "word"), [("1.5.2", "Bridge"), ("1.6.5", "Default"), ("1.9.3", "x")])
def test_unknown_network_words_are_refused(release_name, word):
    """A network that the release does not have would be accepted."""
    shown = word.lower() if release_name == "1.6.5" else word
    text = f"models.Network: unknown type '{shown}'"
    with pytest.raises(BindError) as caught:
        network(release_name, word)
    assert str(caught.value) == f"code=400, message={text}, internal={text}"


def test_force_is_only_known_where_names_are_unique():
    """`Force: "yes"` would be refused by servers that never look at it."""
    for name, release in RELEASES.items():
        assert ("force" in schema.put_job(name).table) is release.unique_names


def test_unknown_states_count_as_none():
    """A Go client that sends an unknown state would be refused."""
    body = b'{"Job":{"State":{"StateType":"Nope"}}}'
    assert unmarshal(body, schema.put_job("1.9.3"), {})["Job"]["State"]["StateType"] is JobState.UNDEFINED


def test_only_servers_with_bridge_networks_read_ports():
    """1.5.2 would store ports that it does not know."""
    assert {name: schema._network(name).table.get("ports") is not None for name in ("1.5.2", "1.6.5")} == {
        "1.5.2": False,
        "1.6.5": True,
    }
