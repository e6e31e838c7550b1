"""Comparing what arrived with the SHA-256 that the publisher noted.

Bacalhau uploads in parts of 5 MB, so the noted value may be that of the whole object, or a checksum of the parts'
checksums: with the suffix "-N" (N parts) as AWS writes it, or without.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Literal

MEBIBYTE = 1 << 20
PART_SIZES = (5 * MEBIBYTE, 8 * MEBIBYTE, 16 * MEBIBYTE)
"""Bacalhau's (the default of AWS's Go SDK), then those of other common uploaders."""

Check = Literal["verified", "mismatch", "unverified"]


def verify(path: Path, checksum: str) -> Check:
    """Compare a file with a ChecksumSHA256.

    "mismatch" is said only when no reading of the checksum could be right: a wrong whole-object checksum of a file
    that fits one part, or a wrong composite with the number of parts that Bacalhau makes of this size. Everything else
    that does not match is "unverified" (its part size is not known), as is a missing or garbled checksum.
    """
    value, _, count = checksum.partition("-")
    try:
        expected = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "unverified"
    if len(expected) != hashlib.sha256().digest_size or (count and not count.isdecimal()):
        return "unverified"
    size = path.stat().st_size
    if not count and _digest(path) == expected:
        return "verified"
    sizes = [part for part in PART_SIZES if not count or _parts(size, part) == int(count)]
    if any(_composite(path, part) == expected for part in sizes):
        return "verified"
    certain = size <= PART_SIZES[0] if not count else _parts(size, PART_SIZES[0]) == int(count)
    return "mismatch" if certain else "unverified"


def _parts(size: int, part: int) -> int:
    return max(1, -(-size // part))


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _composite(path: Path, part: int) -> bytes:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while True:
            digest, left = hashlib.sha256(), part
            while left and (chunk := file.read(min(MEBIBYTE, left))):
                digest.update(chunk)
                left -= len(chunk)
            if left < part or not file.tell():
                whole.update(digest.digest())
            if left:
                return whole.digest()
