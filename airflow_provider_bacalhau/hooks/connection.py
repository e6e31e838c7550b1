"""Airflow's connection `bacalhau`: read for the clients, shown as a form, and tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_bacalhau import __version__
from airflow_provider_bacalhau.errors import (
    AuthError,
    BacalhauError,
    BrokenContract,
    ConfigError,
    NotFound,
    Unreachable,
)
from airflow_provider_bacalhau.version_compat import amask, mask

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.config import ClientConfig, ConnectionOptions, Parsed
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.models.node import Node

EVERY_NODE = 100_000
"""A limit that no cluster reaches: servers of the old documentation send ten nodes unless told."""

_PREFIX = "extra__bacalhau__"


class Connected(Protocol):
    """A hook, as far as the rest of this room needs one; `hooks.bacalhau.BacalhauHook` is it."""

    bacalhau_conn_id: str

    @property
    def log(self) -> Any:
        """The task's logger."""

    @property
    def config(self) -> ClientConfig:
        """Address, credential, TLS, timeouts."""

    @property
    def options(self) -> ConnectionOptions:
        """What else the connection says."""

    @property
    def namespace(self) -> str | None:
        """The namespace of calls that name none."""

    def parsed(self) -> Parsed:
        """The connection, read and checked once."""

    async def aparsed(self) -> Parsed:
        """As `parsed`, for a running event loop."""

    def get_conn(self) -> Client:
        """The hook's own client."""

    def new_client(self) -> Client:
        """A further client that shares nothing with it."""

    def aconn(self) -> AbstractAsyncContextManager[AsyncClient]:
        """An async client."""


def parse(connection: Any) -> Parsed:
    """The client's configuration, the other options and the warnings of a connection.

    :raises ConfigError: a field is wrong; the sentence names it.
    """
    from airflow import __version__ as airflow_version

    from airflow_provider_bacalhau.client.config import parse_connection

    return parse_connection(
        host=connection.host,
        port=connection.port,
        schema=connection.schema,
        login=connection.login,
        password=connection.password,
        extra=filled_extra(connection.extra_dejson),
        user_agent=f"airflow-provider-bacalhau/{__version__} airflow/{airflow_version}",
    )


def read(connection: Any) -> Parsed:
    """As `parse`; from then on Airflow masks every secret of the connection, in every form that it is sent in.

    Airflow itself knows the password and what an extra's key gives away: neither the base64 of a login, nor a client
    key, nor a header.
    """
    from airflow_provider_bacalhau.client.redaction import secrets_of

    parsed = parse(connection)
    mask(secrets_of(parsed.config))
    return parsed


async def aread(connection: Any) -> Parsed:
    """As `read`, for a running event loop."""
    from airflow_provider_bacalhau.client.redaction import secrets_of

    parsed = parse(connection)
    await amask(secrets_of(parsed.config))
    return parsed


def missing(conn_id: str) -> str:
    """What to do about a connection that Airflow does not have."""
    hint = f"set AIRFLOW_CONN_{conn_id.upper()}, or add it with `airflow connections add`"
    return f"there is no connection {conn_id}: {hint}"


def filled_extra(extra: dict[str, Any]) -> dict[str, Any]:
    """The extra without what a form left empty, and without the prefix that old forms add."""
    named = {name.removeprefix(_PREFIX): value for name, value in extra.items()}
    return {name: value for name, value in named.items() if value is not None and value != ""}


def form_widgets() -> dict[str, Any]:
    """The extra fields as the form of Airflow 3.1 wants them; 3.2 and later read the provider info."""
    from airflow_provider_bacalhau.get_provider_info import connection_fields

    fields = import_module("wtforms")  # Airflow 3.1 has a stand-in for it

    def widget(field: dict[str, Any]) -> Any:
        schema = field["schema"]
        words = {"label": field["label"], "description": field["description"]}
        if schema["type"] == "boolean":
            return fields.BooleanField(**words, default=schema["default"])
        kind = fields.PasswordField if schema.get("format") == "password" else fields.StringField
        return kind(**words)

    return {name: widget(field) for name, field in connection_fields().items()}


PATIENCE = 4.0
"""Seconds for each answer: a form waits for this test."""

_NOBODY = "j-00000000-0000-4000-8000-000000000000"


def check(hook: Connected) -> tuple[bool, str]:
    """Prove without effect that the connection may read and submit.

    :return: whether it may, and a sentence for the form; a failure names the field to change.
    """
    from airflow_provider_bacalhau.client.sync import Client

    try:
        parsed = hook.parsed()
    except ConfigError as error:
        return False, str(error)
    config = replace(parsed.config, connect_timeout=PATIENCE, read_timeout=PATIENCE)
    with Client(config) as client:
        try:
            version = client.version().release or "of an unknown release"
            nodes = list(client.list_nodes(limit=EVERY_NODE).items)
            may_read_jobs(client)
            client.check_submit()
        except BacalhauError as error:
            return False, advice(error, config)
    words = [f"Bacalhau {version} at {config.base_url}: {credential(config)}, may read and submit.", cluster(nodes)]
    words.append(f"Namespace {config.namespace or 'default'}.")
    return True, " ".join([*words, *parsed.warnings])


def may_read_jobs(client: Client) -> None:
    """:raises ApiError: the credential may not."""
    try:
        client.get_job(_NOBODY)
    except NotFound:
        return


def credential(config: ClientConfig) -> str:
    """That the kind of credential was accepted, without it."""
    from airflow_provider_bacalhau.client.config import ApiKey, BasicAuth, Token

    words = {ApiKey: "API key accepted", BasicAuth: "login accepted", Token: "token accepted"}
    return words.get(type(config.auth), "no credential needed")


def _field(config: ClientConfig) -> str:
    from airflow_provider_bacalhau.client.config import ApiKey, BasicAuth, Token

    words = {ApiKey: "Password (the API key)", BasicAuth: "Login and Password", Token: "the token in Extra"}
    return words.get(type(config.auth), "Login and Password, or Password alone for an API key")


def advice(error: BacalhauError, config: ClientConfig) -> str:
    """The error with the field of the connection to change."""
    if isinstance(error, AuthError):
        return f"{error} Change {_field(config)}."
    if isinstance(error, Unreachable):
        hint = "Change Host, Port or Schema."
        if config.secure and "certificate" in str(error).lower():
            hint = ""  # the sentence names what to change
        return f"{error} {hint}".rstrip()
    if isinstance(error, (BrokenContract, NotFound)):
        return f"{error} Change Host or Port: this is not a Bacalhau orchestrator's API."
    return str(error)


def cluster(nodes: Sequence[Node]) -> str:
    """How many nodes there are, and what the usable ones offer."""
    usable = [node for node in nodes if node.is_usable]
    engines = Counter(engine for node in usable for engine in node.engines)
    parts = [f"{engine} {count}" for engine, count in sorted(engines.items())]
    gpus = sum(node.max_capacity.gpu for node in usable)
    if gpus:
        parts.append(f"GPU {gpus}")
    text = ", ".join(parts)
    if count := sum("s3" in node.publishers for node in usable):
        text += f"{'; ' if text else ''}publisher s3 {count}"
    total = f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}, {len(usable)} connected"
    return f"{total} ({text})." if text else f"{total}."
