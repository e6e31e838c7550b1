"""Finding jobs: by full id, by any prefix, by name (fact sheet 6; scenario 25)."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.store.memory import MemoryStore

FULL = "j-02188ade-bb78-4622-9d48-b3d1537005a4"


@pytest.mark.parametrize("ref", [FULL, FULL[:10], FULL[:3], FULL[:-1]])
def test_found_by_id_and_prefix(shelf: Any, ref: str) -> None:
    """Broken: the CLI's short ids do not work."""
    shelf.add(FULL)
    shelf.add("j-48618fee-cc1e-4e24-9d8f-1a4a4d7b776a")
    assert shelf.store.find(ref).job.id == FULL


@pytest.mark.parametrize("ref", ["j-", "j"])
def test_ambiguous_prefix(shelf: Any, ref: str) -> None:
    """Broken: one of several jobs is taken at random."""
    shelf.add(FULL)
    shelf.add()
    with pytest.raises(OrchestratorError, match=f"multiple jobs found for id {ref}") as refused:
        shelf.store.find(ref)
    assert (refused.value.status, refused.value.code, refused.value.hint) == (500, "MultipleJobsFound", "Use full job ID")


def test_no_reference_is_the_beginning_of_every_id(shelf: Any) -> None:
    """Broken: `/jobs//history` answers otherwise than a released server."""
    shelf.add(FULL)
    assert shelf.store.find("").job.id == FULL
    shelf.add()
    with pytest.raises(OrchestratorError, match="multiple jobs found for id "):
        shelf.store.find("")


@pytest.mark.parametrize("ref", ["j-zzzz", "J-", "*", "j-00000000-0000-4000-8000-000000000000", FULL + "0"])
def test_unknown(shelf: Any, ref: str) -> None:
    """Broken: something is found that is not there."""
    shelf.add(FULL)
    with pytest.raises(OrchestratorError, match="job not found: ") as refused:
        shelf.store.find(ref)
    assert (refused.value.status, refused.value.code, refused.value.component) == (404, "NotFound", "JobStore")


def test_full_id_is_no_prefix(shelf: Any) -> None:
    """Broken: a complete id finds a longer one."""
    shelf.add(FULL + "-x")
    with pytest.raises(OrchestratorError):
        shelf.store.find(FULL)


def test_name_beats_id_within_its_namespace(shelf: Any) -> None:
    """Broken: names are not looked up first, or across namespaces (1.8+)."""
    shelf.add(FULL, name="one")
    named = shelf.add(name="j-0218")
    other = shelf.add(name="one", namespace="team")
    assert shelf.store.find("j-0218") is named
    assert shelf.store.find("one", "team") is other
    assert shelf.store.find("j-0218", "team").job.id == FULL


def test_up_to_17_names_find_nothing(nameless: Any) -> None:
    """Broken: old releases find jobs by name."""
    nameless.add(name="one")
    with pytest.raises(OrchestratorError):
        nameless.store.find("one")


def test_taken_id(shelf: Any) -> None:
    """Broken: a second job with the same id replaces the first."""
    shelf.add("my-service")
    with pytest.raises(OrchestratorError, match="job already exists: my-service") as refused:
        shelf.add("my-service")
    assert (refused.value.status, refused.value.code) == (409, "ResourceInUse")


def test_only_live_jobs_are_housekept(shelf: Any) -> None:
    """Broken: housekeeping looks at finished jobs, or forgets one that was updated."""
    live = shelf.add(state=JobState.PENDING)
    shelf.store.put_job(live, live.job)
    assert [r.job.id for r in shelf.store.live()] == [live.job.id]


def test_looking_up_costs_the_same_in_a_full_store(shelf: Any) -> None:
    """Broken: a short id makes the store walk through all jobs."""
    for number in range(20_000):
        shelf.add(f"j-{number * 48271 % 2**31:08x}-0000-4000-8000-{number:012x}")
    ref = f"j-{19_999 * 48271 % 2**31:08x}"
    began = perf_counter()
    for _ in range(100):
        shelf.store.find(ref)
    assert perf_counter() - began < 0.1


def test_followers_hear_of_changes_before_they_happen() -> None:
    """Broken: a replica that lags shows the present, or misses what changed."""
    store = MemoryStore(names=True)
    known = store.add_job(Job("j-old", "old", "default", "batch", 0, 1))
    heard: list[tuple[str, str, int]] = []

    class Ear:
        """Notes what it is told."""

        def adding(self, record: Any) -> None:
            """A new job."""
            heard.append(("added", record.job.id, len(store)))

        def changing(self, record: Any) -> None:
            """A job changes."""
            heard.append((record.job.state, record.job.id, len(record.history)))

        def changing_nodes(self) -> None:
            """A node changes."""
            heard.append(("nodes", "", len(store.nodes)))

    store.followers.append(Ear())
    new = store.add_job(replace(known.job, id="j-new", name="new"))
    store.put_job(new, replace(new.job, state=JobState.RUNNING))
    store.add_history(new, None)
    store.add_history(new, None)
    store.put_node(Node("n-1"))
    store.remove_node("n-1")
    assert heard == [
        ("added", "j-new", 2),
        (known.job.state, "j-new", 0),
        (JobState.RUNNING, "j-new", 0),
        (JobState.RUNNING, "j-new", 1),
        ("nodes", "", 0),
        ("nodes", "", 1),
    ]
