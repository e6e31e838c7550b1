"""The way to the orchestrator and what it says, check by check; each failure names what to change."""

from __future__ import annotations

import json
import time

import pytest

from airflow_provider_bacalhau.commands import visit as room
from airflow_provider_bacalhau.commands.visit import Visit
from orchestrator_stub.testing.server import stub_server


@pytest.fixture
def visited(monkeypatch):
    """visited(**connection fields) -> {check: (level, text)}; `text` is that of the check's last finding."""

    def go(**fields):
        monkeypatch.setenv("AIRFLOW_CONN_PROD", json.dumps({"conn_type": "bacalhau", **fields}))
        with Visit("prod") as visit:
            findings = [finding for check in visit.checks() for finding in check()]
        return {one.name: (one.level, one.text) for one in findings}

    return go


@pytest.fixture
def at(orchestrator, visited):
    """at(**connection fields): the same with a scripted server."""
    return lambda **fields: visited(host=orchestrator.url, **fields)


def failure(found):
    """The one check that failed, its text, and whether anything was checked on the wire behind it."""
    ((name, text),) = [(name, text) for name, (level, text) in found.items() if level == "FAIL"]
    return name, text, "release" in found


def test_no_connection_is_told_with_the_way_to_one(monkeypatch):
    """The command would end with Airflow's traceback."""
    with Visit("nowhere") as visit:
        (one,) = [finding for check in visit.checks() for finding in check()]
    assert (one.level, one.name) == ("FAIL", "connection")
    assert "set AIRFLOW_CONN_NOWHERE" in one.text


@pytest.mark.parametrize(
    ("fields", "name", "says"),
    [
        ({"host": "ftp://x"}, "connection", "neither http:// nor https://"),
        ({"host": "no-such-host.invalid"}, "dns", "no-such-host.invalid has no address here"),
        ({"host": "127.0.0.1", "port": 1}, "tcp", "127.0.0.1:1: Connection refused; change Host or Port"),
    ],
)
def test_the_first_thing_that_is_wrong_is_named_and_ends_the_way(visited, fields, name, says):
    """A user would read ten failures of one cause."""
    failed, text, went_on = failure(visited(**fields))
    assert (failed, went_on) == (name, False)
    assert says in text


def test_warnings_of_the_connection_are_shown(at):
    """A misspelt field of the extra would never be noticed."""
    assert at(extra={"bogus": 1})["connection"] == ("warn", "The connection's extra holds what is not read: bogus.")


def test_a_server_that_refuses_the_credential_names_the_field(orchestrator, at, monkeypatch):
    """A user would change the wrong one of login, password and token."""
    answer = orchestrator.answer
    refusal = (401, {"Message": "Request Unauthorized", "Code": "Unauthorized"})
    monkeypatch.setattr(orchestrator, "answer", lambda m, path, q, b: refusal if "nodes" in path else answer(m, path, q, b))
    failed, text, _ = failure(at(password="secret"))
    assert failed == "auth"
    assert "Password (the API key)" in text
    assert "secret" not in text


def test_a_credential_that_may_only_read_fails_at_the_write_check(orchestrator, at, monkeypatch):
    """The first submit would tell, in the middle of a DAG."""
    answer = orchestrator.answer
    refusal = (403, {"Message": "user 'x' does not have the required capability 'write:job'", "Code": "Forbidden"})
    monkeypatch.setattr(orchestrator, "answer", lambda m, p, q, b: refusal if m == "PUT" else answer(m, p, q, b))
    found = at(login="x", password="y")
    assert found["auth"][0] == "ok"
    assert found["write"][0] == "FAIL"
    assert "release" in found, "it goes on"
    assert orchestrator.jobs == {}


@pytest.mark.parametrize(
    ("version", "level", "says"),
    [("v1.9.3", "ok", "exactly one job"), ("v1.5.2", "warn", "at least one"), ("v2.0.0", "warn", "Bacalhau 2.0.0 is not known"), ("dev", "warn", "announces no usable version")],
)
def test_what_a_release_means_for_the_promise(orchestrator, at, version, level, says):
    """A user would count on what this server cannot keep."""
    orchestrator.version = version
    found = at()
    assert found["release"][0] == level
    assert says in found["release"][1]


