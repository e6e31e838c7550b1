"""Signature version 2, which S3 still takes and which boto3 signs URLs with unless told otherwise (pure).

There is no scope and no list of signed headers: bucket, object, a few parameters and all `x-amz-` headers are signed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator_stub.domain.moment import rfc3339
from orchestrator_stub.s3.errors import access_denied, invalid_argument
from orchestrator_stub.s3.request import Request

_SECOND = 1_000_000_000
_LAST = 2**31 - 1
"""The latest second that S3 takes for a date."""
_INCOMPLETE = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"


@dataclass(frozen=True, slots=True)
class OldClaim:
    """What a request says of its signature of version 2."""

    access_key: str
    date: str
    """The line that is signed as its date: of a URL the second when it expires."""
    signature: str
    token: str = ""
    """Of a session; "" = none."""


def presigned_claim_2(request: Request, now: int) -> OldClaim:
    """What a URL with `Signature` claims.

    :param now: unix nanoseconds
    :raises Refusal: incomplete, or too late
    """
    access_key, expires = request.parameter("AWSAccessKeyId"), request.parameter("Expires")
    if access_key is None or expires is None:
        raise access_denied(_INCOMPLETE)
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", expires) or int(expires) > _LAST:
        raise access_denied(f"Invalid date (should be seconds since epoch): {expires}")
    if now > int(expires) * _SECOND:
        times = (("Expires", _shown(int(expires))), ("ServerTime", _shown(now // _SECOND)))
        raise access_denied("Request has expired", *times)
    token = request.header("x-amz-security-token") or request.parameter("x-amz-security-token") or ""
    return OldClaim(access_key, expires, request.parameter("Signature") or "", token)


def header_claim_2(request: Request, value: str) -> OldClaim:
    """What `Authorization: AWS KEY:SIGNATURE` claims.

    :param value: behind the scheme
    :raises Refusal: malformed, or without a date
    """
    access_key, colon, signature = value.strip().partition(":")
    if not colon or not signature or ":" in signature:
        message = "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"
        raise invalid_argument(message, "Authorization", request.header("authorization"))
    date = "" if request.header("x-amz-date") else request.header("date")
    if date is None:
        raise access_denied("AWS authentication requires a valid Date or x-amz-date header")
    return OldClaim(access_key, date, signature, request.header("x-amz-security-token") or "")


def _shown(second: int) -> str:
    return rfc3339(max(second, 0) * _SECOND, digits=0)
