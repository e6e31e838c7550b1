"""The connection: its fields, its form, and the sentence of its test."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.connection import filled_extra


def node(name, *, connection="CONNECTED", engines=("docker", "wasm"), gpu=0):
    """A node as the server lists it."""
    compute = {"ExecutionEngines": list(engines), "Publishers": ["s3"], "MaxCapacity": {"GPU": gpu}}
    info = {"NodeID": name, "NodeType": "Compute", "ComputeNodeInfo": compute}
    return {"Info": info, "Membership": "APPROVED", "Connection": connection}


def test_what_a_form_leaves_empty_is_not_set():
    """Every connection that was made in the UI would warn of empty fields."""
    assert filled_extra({"token": "", "namespace": None, "verify": False}) == {"verify": False}
    assert filled_extra({"extra__bacalhau__namespace": "etl"}) == {"namespace": "etl"}


def test_a_warning_reaches_the_log(connection, caplog, capsys):
    """A typo in a field would have no effect and no trace."""
    connection(extra={"namspace": "etl"})
    hook = BacalhauHook()
    hook.parsed()
    hook.parsed()
    said = caplog.text + capsys.readouterr().out
    assert said.count("namspace") >= 1


def test_the_test_tells_what_the_cluster_has(orchestrator, connection):
    """ "Connection successful" would say nothing about the right to submit."""
    connection(password="key", extra={"namespace": "etl"})
    orchestrator.nodes = [node("a", gpu=1), node("b", engines=["wasm"]), node("c", connection="DISCONNECTED")]
    good, text = BacalhauHook().test_connection()
    assert good
    assert text == (
        f"Bacalhau 1.9.3 at {orchestrator.url}: API key accepted, may read and submit. "
        "3 nodes, 2 connected (docker 1, wasm 2, GPU 1; publisher s3 2). Namespace etl."
    )
    assert orchestrator.jobs == {}


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"password": "wrong"}, "Change Password (the API key)."),
        ({"login": "ada", "password": "wrong"}, "Change Login and Password."),
        ({"extra": {"token": "t"}}, "Change the token in Extra."),
        ({}, "Change Login and Password, or Password alone for an API key."),
    ],
)
def test_a_refusal_names_the_field_to_change(orchestrator, connection, fields, names):
    """People would try all fields."""
    connection(**fields)
    orchestrator.answer = lambda *_: (401, {"Message": "missing authorization header", "Code": "Unauthorized"})
    good, text = BacalhauHook().test_connection()
    assert not good
    assert names in text


def test_a_key_that_may_only_read_fails(orchestrator, connection):
    """The test would be green, and every task red."""
    answer = orchestrator.answer
    forbidden = (403, {"Message": "user 'x' does not have the required capability 'write:job'", "Code": "Forbidden"})
    orchestrator.answer = lambda method, *rest: forbidden if method == "PUT" else answer(method, *rest)
    good, text = BacalhauHook().test_connection()
    assert not good
    assert "write:job" in text


def test_a_server_that_is_not_there_names_host_and_port(connection):
    """A stack trace would be shown."""
    connection(host="http://127.0.0.1:9")
    good, text = BacalhauHook().test_connection()
    assert not good
    assert "Change Host, Port or Schema." in text


def test_another_service_is_recognised(orchestrator, connection):
    """A wrong port would look like a broken Bacalhau."""
    orchestrator.answer = lambda *_: (200, ["hello"])
    good, text = BacalhauHook().test_connection()
    assert not good
    assert "Change Host or Port" in text


def test_a_wrong_field_is_named_without_asking_anybody(connection):
    """The form would show an error of the network."""
    connection(login="ada", password="x", extra={"token": "t"})
    good, text = BacalhauHook().test_connection()
    assert not good
    assert "two kinds of credential" in text


def test_the_form_of_31(monkeypatch):
    """Airflow 3.1 would offer one box of JSON."""
    import sys
    import types

    class Field:
        def __init__(self, label, description, default=None):
            self.label, self.default = label, default

    kinds = {name: type(name, (Field,), {}) for name in ("BooleanField", "PasswordField", "StringField")}
    monkeypatch.setitem(sys.modules, "wtforms", types.SimpleNamespace(**kinds))
    widgets = BacalhauHook.get_connection_form_widgets()
    assert type(widgets["token"]).__name__ == "PasswordField"
    assert type(widgets["verify"]).__name__ == "BooleanField"
    assert widgets["verify"].default is True
    assert BacalhauHook.get_ui_field_behaviour()["relabeling"]["host"] == "Host or URL"
