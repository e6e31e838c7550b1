"""Frames of the log websocket as the released servers send them (FINDINGS-docker section 8)."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator

from orchestrator_stub.logs.buffer import Chunk, Stream, lossy_text

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


def misread(first: Chunk, second: Chunk) -> tuple[str, bool]:
    """The frame of two writes of a running wasm program up to 1.7, and whether the stream breaks off with it.

    The reader takes every other write for the data of the one before: it reads the header of the first, drops its
    text, and takes as many bytes as that had from header and text of the second (FINDINGS 1 row 11.3).
    """
    wanted = len(first.data)
    data = second.stream.to_bytes(4, "little") + len(second.data).to_bytes(4, "big") + second.data
    if len(data) < wanted:
        return error_frame(f"unable to read dataframe data, read {len(data)} wanted {wanted}"), True
    return log_frame(first.stream, lossy_text(data[:wanted])), False


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
