"""Requests that are signed in a header: what they claim, without a look at the time (pure).

A client's clock is the machine's and the stub's may be virtual, so AWS's check of the difference is left out.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from orchestrator_stub.s3.claim import (
    ALGORITHM,
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED,
    UNSIGNED_CHUNKS,
    Claim,
    check_signed,
    moment,
    parse_scope,
)
from orchestrator_stub.s3.errors import Refusal, access_denied, invalid_argument, invalid_request, not_implemented
from orchestrator_stub.s3.request import Request
from orchestrator_stub.s3.version2 import OldClaim, header_claim_2

_HEADER = "Authorization"
_OTHER_MECHANISM = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
_PAYLOAD_HEADER = "x-amz-content-sha256"
_ECDSA = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
_ECDSA_TRAILER = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
_WORDS = (UNSIGNED, UNSIGNED_CHUNKS, SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, _ECDSA, _ECDSA_TRAILER)
_COMPONENTS = "the authorization header requires three components: Credential, SignedHeaders, and Signature."


def header_claim(request: Request) -> Claim | OldClaim:
    """What a request with an Authorization header claims.

    :raises Refusal: malformed, or another mechanism
    """
    value = request.header("authorization") or ""
    scheme, space, rest = value.partition(" ")
    if not space:
        sentence = "Authorization header is invalid -- one and only one ' ' (space) required"
        raise invalid_argument(sentence, _HEADER, value)
    if scheme.upper() == "AWS":
        return header_claim_2(request, rest)
    if scheme.upper() == "AWS4-ECDSA-P256-SHA256":
        raise invalid_request(_OTHER_MECHANISM)
    if scheme.upper() != ALGORITHM:
        raise invalid_argument("Unsupported Authorization Type", _HEADER, value)
    payload = _payload(request)
    stamp = _stamp(request)
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if not {"Credential", "SignedHeaders", "Signature"} <= parts.keys():
        raise _malformed(_COMPONENTS)
    scope = parse_scope(parts["Credential"], _malformed)
    if scope.day != stamp[:8]:
        raise _malformed("Invalid credential date. Date is not the same as X-Amz-Date.")
    signed_headers = tuple(parts["SignedHeaders"].split(";"))
    check_signed(request, signed_headers)
    token = request.header("x-amz-security-token") or ""
    return Claim(scope, stamp, signed_headers, parts["Signature"].lower(), payload, token)


def _payload(request: Request) -> str:
    payload = request.header(_PAYLOAD_HEADER)
    if payload is None:
        raise invalid_request(f"Missing required header for this request: {_PAYLOAD_HEADER}")
    if payload not in _WORDS and not re.fullmatch(r"[0-9a-fA-F]{64}", payload):
        sentence = f"{_PAYLOAD_HEADER} must be {', '.join(_WORDS)} or a valid sha256 value."
        raise invalid_argument(sentence, _PAYLOAD_HEADER, payload)
    if payload in (_ECDSA, _ECDSA_TRAILER):
        raise not_implemented(_PAYLOAD_HEADER)
    return payload


def _stamp(request: Request) -> str:
    stamp = request.header("x-amz-date")
    if stamp is None:
        try:
            stamp = f"{parsedate_to_datetime(request.header('date') or ''):%Y%m%dT%H%M%SZ}"
        except ValueError:
            stamp = ""
    if moment(stamp) is None:
        raise access_denied("AWS authentication requires a valid Date or x-amz-date header")
    return stamp


def _malformed(sentence: str) -> Refusal:
    return Refusal(400, "AuthorizationHeaderMalformed", f"The authorization header is malformed; {sentence}")