@pytest.mark.parametrize(("ahead", "level", "says"), [(0, "ok", "differs by 0 s"), (3600, "warn", "ahead of"), (-3600, "warn", "behind")])
def test_a_wrong_clock_is_told(at, monkeypatch, ahead, level, says):
    """Signed URLs would be refused and nobody would think of the clock."""
    monkeypatch.setattr("airflow_provider_bacalhau.client.protocol.server_date", lambda headers: time.time() + ahead)
    found = at()["clock"]
    assert found[0] == level
    assert says in found[1]


def test_a_deployment_is_told_with_its_place(at, monkeypatch):
    """Two Airflows with one name would not be noticed."""
    assert at(extra={"deployment": "prod-eu"})["deployment"] == ("ok", "prod-eu (from the connection)")
    monkeypatch.setenv("AIRFLOW__BACALHAU__DEPLOYMENT", "lab")
    assert at()["deployment"] == ("ok", "lab (from [bacalhau] deployment)")


def test_a_slow_list_is_told_with_its_price(orchestrator, at, spec, monkeypatch):
    """Every retry would take seconds and nobody would know why."""
    orchestrator.add({**spec, "Name": "a"})
    assert at()["jobs"][1].startswith("1 stored; ")
    monkeypatch.setattr(room, "LIST_SECONDS", 0.0)
    assert at()["jobs"][0] == "warn"


def test_nodes_that_take_no_work_are_named(orchestrator, at):
    """A cluster without workers would pass."""
    def node(name, **state):
        info = {"NodeID": name, "NodeType": "Compute", "Labels": {}, "ComputeNodeInfo": {"ExecutionEngines": ["docker"]}}
        return {"Info": info, "Membership": "APPROVED", "Connection": "CONNECTED", **state}

    orchestrator.nodes = [node("a"), node("b", Membership="PENDING")]
    level, text = at()["nodes"]
    assert (level, text.endswith("Taking no work: b; approve or restart them.")) == ("warn", True)
    orchestrator.nodes = [node("b", Connection="DISCONNECTED")]
    assert at()["nodes"][0] == "FAIL"


@pytest.mark.parametrize(
    ("tls", "level", "says"),
    [("auto", "ok", "days left"), ("auto:expired", "FAIL", "not valid today"), ("auto:wrong-host", "FAIL", "certificate"), ("auto:unknown-ca", "FAIL", "certificate")],
)
def test_certificates_are_looked_at(visited, tls, level, says):
    """An expired certificate would look like a server that is down."""
    with stub_server("--tls", tls) as stub:
        found = visited(host=stub.url, extra={"ca_cert": stub._exchange._ca_file})
    assert found["tls"][0] == level
    assert says in found["tls"][1]
    assert ("release" in found) == (level == "ok")


def test_a_certificate_that_ends_soon_is_a_warning(visited, monkeypatch):
    """All tasks would fail on one day."""
    monkeypatch.setattr(room, "CERTIFICATE_DAYS", 100_000)
    with stub_server("--tls", "auto") as stub:
        connection = json.loads(stub.environment()["AIRFLOW_CONN_BACALHAU_DEFAULT"])
        level, text = visited(**connection)["tls"]
        assert (level, "renew it" in text) == ("warn", True)
        connection["extra"] = {"verify": False}
        level, text = visited(**connection)["tls"]
        assert (level, "verify is off" in text) == ("warn", True)


def test_a_way_through_a_proxy_is_left_to_it(visited, monkeypatch):
    """A machine that reaches the server only through its proxy would be told that there is no such host."""
    monkeypatch.setenv("http_proxy", "http://user:canary@127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    found = visited(host="bacalhau.invalid")
    assert found["dns"] == ("ok", "left to the proxy of this machine's environment, 127.0.0.1:1")
    assert failure(found)[::2] == ("auth", False)
    assert "canary" not in str(found)
