"""What reading a DAG file costs: importing the provider brings in nothing but small modules of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MAX_MODULES = 30
BASELINE = """
import airflow.sdk, airflow.sdk.bases.decorator, airflow.sdk.bases.hook, airflow.sdk.bases.operator
import airflow.sdk.bases.operatorlink, airflow.sdk.bases.sensor, airflow.triggers.base
"""
MEASURE = """
import importlib, json, pkgutil, sys
import airflow_provider_bacalhau as package
before = set(sys.modules)
rooms = ("operators", "sensors", "triggers", "hooks", "links", "decorators")
for room in rooms:
    for found in pkgutil.walk_packages([f"{package.__path__[0]}/{room}"], f"{package.__name__}.{room}."):
        importlib.import_module(found.name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def new_modules(code):
    """Names that a fresh process reports on its last line."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.airflow
def test_a_dag_file_pays_for_our_own_modules_only():
    """Every parse of every DAG file would load a client library, pydantic models or the state machines."""
    loaded = new_modules(BASELINE + MEASURE)
    assert [name for name in loaded if not name.startswith("airflow_provider_bacalhau")] == []
    heavy = ("client", "lifecycle", "models", "results")
    assert [name for name in loaded if name.split(".")[1] in heavy] == []
    assert len(loaded) <= MAX_MODULES


def test_the_stub_package_imports_nothing_third_party():
    """Whoever installs without the extra could not even import the package or load its pytest plugin."""
    loaded = new_modules(
        "import json, sys\nbefore = set(sys.modules)\nimport orchestrator_stub, orchestrator_stub.cli\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert third_party(loaded) == {"orchestrator_stub"}


def test_provider_info_imports_nothing():
    """Airflow reads it in every process; it must not load anything."""
    loaded = new_modules(
        "import json, sys\nbefore = set(sys.modules)\nimport airflow_provider_bacalhau.get_provider_info as info\n"
        "info.get_provider_info()\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert third_party(loaded) == {"airflow_provider_bacalhau"}


def third_party(modules):
    """Top packages that the standard library does not have."""
    return {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names)
