"""Page tokens (fact sheet 7.1)."""

from __future__ import annotations

import base64

import pytest

from orchestrator_stub.store.paging import PageToken, parse_token


def test_the_token_of_the_fact_sheet() -> None:
    """Broken: tokens are not those of released servers."""
    token = PageToken(20, 10, "created_at")
    assert str(token) == "Y3JlYXRlZF9hdDpOOjEwOjIw"
    assert parse_token(str(token)) == token


@pytest.mark.parametrize("token", [PageToken(0), PageToken(5, 0), PageToken(2**32 - 1, 2**32 - 1, "x", reverse=True)])
def test_tokens_come_back(token: PageToken) -> None:
    """Broken: a token loses something on its way through a client."""
    assert parse_token(str(token)) == token


@pytest.mark.parametrize("text", ["", "A", "=", "OjpOOjE6LTE", "Ok46MTo0Mjk0OTY3Mjk2"])
def test_what_is_no_token(text: str) -> None:
    """Broken: padding, a wrong length, a negative or too large number is taken."""
    with pytest.raises(ValueError, match="invalid paging token"):
        parse_token(text)


def test_a_number_of_thousands_of_digits_is_malformed() -> None:
    """Broken: the answer says what Python thinks of such numbers."""
    token = base64.urlsafe_b64encode(b":N:1:" + b"9" * 5000).decode().rstrip("=")
    with pytest.raises(ValueError, match="malformed token: invalid paging token"):
        parse_token(token)
    assert parse_token(base64.urlsafe_b64encode(b":N:1:" + b"0" * 5000 + b"7").decode().rstrip("=")).offset == 7
