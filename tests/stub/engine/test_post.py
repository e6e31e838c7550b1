"""Messages between the orchestrator and nodes that may be out of touch."""

from __future__ import annotations

from functools import partial

from orchestrator_stub.engine.post import Post


def test_what_is_sent_while_a_node_is_away_arrives_in_order_when_it_is_back() -> None:
    """Broken: a job's end is lost with its node's connection, or overtakes its beginning."""
    post, arrived = Post(), []
    post.send("a", partial(arrived.append, 1))
    post.cut("a")
    post.cut("a")
    for number in (2, 3):
        post.send("a", partial(arrived.append, number))
    post.send("b", partial(arrived.append, 9))
    assert arrived == [1, 9]
    post.restore("a")
    post.send("a", partial(arrived.append, 4))
    assert arrived == [1, 9, 2, 3, 4]
    post.restore("a")
    assert arrived == [1, 9, 2, 3, 4]


def test_what_is_cleared_never_arrives_and_who_is_away_stays_away() -> None:
    """Broken: after a reset a node hears of jobs that are gone, or is in touch again."""
    post, arrived = Post(), []
    post.cut("a")
    post.send("a", partial(arrived.append, 1))
    post.clear()
    post.send("a", partial(arrived.append, 2))
    assert arrived == []
    post.restore("a")
    assert arrived == [2]
