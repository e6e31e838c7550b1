"""Log frames to lines, and what may be shown of a log and for how long.

A frame is any chunk of one stream: a line may come in pieces, one frame may hold many lines, and only what has been
ended by a newline is a line. Nothing of this may delay or change a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

STDOUT, STDERR = 1, 2
TAIL_LINES = 20
LONGEST_LINE = 16_384

FIRST_FRAME_SECONDS = 5.0
"""A live stream that gives no frame for so long is closed, and not opened again on that node."""

AFTER_VERDICT_SECONDS = 10.0
"""How long reading a log may go on after the verdict."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a job's output without its newline; `stream` is 1 (stdout) or 2 (stderr)."""

    stream: int
    text: str


@dataclass(frozen=True, slots=True)
class LineAssembler:
    """Frames of both streams to whole lines. A value: feeding gives a new one, and it survives as plain JSON."""

    open: Mapping[int, str] = field(default_factory=dict)

    def feed(self, stream: int, text: str) -> tuple[LineAssembler, tuple[Line, ...]]:
        """Add one frame; returns the assembler that goes on, and the lines that are complete now."""
        *whole, rest = (self.open.get(stream, "") + text).split("\n")
        lines = [Line(stream, piece) for line in whole for piece in _pieces(line.removesuffix("\r"))]
        while len(rest) > LONGEST_LINE:  # a program that never ends its line must not grow without bound
            lines.append(Line(stream, rest[:LONGEST_LINE]))
            rest = rest[LONGEST_LINE:]
        kept = {name: part for name, part in self.open.items() if name != stream}
        return replace(self, open={**kept, stream: rest} if rest else kept), tuple(lines)

    def flush(self) -> tuple[Line, ...]:
        """What is left when the stream has ended: the last lines, which had no newline."""
        return tuple(Line(stream, text) for stream, text in sorted(self.open.items()) if text)

    def to_plain(self) -> dict[str, str]:
        """Plain JSON values."""
        return {str(stream): text for stream, text in self.open.items()}

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> LineAssembler:
        """Read what `to_plain` wrote."""
        return cls({int(stream): str(text) for stream, text in value.items()})


def _pieces(line: str) -> list[str]:
    return [line[i : i + LONGEST_LINE] for i in range(0, len(line), LONGEST_LINE)] or [""]


def lines_of(text: str, stream: int = STDOUT) -> tuple[Line, ...]:
    """A whole output as lines; a final newline adds no empty line."""
    assembler, lines = LineAssembler().feed(stream, text)
    return lines + assembler.flush()


def tail(text: str, count: int = TAIL_LINES) -> str:
    """The last lines of an output; blank lines at its end do not count."""
    return "\n".join(text.rstrip().split("\n")[-count:])


Source = Literal["run_output", "archive", "dump", "none"]


def source_after_verdict(*, truncated: bool, engine: str, published: bool, ran: bool, dump_is_full: bool) -> Source:
    """Where a finished execution's whole output is to be read from.

    :param truncated: its RunOutput says so for a stream; wasm captures less than everything without saying so.
    :param published: it has an archive that can be had.
    :param ran: it ran to an end: others have no output, and their log socket blocks the node's other streams.
    :param dump_is_full: the log of a finished job is the whole log here (1.8+); wasm has none there.
    """
    if not ran:
        return "none"
    complete = not truncated and engine != "wasm"
    if complete:
        return "run_output"
    if published:
        return "archive"
    return "dump" if dump_is_full and engine != "wasm" else "run_output"


def incomplete(shown: int, total: int | None, where: str) -> str:
    """The line that closes a log which is not whole. Sizes in bytes; `where` is a uri without query, or empty."""
    size = "?" if total is None else f"{total:,}"
    full = f"; full output: {where}" if where else ""
    return f"log incomplete ({shown:,} of {size} bytes){full}"


def live_gave_nothing(node: str) -> str:
    """The line for a live stream that stayed silent: a node serves one at a time."""
    silent = f"no log from {node or 'the node'} within {FIRST_FRAME_SECONDS:.0f}s"
    return f"{silent} (a node serves one live stream at a time); the output follows when the job has ended"
