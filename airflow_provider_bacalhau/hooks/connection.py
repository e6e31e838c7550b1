"""Airflow's connection `bacalhau`, turned into what the clients need; and its form for Airflow 3.1."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau import __version__
from airflow_provider_bacalhau.get_provider_info import connection_fields

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.config import Parsed

_PREFIX = "extra__bacalhau__"


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


def filled_extra(extra: dict[str, Any]) -> dict[str, Any]:
    """The extra without what a form left empty, and without the prefix that old forms add."""
    named = {name.removeprefix(_PREFIX): value for name, value in extra.items()}
    return {name: value for name, value in named.items() if value is not None and value != ""}


def form_widgets() -> dict[str, Any]:
    """The extra fields as the form of Airflow 3.1 wants them; 3.2 and later read the provider info."""
    fields = import_module("wtforms")  # Airflow 3.1 has a stand-in for it

    def widget(field: dict[str, Any]) -> Any:
        schema = field["schema"]
        words = {"label": field["label"], "description": field["description"]}
        if schema["type"] == "boolean":
            return fields.BooleanField(**words, default=schema["default"])
        kind = fields.PasswordField if schema.get("format") == "password" else fields.StringField
        return kind(**words)

    return {name: widget(field) for name, field in connection_fields().items()}
