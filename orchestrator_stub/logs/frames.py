"""Frames of the log websocket as the released servers send them (FINDINGS-docker section 8)."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator

from orchestrator_stub.logs.buffer import Chunk, lossy_text
from orchestrator_stub.logs.streams import Stream

PIECE = 8192
"""Bytes that a container engine reads at once."""
_GO_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPED = re.compile("[<>&\u2028\u2029]")


def log_frame(stream: Stream, line: str) -> str:
    """The text message that carries one piece of output (1 = stdout, 2 = stderr)."""
    return _dump({"value": {"Type": stream, "Line": line}})


def error_frame(message: str) -> str:
    """The text message that says why there is no log; the server closes after it."""
    return _dump({"error": message, "value": {"Type": 0, "Line": ""}})


def chunk_frames(chunk: Chunk) -> Iterator[str]:
    """Frames of one write, as a container engine logs it: a frame per line, and for what has no line end.

    It reads 8 KiB at once, and cuts a line there (goldens 74, `big-dump`, `line-dump`).
    """
    for start in range(0, len(chunk.data), PIECE):
        for line in io.BytesIO(chunk.data[start : start + PIECE]):
            yield log_frame(chunk.stream, lossy_text(line))


class Misreader:
    """Frames of a running wasm program as nodes up to 1.7 make them (FINDINGS 1 row 11.3).

    They take every other write for the data of the one before: read the header of the first, drop its text, and take
    as many bytes as that had from header and text of the second.
    """

    def __init__(self) -> None:
        self.is_lost = False
        """True after a write that was too short: its frame is an error, and nothing comes after it."""
        self._first: Chunk | None = None

    def __call__(self, chunk: Chunk) -> Iterator[str]:
        """The frame, if any, that one more write leads to."""
        first, self._first = self._first, None
        if first is None:
            self._first = chunk
            return
        wanted = len(first.data)
        data = chunk.stream.to_bytes(4, "little") + len(chunk.data).to_bytes(4, "big") + chunk.data
        if len(data) < wanted:
            self.is_lost = True
            yield error_frame(f"unable to read dataframe data, read {len(data)} wanted {wanted}")
        else:
            yield log_frame(first.stream, lossy_text(data[:wanted]))


def output_frames(stdout: str, stderr: str) -> Iterator[str]:
    """Frames of a finished execution up to 1.7: its RunOutput, stdout then stderr, a frame per line.

    A missing last newline is added and CRLF becomes LF (FINDINGS-docker 8, row `done-*`).
    """
    for stream, text in _streams(stdout, stderr):
        for line in text.removesuffix("\n").split("\n") if text else ():
            yield log_frame(stream, line.removesuffix("\r") + "\n")


def _streams(stdout: str, stderr: str) -> Iterable[tuple[Stream, str]]:
    return ((1, stdout), (2, stderr))


def _dump(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda match: _GO_ESCAPES[match[0]], text) + "\n"
