"""From an Airflow connection to everything that a client needs, as one frozen value. Pure: no file is opened here."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from airflow_provider_bacalhau.errors import ConfigError

DEFAULT_PORT = 1234
EXTRA_FIELDS = (
    "token",
    "ca_cert",
    "client_cert",
    "client_key",
    "verify",
    "headers",
    "connect_timeout",
    "read_timeout",
    "namespace",
    "webui_url",
    "deployment",
    "aws_conn_id",
    "poll_interval",
    "result_hosts",
    "ipfs_gateway",
    "allow_plaintext",
)
"""The keys of a connection's extra that are read; any other gives one warning."""


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User and password (API users of 1.7+, or a proxy in front)."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key (1.7+), sent as a bearer token."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token: a JWT of single sign-on or of the challenge login."""

    token: str = field(repr=False)


Auth = BasicAuth | ApiKey | Token


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How to reach one server. Its repr shows no secret; two equal configs may share a client."""

    base_url: str
    """Scheme, host, port and path prefix, without a slash at the end."""
    auth: Auth | None = None
    ca_cert: str | None = field(default=None, repr=False)
    """Path or PEM text of the certificates to trust instead of the system's."""
    client_cert: str | None = field(default=None, repr=False)
    """Path or PEM text of the client's certificate (chain)."""
    client_key: str | None = field(default=None, repr=False)
    """Path or PEM text of the client's key; None: it stands beside the certificate."""
    verify: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = 5.0
    """Seconds."""
    read_timeout: float = 35.0
    """Seconds; the server gives up a handler after 30."""
    namespace: str | None = None
    """The connection's namespace, for the hook; the client sends only what a call names."""
    user_agent: str = "airflow-provider-bacalhau"

    @property
    def secure(self) -> bool:
        """Whether the server is spoken to with TLS."""
        return self.base_url.startswith("https://")

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine; then environment proxies are not asked."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def digest(self) -> str:
        """A short text that is equal for equal configs and tells nothing about their secrets."""
        values = [(one.name, repr(_revealed(getattr(self, one.name)))) for one in fields(self)]
        return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What a connection says beside how to reach the server (contract 6)."""

    webui_url: str | None = None
    deployment: str | None = None
    aws_conn_id: str | None = None
    poll_interval: float | None = None
    result_hosts: tuple[str, ...] = ()
    ipfs_gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A connection, read; each warning is one sentence for the task log."""

    config: ClientConfig
    options: ConnectionOptions
    warnings: tuple[str, ...] = ()


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def parse_connection(
    *,
    host: str | None,
    port: int | None = None,
    schema: str | None = None,
    login: str | None = None,
    password: str | None = None,
    extra: Mapping[str, Any] | None = None,
    user_agent: str = "airflow-provider-bacalhau",
) -> Parsed:
    """Read the fields of a connection.

    :param host: a name, an address or a URL, each with an optional port and path prefix.
    :param port: used when `host` has none; without both 1234, or the scheme's for a URL.
    :raises ConfigError: one sentence naming the field that is wrong.
    """
    given = dict(extra or {})
    base_url = _base_url((host or "").strip(), port, (schema or "").strip().lower())
    headers = _headers(given.get("headers"))
    config = ClientConfig(
        base_url=base_url,
        auth=_auth(login or "", password or "", _text(given, "token") or "", headers),
        ca_cert=_text(given, "ca_cert"),
        client_cert=_text(given, "client_cert"),
        client_key=_text(given, "client_key"),
        verify=_flag(given, "verify", default=True),
        headers=headers,
        connect_timeout=_seconds(given, "connect_timeout") or 5.0,
        read_timeout=_seconds(given, "read_timeout") or 35.0,
        namespace=_text(given, "namespace"),
        user_agent=user_agent,
    )
    if config.client_key and not config.client_cert:
        raise ConfigError("The connection has a client_key without client_cert: give both in its extra.")
    _refuse_plaintext(config, allowed=_flag(given, "allow_plaintext", default=False))
    options = ConnectionOptions(
        webui_url=_text(given, "webui_url"),
        deployment=_text(given, "deployment"),
        aws_conn_id=_text(given, "aws_conn_id"),
        poll_interval=_seconds(given, "poll_interval"),
        result_hosts=_names(given.get("result_hosts")),
        ipfs_gateway=_text(given, "ipfs_gateway"),
    )
    return Parsed(config, options, tuple(_warnings(config, given)))


def config_from_parts(
    *,
    host: str | None,
    port: int | None,
    schema: str | None,
    login: str | None,
    password: str | None,
    extra: Mapping[str, Any],
    user_agent: str,
) -> tuple[ClientConfig, list[str]]:
    """`parse_connection` without its options: the config and its warnings."""
    parsed = parse_connection(
        host=host, port=port, schema=schema, login=login, password=password, extra=extra, user_agent=user_agent
    )
    return parsed.config, list(parsed.warnings)


