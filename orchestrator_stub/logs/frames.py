"""Frames of the log websocket as the released servers send them (FINDINGS-docker section 8)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from orchestrator_stub.logs.buffer import Chunk, Stream, lossy_text

PIECE = 8192
"""Bytes; a longer write reaches the reader in pieces of this size."""
_GO_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPED = re.compile("[<>&\u2028\u2029]")


def log_frame(stream: Stream, line: str) -> str:
    """The text message that carries one piece of output (1 = stdout, 2 = stderr)."""
    return _dump({"value": {"Type": stream, "Line": line}})


def error_frame(message: str) -> str:
    """The text message that says why there is no log; the server closes after it."""
    return _dump({"error": message, "value": {"Type": 0, "Line": ""}})


def chunk_frames(chunk: Chunk) -> Iterator[str]:
    """Frames of one write: whole as written, long ones in pieces of 8 KiB."""
    for start in range(0, len(chunk.data), PIECE):
        yield log_frame(chunk.stream, lossy_text(chunk.data[start : start + PIECE]))


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
