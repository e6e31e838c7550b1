"""The login by signature, against keys made by another implementation."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from orchestrator_stub.api.challenge import ChallengeError, client_of, requirement, token_for

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NODE = "n-1"


def proof(phrase=NODE, key=KEY, shown=KEY):
    """What a client sends: `phrase` signed by `key`, with the public part of `shown`."""
    public = shown.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    signature = key.sign(phrase.encode(), padding.PKCS1v15(), hashes.SHA256())
    return {
        "PhraseSignature": base64.b64encode(signature).decode(),
        "PublicKey": base64.b64encode(public).decode(),
    }


def test_a_valid_proof_gives_the_client_id():
    """No client with a key could log in."""
    number = KEY.public_key().public_numbers().n
    expected = hashlib.sha256(number.to_bytes((number.bit_length() + 7) // 8, "big")).hexdigest()
    assert client_of(proof(), NODE) == expected


def test_the_phrase_is_the_nodes_id():
    """Clients would sign something else than what is checked."""
    assert base64.b64decode(requirement(NODE)["params"]["InputPhrase"]) == b"n-1"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: proof(phrase="another node"),
        lambda: proof(shown=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        lambda: proof() | {"PhraseSignature": ""},
        lambda: proof() | {"PhraseSignature": base64.b64encode(b"\xff" * 256).decode()},
        lambda: proof() | {"PublicKey": base64.b64encode(b"\x30\x84\xff\xff\xff\xff").decode()},
        lambda: proof() | {"PublicKey": base64.b64encode(b"\x30\x06\x02\x01\x03\x02\x01\x03").decode()},
        dict,
        lambda: [1],
        lambda: {"PublicKey": 5, "PhraseSignature": None},
    ],
)
def test_anything_else_is_refused_with_a_reason(wrong):
    """Somebody without the key could log in, or garbage would be a traceback."""
    with pytest.raises(ChallengeError):
        client_of(wrong(), NODE)


def test_the_token_tells_who_and_for_how_long():
    """The CLI would store a token that says nothing."""
    head, claims, signature = token_for("client", NODE, 1_000, b"secret").split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (decoded["sub"], decoded["iss"], decoded["exp"] - decoded["iat"]) == ("client", NODE, 30 * 24 * 3600)
    assert head
    assert signature
