"""Whose turn it is at a node."""

from __future__ import annotations

from orchestrator_stub.engine.logqueue import LogQueue


def served(queue: LogQueue, node: str, numbers: list[int]) -> list[int]:
    """Those of the visitors whose turn it is."""
    return [number for number in numbers if queue.is_served(node, number)]


def test_one_after_the_other_in_the_order_of_coming() -> None:
    """Broken: two streams of a node run at once, or a later client is served first."""
    queue = LogQueue()
    numbers = [queue.join("n") for _ in range(3)]
    order = []
    while turn := served(queue, "n", numbers):
        order += turn
        queue.leave("n", turn[0])
    assert order == numbers


def test_nodes_have_queues_of_their_own() -> None:
    """Broken: a stream of one node holds up another node's."""
    queue = LogQueue()
    first, second = queue.join("n1"), queue.join("n2")
    assert first != second
    assert queue.is_served("n1", first)
    assert queue.is_served("n2", second)
    assert not queue.is_served("n2", first)


def test_who_goes_while_waiting_is_passed_over() -> None:
    """Broken: a client that went before its turn blocks the node for ever."""
    queue = LogQueue()
    first, second, third = (queue.join("n") for _ in range(3))
    queue.leave("n", second)
    queue.leave("n", second)
    queue.leave("n", first)
    assert served(queue, "n", [first, second, third]) == [third]
    queue.leave("n", third)
    assert queue.is_served("n", queue.join("n"))
