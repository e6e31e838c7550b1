"""Whether a claimed signature is the right one, by AWS's own library, which is imported at the first claim."""

from __future__ import annotations

import asyncio
import hmac
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator_stub.s3.claim import UNSIGNED, Claim
from orchestrator_stub.s3.client import DEFAULT_REGION
from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.s3.forward import settled_headers
from orchestrator_stub.s3.request import Request
from orchestrator_stub.s3.signing import Keys
from orchestrator_stub.s3.version2 import OldClaim

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
_UNKNOWN_KEY = "The AWS Access Key Id you provided does not exist in our records."
_BAD_TOKEN = "The provided token is malformed or otherwise invalid."  # noqa: S105 - a sentence
_UNRESERVED = "-_.~"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who has shown that a request is theirs."""

    region: str = DEFAULT_REGION
    payload: str = UNSIGNED
    """What was signed for the body, see `Claim.payload`."""
    claim: Claim | None = None
    """Of version 4."""
    auth: Any = None
    signed: Any = None

    def sign(self, text: str) -> str:
        """The signature of a text by the same key for the same scope, in hexadecimal digits (version 4)."""
        signature: str = self.auth.signature(text, self.signed)
        return signature


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a client may have signed, and how that is signed."""

    signature: str
    signer: Signer
    text: str
    canonical: str = ""
    """The request that the text stands for (version 4)."""


class Verifier:
    """Checks claims against the one pair of keys that there is."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._library: _Library | None = None
        self._loading = asyncio.Lock()

    async def check(self, request: Request, claim: Claim | OldClaim) -> Signer:
        """The signer of a request.

        :raises Refusal: unknown, or the signature is another one
        """
        async with self._loading:
            if self._library is None:
                self._library = await asyncio.to_thread(_load, self._keys)
        access_key = claim.scope.access_key if isinstance(claim, Claim) else claim.access_key
        if not _same(access_key, self._keys.access):
            raise Refusal(403, "InvalidAccessKeyId", _UNKNOWN_KEY, (("AWSAccessKeyId", access_key),))
        if claim.token != self._keys.token:
            raise Refusal(400, "InvalidToken", _BAD_TOKEN, (("Token-0", claim.token),))
        library = self._library
        readings = library.version4(request, claim) if isinstance(claim, Claim) else library.version2(request, claim)
        first = next(readings)
        for reading in (first, *readings):
            if _same(reading.signature, claim.signature):
                return reading.signer
        raise mismatch(access_key, first.text, claim.signature, first.canonical)


def mismatch(access_key: str, text: str, signature: str, canonical: str = "") -> Refusal:
    """403: what was signed is something else than this text; `canonical` is the request that it stands for."""
    members = [
        ("AWSAccessKeyId", access_key),
        ("StringToSign", text),
        ("SignatureProvided", signature),
        ("StringToSignBytes", text.encode().hex(" ")),
    ]
    if canonical:
        members += [("CanonicalRequest", canonical), ("CanonicalRequestBytes", canonical.encode().hex(" "))]
    return Refusal(403, "SignatureDoesNotMatch", _MISMATCH, tuple(members))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


class _Library:
    """botocore's signers, told to sign again what clients say they signed, instead of choosing."""

    def __init__(self, keys: Keys, auth: Any, awsrequest: Any, headers: Any, credentials: Any) -> None:
        self._request, self._headers = awsrequest, headers
        self._credentials = credentials(keys.access, keys.secret)

        class Again4(auth.S3SigV4Auth):  # type: ignore[misc]  # known when it is imported
            def headers_to_sign(self, request: Any) -> Any:
                return request.context["headers"]

            def canonical_query_string(self, request: Any) -> Any:
                return request.context["query"]

            def payload(self, request: Any) -> Any:
                return request.context["payload"]

        class Again2(auth.HmacV1QueryAuth):  # type: ignore[misc]  # as above
            def _get_date(self) -> Any:
                return self._expires

        self._again4, self._again2 = Again4, Again2

    def version4(self, request: Request, claim: Claim) -> Iterator[_Reading]:
        """What may have been signed."""
        headers = self._headers()
        for name in claim.signed_headers:
            for value in [value for each, value in request.headers if each == name] or [""]:
                headers[name] = value
        auth = self._again4(self._credentials, "s3", claim.scope.region)
        for path, query in _spellings(request):
            signed = self._request(method=request.method, url=f"http://s3{urllib.parse.quote(path, safe='/%~')}")
            signed.context.update(timestamp=claim.stamp, headers=headers, query=query, payload=claim.payload)
            canonical = auth.canonical_request(signed)
            text = auth.string_to_sign(signed, canonical)
            signer = Signer(claim.scope.region, claim.payload, claim, auth, signed)
            yield _Reading(auth.signature(text, signed), signer, text, canonical)

    def version2(self, request: Request, claim: OldClaim) -> Iterator[_Reading]:
        """What may have been signed; a bucket is signed as a folder, whatever stands in the request line."""
        headers = self._headers()
        for name, value in settled_headers(request):
            headers[name] = value
        auth = self._again2(self._credentials, claim.date)
        whole = f"/{request.bucket}{request.path}" if request.is_virtual else request.path
        paths = [whole] if request.key or whole.endswith("/") else [whole, f"{whole}/"]
        for path in dict.fromkeys((*map(_canonical_path, paths), *paths)):
            split = urllib.parse.SplitResult("", "", path, request.query, "")
            text = auth.canonical_string(request.method, split, headers)
            yield _Reading(auth.sign_string(text), Signer(), text)


def _load(keys: Keys) -> _Library:
    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    return _Library(keys, auth, AWSRequest, HTTPHeaders, Credentials)


def _spellings(request: Request) -> Iterator[tuple[str, str]]:
    """Path and query as clients may have signed them: in S3's canonical spelling, or as sent."""
    quoted = sorted((_quoted(name), _quoted(value)) for name, value in request.parameters)
    canonical = _canonical_path(request.path), _joined(quoted)
    yield canonical
    sent = request.path, _joined(sorted(pair.partition("=")[::2] for pair in request.query.split("&") if pair))
    if sent != canonical:
        yield sent


def _canonical_path(path: str) -> str:
    return urllib.parse.quote(urllib.parse.unquote_to_bytes(path), safe="/" + _UNRESERVED)


def _joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe=_UNRESERVED)
