"""ChecksumSHA256: of the object, or of its parts' checksums."""

from __future__ import annotations

import base64
import hashlib

import pytest

from airflow_provider_bacalhau.results.checksum import MEBIBYTE, verify

LARGE = bytes(range(256)) * (12 * 4096)
OTHER = bytes(LARGE[:-1]) + b"!"


def whole(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def composite(data, part, suffix=True):
    parts = [hashlib.sha256(data[at : at + part]).digest() for at in range(0, len(data), part)]
    return whole(b"".join(parts)) + (f"-{len(parts)}" if suffix else "")


@pytest.fixture
def file(tmp_path):
    def write(data):
        path = tmp_path / "x"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize(
    ("data", "checksum", "said"),
    [
        (b"small", whole(b"small"), "verified"),
        (b"", whole(b""), "verified"),
        (b"small", composite(b"small", 5 * MEBIBYTE), "verified"),
        (b"small", whole(b"other"), "mismatch"),
        (b"small", composite(b"other", 5 * MEBIBYTE), "mismatch"),
        (LARGE, whole(LARGE), "verified"),
        (LARGE, composite(LARGE, 5 * MEBIBYTE), "verified"),
        (LARGE, composite(LARGE, 5 * MEBIBYTE, suffix=False), "verified"),
        (LARGE, composite(LARGE, 8 * MEBIBYTE), "verified"),
        (OTHER, composite(LARGE, 5 * MEBIBYTE), "mismatch"),
        (LARGE, composite(LARGE, 7 * MEBIBYTE), "unverified"),
        (LARGE, composite(LARGE, 7 * MEBIBYTE, suffix=False), "unverified"),
        (LARGE[: 10 * MEBIBYTE], composite(LARGE[: 10 * MEBIBYTE], 5 * MEBIBYTE), "verified"),
        (b"small", "", "unverified"),
        (b"small", "not base64!", "unverified"),
        (b"small", "c2hvcnQ=", "unverified"),
        (b"small", whole(b"small") + "-x", "unverified"),
    ],
    ids=range(17),
)
def test_what_a_checksum_says(file, data, checksum, said):
    """Damage would go unnoticed, or a good result would fail for a checksum nobody can recompute."""
    if data is LARGE and checksum == composite(LARGE, 7 * MEBIBYTE):
        assert checksum.endswith("-2"), "Bacalhau would have made three parts of this"
    assert verify(file(data), checksum) == said
