"""Lists as the hook returns them: the server's own answer, whole unless a limit asks for one page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_bacalhau.models.responses import Page


EVERY_NODE = 100_000
"""A limit that no cluster reaches: servers of the old documentation send ten nodes unless told."""


def collect(
    fetch: Callable[[str | None], Page[Any]],
    *,
    limit: int | None,
    next_token: str | None,
    key: str = "Items",
    shown: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> dict[str, Any]:
    """`{"NextToken": ..., key: [...]}`, keys as in 1.9.3.

    With a limit it is one page, and NextToken leads to the next one. Without, pages are followed to the end; then
    NextToken is empty, but for the history of a job that still runs, where it leads to what will happen.

    :param fetch: gets the page that a token leads to.
    :param shown: last change of each item.
    """
    items: list[dict[str, Any]] = []
    token = next_token
    while True:
        page = fetch(token)
        items += [shown(item.to_plain()) for item in page.items]
        following = page.following(token) if page.items else None
        if limit or following is None:
            return {"NextToken": page.next_token or "", key: items}
        token = following
