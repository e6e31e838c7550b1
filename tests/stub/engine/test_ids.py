"""Identifiers look like the servers' and repeat with a seed."""

from __future__ import annotations

import re
import uuid

from orchestrator_stub.engine.ids import Ids


def test_ids_are_version_4_uuids_with_a_letter() -> None:
    """Broken: clients that check ids refuse them."""
    ids = Ids(1)
    for text, head in ((ids.job(), "j-"), (ids.execution(), "e-"), (ids.node(), "n-"), (ids.evaluation(), "")):
        assert text.startswith(head)
        parsed = uuid.UUID(text.removeprefix(head))
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_a_seed_repeats_and_no_seed_does_not() -> None:
    """Broken: a run cannot be repeated, or a restarted stub gives out the same ids again."""
    assert [Ids(5).job() for _ in range(2)] == [Ids(5).job()] * 2
    assert Ids().job() != Ids().job()


def test_nodes_of_the_document_are_peer_ids() -> None:
    """Broken: a node of `docs` is not called as the page calls it."""
    assert re.fullmatch("Qm[1-9A-HJ-NP-Za-km-z]{44}", Ids(1, page_style=True).node())
    assert re.fullmatch("[0-9a-f]{64}", Ids(1).hash64())


def test_a_row_of_luck_is_what_single_draws_would_be_read_or_not() -> None:
    """Broken: with the same seed other nodes are chosen, hanging on which looks at jobs asked for a choice."""
    single, row = Ids(7), Ids(7)
    for number, is_read in ((1, True), (3, False), (1000, True), (1000, False), (0, False), (17, False)):
        drawn = [single.luck(5) for _ in range(number)]
        luck = row.lucks(5, number)
        if is_read:
            assert (list(luck), list(luck)) == (drawn, drawn)
        luck.spend()
        luck.spend()
        assert single.job() == row.job()


def test_each_purpose_has_randomness_of_its_own() -> None:
    """Broken: a client that brings its own request ids gets other job ids than one that does not."""
    ids = Ids(5)
    drawn = ids.source("request ids").randbytes(8)
    assert ids.job() == Ids(5).job()
    assert drawn == Ids(5).source("request ids").randbytes(8)
    assert drawn != Ids(5).source("tokens").randbytes(8)
    assert drawn != Ids(6).source("request ids").randbytes(8)
    assert Ids().source("tokens").randbytes(8) != Ids().source("tokens").randbytes(8)


def test_what_had_a_name_before_a_restart_keeps_it() -> None:
    """Broken: nodes are called otherwise after a restart, or a node that is added later gets the name of another."""
    ids = Ids(5)
    ids.remember(["n-1", "n-2"], own="n-0", instance="ab")
    assert [ids.node(), ids.node(own=True), ids.node()] == ["n-1", "n-0", "n-2"]
    assert ids.node() == Ids(5).node(), "what was remembered is used up, and nothing was drawn for it"
    assert ids.instance() == "ab"
    fresh = Ids(5)
    assert fresh.instance() == fresh.instance() == Ids(5).hash64()
