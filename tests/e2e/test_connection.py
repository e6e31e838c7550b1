"""What a person sees who sets up the connection: the provider is there, the form has its fields, the button tells."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
EXTRA = {
    *("token", "ca_cert", "client_cert", "client_key", "verify", "headers", "connect_timeout", "read_timeout"),
    *("namespace", "webui_url", "deployment", "aws_conn_id", "poll_interval", "result_hosts", "ipfs_gateway"),
    "allow_plaintext",
}


def tried(world, **fields):
    """What the form's button answers."""
    body = {"connection_id": "being_edited", "conn_type": "bacalhau", "host": "127.0.0.1", **fields}
    answer = world.airflow.call("POST", "/connections/test", body)
    return answer["status"], answer["message"]


def test_airflow_lists_the_provider(world):
    """The package would be installed, but Airflow would not take it for a provider."""
    names = {one["package_name"] for one in world.airflow.call("GET", "/providers?limit=200")["providers"]}
    assert "airflow-provider-bacalhau" in names
    assert world.airflow.call("GET", "/plugins/importErrors")["import_errors"] == []


def test_the_form_has_the_fields_of_the_connection(world):
    """Fields could only be set by writing JSON, or the form would show some that nobody reads."""
    [form] = [one for one in world.ask_ui("/ui/connections/hook_meta") if one["connection_type"] == "bacalhau"]
    assert set(form["extra_fields"]) == EXTRA
    standard = form["standard_fields"]
    assert standard["password"]["title"] == "Password, or API key when there is no login"
    assert standard["port"]["placeholder"] == "1234"
    assert standard["host"]["title"] == "Host or URL"
    hidden = {name for name, field in form["extra_fields"].items() if field["schema"].get("format") == "password"}
    assert hidden == {"token", "client_key"}


def test_the_button_says_what_the_connection_is_good_for(world):
    """A connection that cannot submit would only be found out by the first task, at night."""
    works, said = tried(world, port=world.stub_port, extra='{"namespace": "etl"}')
    assert works
    assert said == (
        f"Bacalhau 1.9.3 at {world.stub_url}: no credential needed, may read and submit. "
        "3 nodes, 3 connected (docker 3, wasm 3, GPU 3; publisher s3 3). Namespace etl."
    )


def test_the_button_names_the_field_to_change(world):
    """A mistake in the form would be answered by a stack trace or by nothing."""
    works, said = tried(world, port=1)
    assert not works
    assert said.endswith("Change Host, Port or Schema.")
    works, said = tried(world, port=world.stub_port, password="key", extra='{"token": "other"}')
    assert not works
    assert "password" in said.lower()
    assert "token" in said
