"""Bodies in AWS's own chunks (`aws-chunked`), each signed or none, with checksums behind them (sans IO).

A chunk is its size in hexadecimal digits, perhaps `;chunk-signature=...`, CRLF, the data, CRLF; the last one is empty
and is followed by trailing headers (S3's documentation, "Signature calculations: transferring payload in chunks").
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from orchestrator_stub.s3.errors import incomplete_body
from orchestrator_stub.s3.signature import Signer, mismatch

_LONGEST_LINE = 8192
_EMPTY = hashlib.sha256().hexdigest()
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class Seal:
    """Signatures of chunks, each of which continues the one before."""

    def __init__(self, signer: Signer) -> None:
        """`signer`: of the request's head, by version 4, whose signature is the first."""
        assert signer.claim is not None
        self._signer, self._claim = signer, signer.claim
        self._last = self._claim.signature
        self._hash: Any = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Data of the chunk."""
        self._hash.update(data)

    def check_chunk(self, signature: str) -> None:
        """The chunk has ended. Raises Refusal when it is not what was signed."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", signature, f"{_EMPTY}\n{self._hash.hexdigest()}")
        self._hash = hashlib.sha256()

    def check_trailer(self, trailer: dict[str, str]) -> None:
        """All has ended. Raises Refusal when the trailing headers are not what was signed."""
        signed = "".join(f"{name}:{value}\n" for name, value in trailer.items() if name != _TRAILER_SIGNATURE)
        digest = hashlib.sha256(signed.encode()).hexdigest()
        self._check("AWS4-HMAC-SHA256-TRAILER", trailer.get(_TRAILER_SIGNATURE, ""), digest)

    def _check(self, kind: str, signature: str, digest: str) -> None:
        scope = self._claim.scope
        text = f"{kind}\n{self._claim.stamp}\n{scope.day}/{scope.region}/s3/aws4_request\n{self._last}\n{digest}"
        self._last = self._signer.sign(text)
        if not hmac.compare_digest(self._last.encode(), signature.encode()):
            raise mismatch(scope.access_key, text, signature)


class ChunkedBody:
    """Takes the chunks off a body, whatever pieces it comes in."""

    def __init__(self, seal: Seal | None, *, seals_trailer: bool = False) -> None:
        """`seal`: None for chunks that are not signed."""
        self.trailer: dict[str, str] = {}
        """Headers after the last chunk, names in lower case; whole after `end`."""
        self._seal = seal
        self._seals_trailer = seals_trailer
        self._line = bytearray()
        self._left = 0
        """Bytes of the chunk that are still to come."""
        self._signature = ""
        self._take = self._size

    def feed(self, data: bytes) -> bytes:
        """Bytes of the object among the next bytes of the body.

        :raises Refusal: no chunk, or not the one that was signed
        """
        found = []
        view = memoryview(data)
        while view:
            if self._left:
                part = bytes(view[: self._left])
                self._left -= len(part)
                view = view[len(part) :]
                found.append(part)
                if self._seal is not None:
                    self._seal.update(part)
                continue
            view = self._read_line(view)
        return b"".join(found)

    def end(self) -> None:
        """The body has ended.

        :raises Refusal: before its last chunk, or the trailing headers are not what was signed
        """
        if self._take != self._trailing:
            raise incomplete_body()
        if self._line:
            self._trailing(bytes(self._line))
        if self._seal is not None and self._seals_trailer:
            self._seal.check_trailer(self.trailer)

    def _read_line(self, view: memoryview) -> memoryview:
        end = bytes(view[:_LONGEST_LINE]).find(b"\n")
        self._line += view[: end + 1] if end >= 0 else view[:_LONGEST_LINE]
        if len(self._line) > _LONGEST_LINE:
            raise incomplete_body()
        if end < 0:
            return view[_LONGEST_LINE:]
        line = bytes(self._line).rstrip(b"\r\n")
        self._line.clear()
        self._take(line)
        return view[end + 1 :]

    def _size(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        try:
            self._left = int(size.decode("ascii"), 16)
        except ValueError:
            raise incomplete_body() from None
        if self._left < 0:
            raise incomplete_body()
        name, _, signature = extension.decode("latin-1").partition("=")
        self._signature = signature if name == "chunk-signature" else ""
        if self._left:
            self._take = self._after
        else:
            self._check()
            self._take = self._trailing

    def _after(self, line: bytes) -> None:
        if line:
            raise incomplete_body()
        self._check()
        self._take = self._size

    def _check(self) -> None:
        if self._seal is not None:
            self._seal.check_chunk(self._signature)

    def _trailing(self, line: bytes) -> None:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            self.trailer[name.strip().lower()] = value.strip()
