"""The pytest plugin, in projects of their own: alone, and with the workers of pytest-xdist."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

CONFTEST = """
import os
os.environ["AIRFLOW_CONN_OWN"] = "http://own"
os.environ["AWS_REGION"] = "own-1"
"""
INI = "[pytest]\nbacalhau_keep_environment = AIRFLOW_CONN_KEPT AWS_PROF*\n"
TESTS = '''
import json, os, threading, urllib.request
import pytest

def submit(stub, image="acme/claen:1.4"):
    engine = {"Type": "docker", "Params": {"Image": image}}
    job = {"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": engine}]}
    request = urllib.request.Request(stub.url + "/api/v1/orchestrator/jobs", json.dumps({"Job": job}).encode(),
                                     {"Content-Type": "application/json"}, method="PUT")
    return urllib.request.urlopen(request).read()

def test_fails(bacalhau_stub):
    bacalhau_stub.on(image="acme/clean:*").exit(0)
    submit(bacalhau_stub)
    assert 0, "broken on purpose"

def test_unused_script(bacalhau_stub):
    bacalhau_stub.on(image="never/played").exit(0)

def test_unmet_fault(bacalhau_stub):
    bacalhau_stub.fault("PUT", "*/never", "drop_reply")

def test_optional(bacalhau_stub):
    bacalhau_stub.on(image="never/minded", optional=True).exit(0)
    bacalhau_stub.fault("PUT", "*/never", "drop_reply", optional=True)

def test_used(bacalhau_stub):
    bacalhau_stub.on(image="acme/claen").exit(0)
    submit(bacalhau_stub)

def test_skipped(bacalhau_stub):
    bacalhau_stub.on(image="never/reached").exit(0)
    pytest.skip("not here")

@pytest.mark.xfail
def test_expected_to_fail(bacalhau_stub):
    bacalhau_stub.on(image="never/reached").exit(0)
    assert 0

def test_stub_is_gone(bacalhau_stub, request):
    bacalhau_stub.url = bacalhau_stub._exchange.url = "http://127.0.0.1:1"
    bacalhau_stub._exchange.close()
    bacalhau_stub._exchange._parts = urllib.parse.urlsplit(bacalhau_stub.url)
    assert 0, "broken on purpose"

def test_environment(bacalhau_connection):
    here = bacalhau_connection.url.removeprefix("http://").split(":")
    connection = json.loads(os.environ["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    assert [connection["host"], str(connection["port"])] == here
    assert bacalhau_connection.info["s3"]["endpoint"] in os.environ["AIRFLOW_CONN_AWS_DEFAULT"]
    assert os.environ["AWS_ENDPOINT_URL_S3"] == bacalhau_connection.info["s3"]["endpoint"]
    for name in ("AIRFLOW_CONN_PROD", "AIRFLOW__SECRETS__BACKEND", "AWS_SESSION_TOKEN"):
        assert name not in os.environ
    assert os.environ["AIRFLOW_CONN_OWN"] == "http://own" and os.environ["AWS_REGION"] == "own-1"
    assert os.environ["AIRFLOW_CONN_KEPT"] == "kept" and os.environ["AWS_PROFILE"] == "kept"
    assert "127.0.0.1" in os.environ["NO_PROXY"]

def test_environment_is_given_back():
    assert os.environ["AIRFLOW_CONN_PROD"] == "prod" and "AIRFLOW_CONN_BACALHAU_DEFAULT" not in os.environ
    assert os.environ["AWS_SESSION_TOKEN"] == "prod"

@pytest.mark.parametrize("bacalhau_stub_flags", [["--emulate", "1.7.0"]])
def test_flags(bacalhau_stub):
    assert bacalhau_stub.info["release"] == "1.7.0"

@pytest.mark.parametrize("bacalhau_stub_flags", [["--nodes", "few"]])
def test_wrong_flags(bacalhau_stub):
    pass
'''
SHELL = {
    "AIRFLOW_CONN_PROD": "prod",
    "AIRFLOW_CONN_KEPT": "kept",
    "AIRFLOW__SECRETS__BACKEND": "acme.Vault",
    "AWS_PROFILE": "kept",
    "AWS_REGION": "prod-1",
    "AWS_SESSION_TOKEN": "prod",
}
EXPECTED = {
    "test_fails": "FAILED",
    "test_stub_is_gone": "FAILED",
    "test_unused_script": "ERROR",
    "test_unmet_fault": "ERROR",
    "test_wrong_flags[bacalhau_stub_flags0]": "ERROR",
}


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["alone", "workers"])
def outcome(request, tmp_path_factory):
    """What pytest says about the project; nothing is left of it."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in (("conftest.py", CONFTEST), ("pytest.ini", INI), ("test_it.py", TESTS), ("tmp/x", "")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "tmp" / "x").unlink()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_", "PYTEST_"))}
    environment |= SHELL | {"TMPDIR": str(folder / "tmp")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *request.param],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    left = [path.name for path in (folder / "tmp").iterdir() if not path.name.startswith("pytest-of-")]
    assert left == [], done.stdout
    return done.stdout


def test_what_passes_and_what_does_not(outcome):
    """A test would fail that is right, or pass that is wrong: alone or in parallel."""
    found = {}
    for word in ("PASSED", "FAILED", "ERROR"):
        found |= dict.fromkeys(re.findall(rf"^{word} test_it.py::(\S+)", outcome, re.MULTILINE), word)
    assert {name: word for name, word in found.items() if word != "PASSED"} == EXPECTED
    assert {"test_optional", "test_used", "test_environment", "test_environment_is_given_back"} <= found.keys()
    assert "1 skipped" in outcome
    assert "1 xfailed" in outcome


def test_a_failed_test_shows_its_stub(outcome):
    """Whoever sees a red test would not see what its client did."""
    section = outcome.partition("broken on purpose")[2].partition("- bacalhau stub -")[2]
    assert "no script matched (image acme/claen:1.4); nearest: acme/clean:* (differs in image)" in section
    assert "PUT    /api/v1/orchestrator/jobs -> 200" in section


def test_what_was_not_needed_is_said_with_the_journal(outcome):
    """A script that no job played would prove nothing."""
    assert "script never played: on(image='never/played').exit(0)\n" in outcome
    assert "fault never met: fault('PUT', '*/never', 'drop_reply', nth=1, times=1)\n" in outcome
    assert "script never played: on(image='never/reached')" not in outcome
    assert "never/minded" not in outcome.partition("= PASSES =")[0]
    assert "journal: no request" in outcome.partition("script never played")[2]


def test_a_stub_that_cannot_be_asked_hides_nothing(outcome):
    """The plugin's own trouble would stand in the place of the test's."""
    assert "no stub answers at http://127.0.0.1:1" in outcome
    assert "INTERNALERROR" not in outcome


def test_wrong_flags_are_named(outcome):
    """A typo in a flag would be an error of somebody else's."""
    assert "--nodes few" in outcome
