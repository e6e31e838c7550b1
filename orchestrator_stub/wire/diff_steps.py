"""Functions that call themselves deeper than Python's stack: parameters of a job nest up to 10,000 levels.

Such a function is a generator: it yields the call whose result it needs and gets that result sent back.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")
Steps = Generator["Steps[Any]", Any, T]


def result_of(call: Steps[T]) -> T:
    """What a call returns, with all the calls that it asks for."""
    open_calls: list[Steps[Any]] = [call]
    answer: Any = None
    while True:
        try:
            inner = open_calls[-1].send(answer)
        except StopIteration as done:
            open_calls.pop()
            answer = done.value
            if not open_calls:
                result: T = answer
                return result
        else:
            open_calls.append(inner)
            answer = None
