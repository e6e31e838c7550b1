"""The Airflow of a session: nobody else's, and gone afterwards."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

HOSTILE = """
[secrets]
backend = asked_by_mistake.Vault
[core]
default_task_retries = 7
[database]
sql_alchemy_conn = sqlite:///{folder}/real.db
[acme]
key = 100%%
"""
VAULT = """
class Vault:
    def __init__(self, **kwargs): pass
    def get_conn_value(self, *args, **kwargs):
        open("asked", "a").write(f"{args} {kwargs}")
    get_connection = get_variable = get_config = get_conn_value
    def _set_connection_class(self, cls): pass
"""
CONFTEST = """
import airflow
from airflow.configuration import conf
"""
TEST = """
import sqlite3
from airflow import configuration, settings
from airflow.configuration import conf
from airflow.sdk import DAG, BaseHook, task

def read():
    try:
        BaseHook.get_connection("not_in_the_environment")
    except Exception as error:
        print(error)
    return BaseHook.get_connection("bacalhau_default").host

def test_hostile(run_dag, request):
    assert conf.getint("core", "default_task_retries") == 0
    assert conf.get("acme", "key", fallback="nothing") == "nothing"
    assert "real.db" not in str(settings.engine.url)
    with DAG("reads", schedule=None) as dag:
        task(read, task_id="read")()
    run = run_dag(dag)
    assert run.xcom("read") == "127.0.0.1", run.explain()

def test_afterwards():
    assert conf.getint("core", "default_task_retries") == 7
    assert conf.get("acme", "key") == "100%"
    assert str(settings.engine.url).endswith("real.db") and settings.SQL_ALCHEMY_CONN.endswith("real.db")
    assert any(type(each).__name__ == "Vault" for each in configuration.secrets_backend_list)

def test_again(run_dag):
    assert run_dag(DAG("empty", schedule=None)).state == "success"
"""


def run_project(folder, *arguments, **environment):
    """pytest in a folder, with an environment that leads to a real Airflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_", "PYTEST_"))}
    (folder / "tmp").mkdir()
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder, env={**kept, "TMPDIR": str(folder / "tmp"), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_an_airflow_that_was_imported_before_is_put_aside(tmp_path):
    """A DAG under test would read real secrets, and write into the database of whoever runs the test."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "airflow.cfg").write_text(HOSTILE.format(folder=home))
    files = {"asked_by_mistake.py": VAULT, "conftest.py": CONFTEST, "test_it.py": TEST, "pytest.ini": "[pytest]"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = run_project(tmp_path, AIRFLOW_HOME=str(home), PYTHONPATH=path)
    assert "3 passed" in done.stdout, done.stdout
    assert not (home / "real.db").exists()
    assert not (tmp_path / "asked").exists(), (tmp_path / "asked").read_text()
    assert [each.name for each in (tmp_path / "tmp").iterdir() if not each.name.startswith("pytest-of-")] == []


def test_a_database_is_migrated_once_for_all_workers(tmp_path, monkeypatch):
    """Each worker of pytest-xdist would take its seconds to make the same tables, or two would write into one file."""
    from airflow.utils import db

    from airflow_provider_bacalhau.testing.home import AirflowHome

    made = []

    def initdb():
        made.append(first)
        with closing(sqlite3.connect(first / "airflow.db")) as new:
            new.execute("CREATE TABLE dag_run (id)")

    monkeypatch.setattr(db, "initdb", initdb)
    first, second = tmp_path / "gw0", tmp_path / "gw1"
    for folder in (first, second):
        folder.mkdir()
        AirflowHome(folder, tmp_path)._migrate()
    assert made == [first]
    for file in (first / "airflow.db", first / "new.db", second / "airflow.db", second / "new.db"):
        with closing(sqlite3.connect(file)) as found:
            assert found.execute("SELECT name FROM sqlite_master").fetchall() == [("dag_run",)]


def test_the_environment_leads_home(tmp_path):
    """Airflow would write logs, DAGs or a database where they do not belong."""
    from airflow_provider_bacalhau.testing.home import BUNDLE, AirflowHome

    made = AirflowHome(tmp_path, tmp_path).environment()
    (bundle,) = json.loads(made.pop("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"))
    assert (bundle["name"], bundle["kwargs"]) == (BUNDLE, {"path": f"{tmp_path}/dags"})
    places = {name: value for name, value in made.items() if "/" in value}
    assert len(places) == 5
    assert all(str(tmp_path) in value for value in places.values())


@pytest.mark.parametrize("plugin", ["airflow_provider_bacalhau.testing", "airflow_provider_bacalhau.testing.plugin"])
def test_loading_the_plugin_imports_nothing_third_party(plugin):
    """Every pytest of an environment with this package would import Airflow."""
    code = (
        f"import sys, pytest\nbefore = set(sys.modules)\nimport {plugin}\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['airflow_provider_bacalhau']\n"
