"""The body of a request on its way in: how long it is, without AWS's chunks, and whether it is whole (sans IO)."""

from __future__ import annotations

from orchestrator_stub.s3.chunked import ChunkedBody, Seal
from orchestrator_stub.s3.claim import SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED
from orchestrator_stub.s3.digests import Digests
from orchestrator_stub.s3.errors import incomplete_body, missing_length, not_implemented
from orchestrator_stub.s3.request import Pairs, Request
from orchestrator_stub.s3.signature import Signer

_COPY = "x-amz-copy-source"


class Intake:
    """What one body is turned into."""

    def __init__(self, request: Request, headers: Pairs, signer: Signer | None) -> None:
        """From the head of a request.

        :param headers: settled, see `forward.settled_headers`
        :param signer: None for a request that needs no signature
        :raises Refusal: a body of unknown length, or a sum that is none
        """
        first = dict(reversed(headers))
        payload = signer.payload if signer is not None else UNSIGNED
        self._chunks = _chunks(payload, signer)
        self.length = _length(request, first, is_chunked=self._chunks is not None)
        """Bytes of the object; None when there is no body."""
        is_completion = request.method == "POST" and request.asks("uploadId")
        self._digests = Digests(first, payload, with_checksums=not is_completion)
        self._seen = 0

    def feed(self, data: bytes) -> bytes:
        """Bytes of the object among the next bytes of the body.

        :raises Refusal: more than announced, or chunks that are none or not the signed ones
        """
        piece = self._chunks.feed(data) if self._chunks is not None else data
        self._seen += len(piece)
        if self._seen > (self.length or 0):
            raise incomplete_body()
        self._digests.update(piece)
        return piece

    def end(self) -> None:
        """The body has ended.

        :raises Refusal: less than announced, or not what the client's sums say
        """
        trailer = {}
        if self._chunks is not None:
            self._chunks.end()
            trailer = self._chunks.trailer
        if self._seen != (self.length or 0):
            raise incomplete_body()
        self._digests.check(trailer)


def _chunks(payload: str, signer: Signer | None) -> ChunkedBody | None:
    if signer is None or not payload.startswith("STREAMING-"):
        return None
    seal = Seal(signer) if payload in (SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER) else None
    return ChunkedBody(seal, seals_trailer=payload == SIGNED_CHUNKS_TRAILER)


def _length(request: Request, headers: dict[str, str], *, is_chunked: bool) -> int | None:
    if is_chunked:
        decoded = headers.get("x-amz-decoded-content-length", "")
        if not (decoded.isascii() and decoded.isdigit()):
            raise missing_length()
        return int(decoded)
    if "transfer-encoding" in headers:
        raise not_implemented("Transfer-Encoding")
    if "content-length" in headers:
        return int(headers["content-length"])
    if request.stores and _COPY not in headers:
        raise missing_length()
    return None
