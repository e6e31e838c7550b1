"""What README.md shows of states and releases is what the code does."""

from __future__ import annotations

import dataclasses

import pytest
import readme

from orchestrator_stub.domain.release import Release


def test_the_readme_is_as_the_code_has_it():
    """People would read about a server that the stub no longer is."""
    text = readme.README.read_text()
    assert readme.renewed(text) == text, "run make readme"


def test_every_state_change_is_in_a_picture():
    """An arrow would be missing from the picture that people learn from."""
    picture = readme.state_diagram()
    for changes in (readme.JOBS, readme.EXECUTIONS):
        for (state, event), after in changes.items():
            (arrow,) = [line for line in picture.splitlines() if line.startswith(f"    {state} --> {after}: ")]
            assert str(event) in arrow.partition(": ")[2].split(", ")


def test_every_difference_has_words_and_a_value_for_each_release():
    """A row of the table would say nothing, or a difference would have no row."""
    head, _, *rows = readme.release_differences().splitlines()
    names = [entry.name for entry in dataclasses.fields(Release) if entry.name not in readme.IDENTITY]
    releases = readme.table.RELEASES.values()
    differing = [name for name in names if any(getattr(each, name) != getattr(readme.table.RELEASES["1.9.3"], name) for each in releases)]
    assert len(rows) == len(differing) > 20
    assert {row.count(" | ") for row in rows} == {head.count(" | ")} == {len(releases)}
    assert all(len(row.split(" | ")[0]) > 12 for row in rows)


def test_a_readme_without_the_place_is_refused():
    """The part would silently vanish from the page."""
    with pytest.raises(ValueError, match="no place for 'states'"):
        readme.renewed("# nothing")
