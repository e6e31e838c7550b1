"""Who says that a request is theirs and what they signed: signature version 4 without its arithmetic (pure).

The order of the checks is AWS's: of two faults a client is told of the same one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from orchestrator_stub.s3.errors import Refusal, access_denied, invalid_argument
from orchestrator_stub.s3.request import ALGORITHM_PARAMETER, SIGNATURE_PARAMETER, Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or "
    "the Authorization header should be specified"
)
_MUST_BE_SIGNED = ("host", "content-md5")
_STAMP = re.compile(r"\d{8}T\d{6}Z")
_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for."""

    access_key: str
    day: str
    """yyyyMMdd."""
    region: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its own signature."""

    scope: Scope
    stamp: str
    """When it was signed, as signed: yyyyMMdd'T'HHmmss'Z'."""
    signed_headers: tuple[str, ...]
    signature: str
    payload: str
    """What was signed for the body: its SHA-256, or a word for a body that is signed otherwise or not at all."""
    token: str = ""
    """Of a session; "" = none."""


def check_one_mechanism(request: Request) -> None:
    """Raises Refusal when a request is signed in several ways."""
    header = request.header("authorization")
    ways = (header is not None, request.asks(ALGORITHM_PARAMETER), request.asks(SIGNATURE_PARAMETER))
    if sum(ways) > 1:
        raise invalid_argument(_ONE_MECHANISM, "Authorization", header)


def parse_scope(text: str, refuse: Callable[[str], Refusal]) -> Scope:
    """The scope of a credential, KEY/yyyyMMdd/REGION/s3/aws4_request; every region is here.

    :param refuse: makes the refusal of a sentence about the credential
    :raises Refusal: it is another one, in AWS's words
    """
    parts = text.split("/")
    if len(parts) != 5:
        form = "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"
        raise refuse(f'the Credential is mal-formed; expecting "{form}".')
    access_key, day, region, service, terminal = parts
    if not _is_day(day):
        wanted = 'This date in the credential must be in the format "yyyyMMdd".'
        raise refuse(f'incorrect date format "{day}". {wanted}')
    if not region:
        raise refuse("a non-empty region must be provided in the credential.")
    if service != "s3":
        raise refuse(f'incorrect service "{service}". This endpoint belongs to "s3".')
    if terminal != "aws4_request":
        raise refuse(f'incorrect terminal "{terminal}". This endpoint uses "aws4_request".')
    return Scope(access_key, day, region)


def check_signed(request: Request, signed_headers: tuple[str, ...]) -> None:
    """Raises Refusal when a header that has to be signed is not: its host, an MD5 sum, and what S3 acts on."""
    unsigned = {
        name
        for name, _ in request.headers
        if name not in signed_headers
        and (name in _MUST_BE_SIGNED or (name.startswith("x-amz-") and name != "x-amz-content-sha256"))
    }
    if unsigned:
        message = "There were headers present in the request which were not signed"
        raise access_denied(message, ("HeadersNotSigned", ", ".join(sorted(unsigned))))


def moment(stamp: str) -> datetime | None:
    """The time of a stamp; None when it is none."""
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_day(text: str) -> bool:
    match = _DAY.fullmatch(text)
    if match is None:
        return False
    try:
        date(*map(int, match.groups()))
    except ValueError:
        return False
    return True
