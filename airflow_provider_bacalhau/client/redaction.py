"""What a server, or a proxy before it, says back of our own credentials is taken out of its answers. Pure.

It happens where an answer becomes a value, so that no error, log line, XCom or trigger row can hold it: models, log
lines and error texts are all read from there. Airflow's own masking sees logs only.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

from airflow_provider_bacalhau.client.config import BasicAuth, ClientConfig

MASK = "***"
SHORTEST = 8
"""Characters from which on a secret is looked for; a shorter one would be found in half of all words."""

SURE = 16
"""Characters from which on a secret stands nowhere by chance, so that it is hidden in ids, names and labels too. A
shorter one is hidden in prose only: an exchanged id or label would make a job unfindable."""

_PROSE = frozenset(
    ("details", "error", "errormsg", "hint", "line", "message", "reason", "stderr", "stdout", "warnings")
)
"""Keys of answers, in lower case, below which text is for people."""

_SECRET_HEADER = re.compile(r"auth|token|secret|key|passw|cookie|credential|session|signature|jwt", re.IGNORECASE)
_RANDOM = re.compile(r"(?=\S*[0-9])(?=\S*[A-Za-z])\S{16,}")
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)(?:-----END|\Z)", re.DOTALL)
_ESCAPED = re.compile(rb"\\u00(?!3c|3e|26)[2-7]", re.IGNORECASE)
"""A letter that JSON does not have to escape; `<`, `>` and `&` are escaped by every server."""


class _Known(NamedTuple):
    forms: tuple[str, ...]
    needles: tuple[bytes, ...]


def secrets_of(config: ClientConfig) -> tuple[str, ...]:
    """Every secret of a connection in every form that a text may show it in, the longest first.

    Password, key or token, the base64 that basic authentication sends, the lines of a private key, and those headers
    that look secret by name or value; as they are, as in a URL, and as in JSON.
    """
    return _known(config).forms


def hide(text: str, config: ClientConfig) -> str:
    """`text` with every secret of the connection replaced by `***`."""
    return _hidden(text, _known(config).forms)


def hide_headers(headers: Mapping[str, str], config: ClientConfig) -> dict[str, str]:
    """An answer's headers without our secrets."""
    forms = _known(config).forms
    return {name: _hidden(value, forms) for name, value in headers.items()}


def hide_body(status: int, body: bytes, config: ClientConfig) -> bytes:
    """An answer's body without our secrets: the same bytes where there are none."""
    known = _known(config)
    if not known.forms or not (any(one in body for one in known.needles) or _ESCAPED.search(body)):
        return body
    try:
        value = json.loads(body)
    except ValueError:
        return _hidden(body.decode("utf-8", "replace"), known.forms).encode()
    sure = tuple(one for one in known.forms if len(one) >= SURE)
    return json.dumps(_walk(value, known.forms, sure, prose=status != 200), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def presentable(error: BaseException, config: ClientConfig) -> BaseException | None:
    """The exception as the cause of another; None when a text in its chain quotes a secret, as protocol errors do."""
    seen: list[BaseException] = []
    ahead: list[BaseException | None] = [error]
    while ahead:
        one = ahead.pop()
        if one is None or one in seen:
            continue
        if hide(f"{one} {one.args}", config) != f"{one} {one.args}":
            return None
        seen.append(one)
        ahead += [one.__cause__, one.__context__]
    return error


def _walk(value: Any, forms: tuple[str, ...], sure: tuple[str, ...], *, prose: bool) -> Any:
    if isinstance(value, str):
        return _hidden(value, forms if prose else sure)
    if isinstance(value, list):
        return [_walk(one, forms, sure, prose=prose) for one in value]
    if isinstance(value, dict):
        return {
            _hidden(name, sure): _walk(one, forms, sure, prose=prose or name.lower() in _PROSE)
            for name, one in value.items()
        }
    return value


def _hidden(text: str, forms: Iterable[str]) -> str:
    for one in forms:
        if one in text:
            text = text.replace(one, MASK)
    return text


def _known(config: ClientConfig) -> _Known:
    auth = config.auth
    if auth is None:
        credential: tuple[str, ...] = ()
    elif isinstance(auth, BasicAuth):
        credential = (auth.login, auth.password)
    else:
        credential = (auth.key if hasattr(auth, "key") else auth.token,)
    return _forms_of(credential, config.client_key or "", config.client_cert or "", tuple(config.headers.items()))


@lru_cache(maxsize=32)
def _forms_of(credential: tuple[str, ...], key: str, cert: str, headers: tuple[tuple[str, str], ...]) -> _Known:
    found = [*credential[-1:], *_key_lines(key), *_key_lines(cert)]
    if len(credential) == 2:
        found.append(base64.b64encode(":".join(credential).encode()).decode())
    for name, value in headers:
        found += _of_header(name, value)
    forms = {form for one in found for form in _spellings(one) if len(form) >= SHORTEST}
    ordered = tuple(sorted(forms, key=lambda form: (-len(form), form)))
    return _Known(ordered, tuple(form.encode("utf-8", "surrogatepass") for form in ordered))


def _key_lines(text: str) -> list[str]:
    """The lines of the private keys in a field; of a field that is neither PEM nor a path, all of it."""
    plain = text.replace("\\n", "\n")
    blocks = _KEY_BLOCK.findall(plain)
    if not blocks and "-----BEGIN" not in plain and len(plain) > 200:
        blocks = [plain]
    return [line.strip() for block in blocks for line in block.splitlines() if len(line.strip()) >= SURE]


def _of_header(name: str, value: str) -> list[str]:
    """What is secret in a header: team and tenant names, which stand in many texts, are not."""
    if not _SECRET_HEADER.search(name) and not _RANDOM.fullmatch(value):
        return []
    parts = [one for one in re.split(r"[\s;,=]+", value) if len(one) >= SHORTEST]
    scheme, _, pair = value.partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):  # what it is not, is hidden as it stands
            parts.append(base64.b64decode(pair, validate=True).decode().partition(":")[2])
    return [value, *parts]


def _spellings(secret: str) -> set[str]:
    as_json = json.dumps(secret)[1:-1]
    as_go = as_json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    plain = secret.encode("utf-8", "surrogatepass")
    return {secret, quote(plain, safe=""), quote(plain), quote_plus(plain), as_json, as_go}
