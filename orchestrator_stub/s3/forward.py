"""What the server behind the gate is asked: the client's request, in path style and without its signature (pure)."""

from __future__ import annotations

import urllib.parse

from orchestrator_stub.s3.request import Pairs, Request

_SIGNING = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)
HOPS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of a connection, not of what passes through it."""
_SIGNING_2 = frozenset({"awsaccesskeyid", "signature", "expires", "content-type", "content-md5"})
"""Parameters that only signature version 2 needs."""
_CHUNKED = "aws-chunked"
_CHECKSUM = "x-amz-checksum-"
_ALGORITHM = "x-amz-sdk-checksum-algorithm"
_OF_CHUNKS = frozenset({"x-amz-decoded-content-length", "x-amz-trailer"})


def forwarded_target(request: Request) -> str:
    """The target in path style, without what a pre-signed request says in its query instead of in headers."""
    path = f"/{urllib.parse.quote(request.bucket)}{request.path}" if request.is_virtual else request.path
    pairs = (pair for pair in request.query.split("&") if pair)
    kept = "&".join(pair for pair in pairs if not (request.is_presigned and _is_said_in_headers(pair)))
    return f"{path}?{kept}" if kept else path


def settled_headers(request: Request) -> Pairs:
    """The headers, and those that a pre-signed request says in its query (`x-amz-acl`, `x-amz-checksum-mode`)."""
    if not request.is_presigned:
        return request.headers
    sent = {name for name, _ in request.headers}
    said = ((name.lower(), value) for name, value in request.parameters)
    hoisted = ((name, value) for name, value in said if name.startswith("x-amz-") and name not in _SIGNING | sent)
    return (*request.headers, *hoisted)


def forwarded_headers(headers: Pairs, *, length: int | None, region: str) -> Pairs:
    """Headers for the server behind.

    :param headers: settled, with the conditions as that server is told them
    :param length: bytes of the body without AWS's chunks; None = no body
    :param region: that was signed for; "" = none was
    """
    left_out = HOPS | _SIGNING | _OF_CHUNKS | {"authorization", "content-encoding"}
    kept = [(name, value) for name, value in headers if name not in left_out]
    encodings = (part.strip() for name, value in headers if name == "content-encoding" for part in value.split(","))
    encoding = ",".join(part for part in encodings if part and part != _CHUNKED)
    algorithm = _algorithm(headers)
    return (
        ("host", "localhost"),
        *kept,
        *((("authorization", credential(region)),) if region else ()),
        *((("content-encoding", encoding),) if encoding else ()),
        *(((_ALGORITHM, algorithm),) if algorithm else ()),
        *((("content-length", str(length)),) if length is not None else ()),
    )


def credential(region: str) -> str:
    """A header that tells the region; the server behind verifies nothing."""
    scope = f"stub/20250101/{region}/s3/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def _algorithm(headers: Pairs) -> str:
    """Kind of the checksum that the object is to be kept with, when only the checksum itself says it; else ""."""
    names = {name for name, _ in headers}
    if _ALGORITHM in names:
        return ""
    trailing = {part.strip().lower() for name, value in headers if name == "x-amz-trailer" for part in value.split(",")}
    found = (name.removeprefix(_CHECKSUM) for name in names | trailing if name.startswith(_CHECKSUM))
    return next((kind.upper() for kind in found if kind not in ("mode", "type", "algorithm")), "")


def _is_said_in_headers(pair: str) -> bool:
    name = urllib.parse.unquote_plus(pair.partition("=")[0]).lower()
    return name.startswith("x-amz-") or name in _SIGNING_2
