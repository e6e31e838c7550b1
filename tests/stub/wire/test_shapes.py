"""The choice between the released servers' shapes and the document's."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.job import Job, SpecConfig
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.wire.shapes import shapes_of

JOB = Job("j-1", "n", "default", "batch", 0, 1)


def keys(release_name):
    """Top-level keys of every list, in order."""
    shapes = shapes_of(RELEASES[release_name])
    return [
        list(answer)
        for answer in (
            shapes.jobs([JOB], "t"),
            shapes.executions([]),
            shapes.history([]),
            shapes.results([SpecConfig()]),
            shapes.nodes([Node("n-1")], ""),
        )
    ]


@pytest.mark.parametrize("release_name", [name for name in RELEASES if name != "docs"])
def test_released_servers_call_everything_items_but_nodes(release_name):
    """A client would find an empty list where the items have another name."""
    assert keys(release_name) == [["NextToken", "Items"]] * 4 + [["NextToken", "Nodes"]]


def test_the_document_names_each_list(page):
    """The page's examples would not work as printed."""
    printed = [list(page[name]) for name in ("list_jobs", "job_executions", "job_history", "job_results", "list_nodes")]
    assert keys("docs") == printed


def test_the_document_always_indents():
    """`curl` would not show what the page shows."""
    assert (shapes_of(RELEASES["docs"]).pretty, shapes_of(RELEASES["1.9.3"]).pretty) == (True, False)
