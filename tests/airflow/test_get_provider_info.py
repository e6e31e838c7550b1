"""What Airflow reads of every provider: valid, complete, and naming what exists."""

from __future__ import annotations

import importlib
import json
from importlib.metadata import metadata
from importlib.resources import files

import jsonschema

from airflow_provider_bacalhau.client.config import EXTRA_FIELDS
from airflow_provider_bacalhau.get_provider_info import connection_fields, get_provider_info


def test_it_is_valid_for_airflow():
    """A wrong key can break the discovery of all providers."""
    schema = json.loads((files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_package_name_is_the_distributions():
    """Another spelling raises for every provider that is installed."""
    assert get_provider_info()["package-name"] == metadata("airflow-provider-bacalhau")["Name"]


def test_every_named_module_and_class_exists():
    """The UI would show what cannot be imported."""
    info = get_provider_info()
    for kind in ("operators", "sensors", "hooks", "triggers"):
        for entry in info[kind]:
            for name in entry["python-modules"]:
                importlib.import_module(name)
    for path in (*info["extra-links"], *(one["hook-class-name"] for one in info["connection-types"])):
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_the_form_has_exactly_the_fields_that_are_read():
    """A field would be offered that has no effect, or one would have to be typed as JSON."""
    assert set(connection_fields()) == set(EXTRA_FIELDS)


def test_secret_fields_are_masked():
    """A token would be shown in the form."""
    masked = {name for name, field in connection_fields().items() if field["schema"].get("format") == "password"}
    assert masked == {"token", "client_key"}


def test_airflow_finds_the_connection_type():
    """Nobody could make a connection in the UI."""
    from airflow.providers_manager import ProvidersManager

    hook = ProvidersManager().hooks["bacalhau"]
    assert hook.hook_name == "Bacalhau"
    assert hook.connection_testable
