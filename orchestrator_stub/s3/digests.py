"""Sums that a client sends with a body, compared with the body while it passes (sans IO)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator_stub.s3.errors import Refusal

CHECKSUM = "x-amz-checksum-"


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_CHECKSUMS: Mapping[str, Any] = {"crc32": _Crc32, "sha1": hashlib.sha1, "sha256": hashlib.sha256}
"""The other kinds (CRC32C, CRC64NVME) have no code in Python's library; they are believed."""


@dataclass(frozen=True, slots=True)
class _Sum:
    name: str
    hash: _Hash
    expected: str | None
    """None: a trailing header will say."""


class Digests:
    """What is to be checked of one body."""

    def __init__(self, headers: Mapping[str, str], payload: str, *, with_checksums: bool) -> None:
        """From a request's head.

        :param payload: what was signed for the body: its SHA-256, or a word
        :param with_checksums: `x-amz-checksum-...` is about this body, not about the object that it makes
        :raises Refusal: the MD5 sum is none
        """
        self._sums: list[_Sum] = []
        if re.fullmatch(r"[0-9a-fA-F]{64}", payload):
            self._sums.append(_Sum("payload", hashlib.sha256(), payload.lower()))
        if "content-md5" in headers:
            _check_md5(headers["content-md5"])
            self._sums.append(_Sum("md5", hashlib.md5(usedforsecurity=False), headers["content-md5"]))
        trailing = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")]
        for kind, make in _CHECKSUMS.items() if with_checksums else ():
            name = CHECKSUM + kind
            if name in headers or name in trailing:
                self._sums.append(_Sum(name, make(), headers.get(name)))

    def update(self, data: bytes) -> None:
        """Further bytes of the body."""
        for each in self._sums:
            each.hash.update(data)

    def check(self, trailer: Mapping[str, str]) -> None:
        """The body has ended. Raises Refusal when it is not the one that was meant."""
        for each in self._sums:
            digest = each.hash.digest()
            found = digest.hex() if each.name == "payload" else base64.b64encode(digest).decode()
            expected = each.expected if each.expected is not None else trailer.get(each.name)
            if expected is not None and found != expected:
                raise _mismatch(each.name, found, expected)


def _check_md5(text: str) -> None:
    try:
        size = len(base64.b64decode(text, validate=True))
    except binascii.Error:
        size = 0
    if size != hashlib.md5(usedforsecurity=False).digest_size:
        message = "The Content-MD5 you specified was invalid."
        raise Refusal(400, "InvalidDigest", message, (("Content-MD5", text),))


def _mismatch(name: str, found: str, expected: str) -> Refusal:
    if name == "payload":
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        members = (("ClientComputedContentSHA256", expected), ("S3ComputedContentSHA256", found))
        return Refusal(400, "XAmzContentSHA256Mismatch", message, members)
    if name == "md5":
        message = "The Content-MD5 you specified did not match what we received."
        digests = (("ExpectedDigest", expected), ("CalculatedDigest", found))
        return Refusal(400, "BadDigest", message, digests)
    kind = name.removeprefix(CHECKSUM).upper()
    return Refusal(400, "BadDigest", f"The {kind} you specified did not match the calculated checksum.")
