"""Pre-signed URLs (AWS signature version 4, query form), made from the stub's own clock (pure)."""

from __future__ import annotations

import hashlib
import hmac
import urllib.parse
from dataclasses import dataclass, field
from datetime import UTC, datetime

EXPIRES = 900
"""Seconds; what servers sign for when nothing else is configured (FINDINGS 2, row 10.1)."""
_ALGORITHM = "AWS4-HMAC-SHA256"
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials; never shown."""

    access: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def presigned_get(
    url: str, *, keys: Keys, region: str, now: int, expires: int = EXPIRES, with_checksum_mode: bool = False
) -> str:
    """The URL that lets anybody read an object until it expires.

    :param url: of the object, unquoted path, without query
    :param now: unix nanoseconds
    :param expires: seconds
    :param with_checksum_mode: ask for the object's checksum in the answer (1.8+, golden 42)
    """
    parts = urllib.parse.urlsplit(url)
    moment = datetime.fromtimestamp(now // _SECOND, UTC)
    stamp, day = f"{moment:%Y%m%dT%H%M%SZ}", f"{moment:%Y%m%d}"
    scope = f"{day}/{region}/s3/aws4_request"
    query = {
        "X-Amz-Algorithm": _ALGORITHM,
        **({"X-Amz-Checksum-Mode": "ENABLED"} if with_checksum_mode else {}),
        "X-Amz-Credential": f"{keys.access}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires),
        **({"X-Amz-Security-Token": keys.token} if keys.token else {}),
        "X-Amz-SignedHeaders": "host",
        "x-id": "GetObject",
    }
    path = urllib.parse.quote(parts.path, safe="/-_.~")
    canonical_query = "&".join(f"{_quoted(name)}={_quoted(query[name])}" for name in sorted(query))
    request = "\n".join(["GET", path, canonical_query, f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD"])
    text = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signature = _hmac(_signing_key(keys.secret, day, region), text).hex()
    return f"{parts.scheme}://{parts.netloc}{path}?{canonical_query}&X-Amz-Signature={signature}"


def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for word in (day, region, "s3", "aws4_request"):
        key = _hmac(key, word)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="-_.~")
