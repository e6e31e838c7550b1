"""Find a running stub and read what it says about itself, as `env` does."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from orchestrator_stub.control.info import StubInfo
from orchestrator_stub.domain.hosts import is_loopback

PATIENCE = 5.0
"""Seconds for an answer."""


class NoStubError(Exception):
    """Nothing answers at the address, or something that is no stub; the text says which."""


def ask(host: str, port: int, token: str = "") -> StubInfo:
    """The info of the stub at an address, over http or https.

    On loopback a certificate is not checked: it may be broken on purpose, no secret is sent, and who listens there is
    on this machine already. Elsewhere it is, because a shell runs what `env` makes of the answer. Where a token is to
    be sent, https is tried first.

    :param token: the stub's control token; sent to other machines only
    :raises NoStubError: there is none, or it refuses; the text says which
    """
    near = is_loopback(host)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    heard = False
    for scheme in ("https", "http") if token and not near else ("http", "https"):
        try:
            return StubInfo.from_plain(_read(f"{scheme}://{address}/stub/info", checked=not near, token=token))
        except urllib.error.HTTPError as error:
            heard = True
            if refusal := _refusal(error):
                raise NoStubError(f"{address} refuses: {refusal}") from None
        except (http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
            heard = True  # a stub with TLS answers http with a 400, another service with anything
        except OSError as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise NoStubError(
                    f"https://{address} shows a certificate that is not trusted here; ask on the stub's own machine"
                ) from None
            heard = heard or isinstance(reason, ssl.SSLError)
    if heard:
        raise NoStubError(f"{address} is no stub that answers this machine; give its --host and --port")
    raise NoStubError(f"no stub answers at {address}; start one with: bacalhau-stub serve")


def _read(url: str, *, checked: bool, token: str) -> dict[str, Any]:
    context = ssl.create_default_context() if checked else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token and checked else {})  # noqa: S310 - http or https
    with urllib.request.build_opener(*handlers).open(request, timeout=PATIENCE) as answer:
        plain: dict[str, Any] = json.load(answer)
        return plain


def _refusal(error: urllib.error.HTTPError) -> str:
    """Why a stub does not answer, in its own words; "" when it is no stub that speaks."""
    with error:
        try:
            said = json.load(error)
        except ValueError:
            return ""
    return str(said.get("error", "")) if isinstance(said, dict) and error.code == 403 else ""
