"""URLs that carry their own signature: whether one is complete and valid at a time (pure)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from orchestrator_stub.s3.claim import ALGORITHM, UNSIGNED, Claim, check_signed, moment, parse_scope
from orchestrator_stub.s3.errors import Refusal, access_denied
from orchestrator_stub.s3.request import ALGORITHM_PARAMETER, Request

LONGEST_S = 604_800
"""Seconds; a week, the longest that a URL may be valid."""
EARLY_S = 900
"""Seconds that a URL may be older than its own date, for clocks that differ."""
_SECOND = 1_000_000_000
_OTHERS = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")
_REQUIRED = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
    "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)
_TOO_LONG = (
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
    "604800 seconds"
)


def presigned_claim(request: Request, now: int) -> Claim:
    """What a pre-signed request claims.

    :param now: unix nanoseconds
    :raises Refusal: incomplete, malformed, too early or too late
    """
    given = dict(reversed(request.parameters))  # of two the first counts
    if given[ALGORITHM_PARAMETER] != ALGORITHM:
        raise _malformed('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"')
    if any(name not in given for name in _OTHERS):
        raise _malformed(_REQUIRED)
    stamp = given["X-Amz-Date"]
    signed_at = moment(stamp)
    if signed_at is None:
        raise _malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    _check_time(signed_at, _seconds(given["X-Amz-Expires"]), now)
    scope = parse_scope(given["X-Amz-Credential"], _bad_credential)
    if scope.day != stamp[:8]:
        date = f'Invalid credential date "{scope.day}". This date is not the same as X-Amz-Date: "{stamp[:8]}".'
        raise _malformed(date)
    signed_headers = tuple(given["X-Amz-SignedHeaders"].split(";"))
    check_signed(request, signed_headers)
    return Claim(
        scope,
        stamp,
        signed_headers,
        given["X-Amz-Signature"],
        payload=request.header("x-amz-content-sha256") or UNSIGNED,
        token=given.get("X-Amz-Security-Token", ""),
    )


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise _malformed("X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise _malformed("X-Amz-Expires must be non-negative")
    if seconds > LONGEST_S:
        raise _malformed(_TOO_LONG)
    return seconds


def _check_time(signed_at: datetime, seconds: int, now: int) -> None:
    begin = int(signed_at.timestamp()) * _SECOND
    known = (("Expires", _shown(signed_at + timedelta(seconds=seconds))), ("ServerTime", _shown(_at(now))))
    if begin - now > EARLY_S * _SECOND:
        raise access_denied("Request is not yet valid", ("X-Amz-Date", str(begin // 1_000_000)), *known)
    if now - begin > seconds * _SECOND:
        raise access_denied("Request has expired", ("X-Amz-Expires", str(seconds)), *known)


def _at(now: int) -> datetime:
    return datetime.fromtimestamp(now // _SECOND, UTC)


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _bad_credential(sentence: str) -> Refusal:
    return _malformed(f"Error parsing the X-Amz-Credential parameter; {sentence}")


def _malformed(sentence: str) -> Refusal:
    return Refusal(400, "AuthorizationQueryParametersError", sentence)
