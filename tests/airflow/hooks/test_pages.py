"""Lists as the hook returns them."""

from __future__ import annotations

from airflow_provider_bacalhau.hooks.pages import collect
from airflow_provider_bacalhau.models.responses import Page


class Item:
    """A model that is a number."""

    def __init__(self, number):
        self.number = number

    def to_plain(self):
        return {"N": self.number}


PAGES = {None: Page((Item(1), Item(2)), "a"), "a": Page((Item(3),), "b"), "b": Page((), "b")}


def numbers(answer, key="Items"):
    """The numbers of a list."""
    return [item["N"] for item in answer[key]]


def test_without_a_limit_the_list_is_whole():
    """A user would work on the first page and think that it is all."""
    answer = collect(PAGES.__getitem__, limit=None, next_token=None)
    assert numbers(answer) == [1, 2, 3]
    assert list(answer) == ["NextToken", "Items"]


def test_a_limit_asks_for_one_page_and_the_way_to_the_next():
    """Paging by hand would not be possible."""
    first = collect(PAGES.__getitem__, limit=2, next_token=None)
    assert (numbers(first), first["NextToken"]) == ([1, 2], "a")
    second = collect(PAGES.__getitem__, limit=2, next_token=first["NextToken"])
    assert numbers(second) == [3]


def test_a_token_that_leads_nowhere_new_ends_the_list():
    """The history of a running job repeats its token for ever, and so would the hook."""
    answer = collect(PAGES.__getitem__, limit=None, next_token="a")
    assert (numbers(answer), answer["NextToken"]) == ([3], "b")


def test_each_item_can_be_shown_differently():
    """Credentials in result URLs would reach XCom."""
    answer = collect(PAGES.__getitem__, limit=1, next_token=None, key="Nodes", shown=lambda item: {"N": -item["N"]})
    assert numbers(answer, "Nodes") == [-1, -2]
