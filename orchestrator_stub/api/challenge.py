"""The login that a default server offers: sign a phrase with an RSA key, get a token that nobody asks for.

Verified with the standard library alone: RSA, PKCS#1 v1.5, SHA-256 (fact sheet 9.2).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

METHOD = "clientkey"
"""Its name as servers list it: in lower case (golden 40)."""
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
_LARGEST_EXPONENT = 2**31
_LARGEST_KEY = 8192
_MONTH = 30 * 24 * 3600


class ChallengeError(Exception):
    """The proof is wrong; the text is the reason that the answer gives."""


def requirement(node_id: str) -> dict[str, Any]:
    """What a client has to sign."""
    return {"type": "challenge", "params": {"InputPhrase": base64.b64encode(node_id.encode()).decode()}}


def client_of(proof: Any, node_id: str) -> str:
    """The client id of a valid proof (`{"PhraseSignature", "PublicKey"}`, both base64).

    :raises ChallengeError: key or signature cannot be read, or the signature is not of this phrase and key.
    """
    fields = {str(key).lower(): value for key, value in proof.items()} if isinstance(proof, dict) else {}
    modulus, exponent = _public_key(_bytes(fields.get("publickey"), "public key"))
    signature = _bytes(fields.get("phrasesignature"), "signature")
    size = (modulus.bit_length() + 7) // 8
    tail = b"\x00" + _SHA256_PREFIX + hashlib.sha256(node_id.encode()).digest()
    expected = b"\x00\x01" + b"\xff" * (size - 2 - len(tail)) + tail
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= modulus or pow(number, exponent, modulus).to_bytes(size, "big") != expected:
        raise ChallengeError("crypto/rsa: verification error")
    return hashlib.sha256(modulus.to_bytes(size, "big")).hexdigest()


def token_for(client: str, node_id: str, now_s: int, secret: bytes) -> str:
    """A JSON web token for a client; it is never checked, like on a default server."""
    claims = {"iss": node_id, "sub": client, "aud": [node_id], "iat": now_s, "exp": now_s + _MONTH}
    namespaces = {"ns": {"*": 5, client: 15}}
    head = ".".join(_part(part) for part in ({"typ": "JWT", "alg": "HS256"}, claims | namespaces))
    signature = hmac.new(secret, head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _bytes(text: Any, what: str) -> bytes:
    try:
        return base64.b64decode(str(text or ""), validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise ChallengeError(f"failed to decode {what}: {wrong}") from wrong


def _public_key(der: bytes) -> tuple[int, int]:
    """Modulus and exponent of a PKCS#1 key: a DER sequence of two integers."""
    try:
        body, rest = _element(der, 0x30)
        modulus, after = _element(body, 0x02)
        exponent, end = _element(after, 0x02)
    except (IndexError, ValueError) as wrong:
        raise ChallengeError("failed to decode public key: malformed PKCS#1 key") from wrong
    numbers = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
    if rest or end or numbers[0] < 2**511 or numbers[0] >= 2**_LARGEST_KEY or not 1 < numbers[1] < _LARGEST_EXPONENT:
        raise ChallengeError("failed to decode public key: not an RSA key of usable size")
    return numbers


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Content of the first DER element and what follows it."""
    if data[0] != tag:
        raise ValueError(tag)
    length, start = data[1], 2
    if length & 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise ValueError(length)
    return data[start : start + length], data[start + length :]
