"""Edit scripts and their groups; what go-cmp makes of them as a whole is in test_diff."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator_stub.wire.diff_edits import edit_script, edits_of, grouped, smoothed, trimmed_groups
from orchestrator_stub.wire.diff_text import Stats


def applied(script, old, new):
    """The old list after all edits, and what the script leaves of the old one."""
    x = y = 0
    result = []
    for edit in script:
        if edit in "=~-":
            x += 1
        if edit in "=~+":
            result.append(old[x - 1] if edit == "=" else new[y])
            y += 1
    return result, old[x:]


@given(st.text("abc", max_size=40), st.text("abc", max_size=40))
def test_a_script_makes_the_new_list_of_the_old_one(old, new):
    """A diff would lose a change or tell one that is none."""
    script = edit_script(old, new)
    assert applied(script, old, new) == (list(new), "")
    assert (set(script) <= {"="}) is (old == new)


def test_what_is_common_is_found_from_both_ends():
    """Everything behind an inserted line would count as changed."""
    assert "".join(edit_script("abcdef", "abXcdef")) == "==+===="
    assert "".join(edit_script("abcdef", "bcdefg")) == "-=====+"
    assert "".join(edit_script("abc", "")) == "---"
    assert "".join(edit_script("", "ab")) == "++"


def test_members_that_are_alike_are_changed_others_replaced():
    """A changed input would be told as one that went and another that came."""

    def script(answer):
        search = edits_of(1, 1)
        try:
            next(search)
            while True:
                search.send(answer)
        except StopIteration as done:
            return "".join(done.value)

    assert script((1, 0)) == "="
    assert script((1, 2)) == "~"
    assert script((1, 3)) == "-+"


@given(st.text("ab", max_size=60), st.text("ab", max_size=60), st.integers(0, 4))
def test_groups_never_lose_a_member(old, new, window):
    """Pieces of a text would be missing in its diff."""
    groups = trimmed_groups(smoothed(grouped("byte", edit_script(old, new)), window), old, new)
    assert sum(group.same + group.removed + group.changed for group in groups) == len(old)
    assert sum(group.same + group.added + group.changed for group in groups) == len(new)
    x = y = 0
    for group in groups:
        if not group.differing:
            assert old[x : x + group.same] == new[y : y + group.same]
        x, y = x + group.same + group.removed + group.changed, y + group.same + group.added + group.changed


def test_short_stretches_of_what_is_the_same_join_the_changes_around_them():
    """A changed sentence would be torn to single letters."""
    groups = [Stats("byte", removed=3, added=1), Stats("byte", same=2), Stats("byte", removed=1, added=1), Stats("byte", same=9)]
    assert smoothed(groups, 2) == [Stats("byte", same=2, removed=4, added=2), Stats("byte", same=9)]
    assert smoothed(groups, 1) == groups
    assert len(smoothed([Stats("byte", removed=3), Stats("byte", same=1), Stats("byte", removed=1)], 9)) == 3