def _base_url(host: str, port: int | None, schema: str) -> str:
    if not host:
        raise ConfigError("The connection has no host: set it to the orchestrator's name or URL.")
    if "@" in host:
        raise ConfigError("The connection's host holds a user: use its login and password fields instead.")
    if schema and schema not in ("http", "https"):
        raise ConfigError(f"The connection's schema is {schema!r}: it is http or https, or empty.")
    is_url = "://" in host
    bare_ipv6 = not is_url and host.count(":") > 1 and not host.startswith("[")
    try:
        url = urlsplit(host if is_url else f"{schema or 'http'}://{f'[{host}]' if bare_ipv6 else host}")
        name, own_port = url.hostname, url.port
    except ValueError as error:
        raise ConfigError(f"The connection's host {host!r} is no host name and no URL: {error}.") from None
    _refuse_url_parts(url)
    number = own_port or port or (None if is_url else DEFAULT_PORT)
    if number == {"http": 80, "https": 443}[url.scheme]:
        number = None
    netloc = f"[{name}]" if name and ":" in name else name
    return f"{url.scheme}://{netloc}{f':{number}' if number else ''}{quote(url.path.rstrip('/'), safe='/%~')}"


def _refuse_url_parts(url: SplitResult) -> None:
    if url.scheme not in ("http", "https"):
        raise ConfigError(f"The connection's host begins with {url.scheme}://, which is neither http:// nor https://.")
    if not url.hostname or any(character.isspace() for character in url.netloc):
        raise ConfigError("The connection's host has no usable host name: set it to the orchestrator's name or URL.")
    if url.query or url.fragment:
        raise ConfigError("The connection's host has a ? or # part: keep only scheme, name, port and path prefix.")


def _auth(login: str, password: str, token: str, headers: Mapping[str, str]) -> Auth | None:
    kinds = {
        "login and password" if login else "password (API key)": bool(login or password),
        "extra.token": bool(token),
        "the Authorization header in extra.headers": any(name.lower() == "authorization" for name in headers),
    }
    given = [name for name, present in kinds.items() if present]
    if len(given) > 1:
        raise ConfigError(f"The connection has two kinds of credential, {' and '.join(given)}: keep one.")
    if login and not password:
        raise ConfigError("The connection has a login without password: add it, or put an API key alone in password.")
    for name, secret in (("login", login), ("password", password), ("token", token)):
        if any(character in secret for character in "\r\n\0"):
            raise ConfigError(f"The connection's {name} holds a line break: paste it again without.")
    if ":" in login:
        raise ConfigError("The connection's login holds a colon, which basic authentication cannot carry.")
    if login:
        return BasicAuth(login, password)
    for name, secret in (("password", password), ("token", token)):
        if not secret.isascii():
            raise ConfigError(f"The connection's {name} is sent as a bearer token and may hold ASCII characters only.")
    if password:
        return ApiKey(password)
    return Token(token) if token else None


def _refuse_plaintext(config: ClientConfig, *, allowed: bool) -> None:
    secret = config.auth is not None or any(name.lower() == "authorization" for name in config.headers)
    if secret and not config.secure and not config.loopback and not allowed:
        raise ConfigError(
            f"The connection would send its credential unencrypted to {config.base_url}: set its schema to https, "
            "or set allow_plaintext in its extra if the network is trusted."
        )


def _warnings(config: ClientConfig, given: Mapping[str, Any]) -> list[str]:
    found = []
    if unknown := sorted(str(key) for key in given if key not in EXTRA_FIELDS):
        found.append(f"The connection's extra holds what is not read: {', '.join(unknown)}.")
    if not config.verify:
        found.append(f"The connection has verify off: whoever answers for {config.base_url} is believed.")
    if not config.secure and (config.ca_cert or config.client_cert):
        found.append("The connection has certificates but uses http, so they are not used: set its schema to https.")
    return found


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ConfigError(f"The connection's extra.{name} is {type(value).__name__}: it is text.")
    return value


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off"):
        return False
    raise ConfigError(f"The connection's extra.{name} is {value!r}: it is true or false.")


def _seconds(given: Mapping[str, Any], name: str) -> float | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if isinstance(value, bool) or not 0 < number < float("inf"):
        raise ConfigError(f"The connection's extra.{name} is {value!r}: it is a number of seconds above 0.")
    return number


def _headers(value: Any) -> dict[str, str]:
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, Mapping):
        raise ConfigError('The connection\'s extra.headers is no JSON object: {"X-Name": "value"}.')
    headers = {str(name): str(text) for name, text in value.items()}
    for name, text in headers.items():
        if not name or any(c in name + text for c in "\r\n\0") or not (name + text).isascii() or " " in name:
            raise ConfigError(f"The connection's extra.headers holds {name!r}, which cannot be sent as a header.")
        if name.lower() in ("content-length", "transfer-encoding", "host", "x-bacalhau-git-version", "x-request-id"):
            raise ConfigError(f"The connection's extra.headers may not set {name}.")
    return headers


def _names(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise ConfigError("The connection's extra.result_hosts is neither a list of host names nor text with commas.")
    return tuple(one.strip() for one in found if one.strip())


def _revealed(value: Any) -> Any:
    """A value whose repr tells all of it, for the digest only."""
    if isinstance(value, BasicAuth | ApiKey | Token):
        return [type(value).__name__, *(getattr(value, one.name) for one in fields(value))]
    return sorted(value.items()) if isinstance(value, Mapping) else value
