"""An Airflow of the session's own: a folder, a database that every test finds empty, and no other configuration."""

from __future__ import annotations

import fcntl
import gc
import io
import json
import sqlite3
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import ExitStack, closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow_provider_bacalhau.testing.inprocess import signals_given_back, warm_up

BUNDLE = "dags-folder"
"""The bundle that DAGs are stored under, as in a new Airflow. Its folder is empty: what a test runs is read by itself,
and `dag.test()` would read every file of a real one each time."""
_LOCAL_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"
_VARIABLES = ("SQL_ALCHEMY_CONN", "SQL_ALCHEMY_CONN_ASYNC", "DAGS_FOLDER", "PLUGINS_FOLDER")
_ENGINES = ("engine", "Session", "NonScopedSession", "async_engine", "AsyncSession")


class AirflowHome:
    """The folder of one session, or of one worker of pytest-xdist."""

    def __init__(self, folder: Path, shared: Path) -> None:
        """`shared`: a folder of all workers, where a migrated database is handed on."""
        self._folder = folder
        self._shared = shared
        self._settings: dict[str, Any] = {}
        for name in ("dags", "plugins", "logs"):
            (folder / name).mkdir()

    def environment(self) -> dict[str, str]:
        """The variables by which Airflow lives here and nowhere else."""
        folder = self._folder
        bundle = {"name": BUNDLE, "classpath": _LOCAL_BUNDLE, "kwargs": {"path": str(folder / "dags")}}
        sections = {
            "CORE__UNIT_TEST_MODE": "True",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGBAG_IMPORT_TIMEOUT": "0",  # a limit of the test's own would be lost
            "CORE__DAGS_FOLDER": str(folder / "dags"),
            "CORE__PLUGINS_FOLDER": str(folder / "plugins"),
            "DATABASE__SQL_ALCHEMY_CONN": self._url,
            "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
            "LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        }
        return {"AIRFLOW_HOME": str(folder), **{f"AIRFLOW__{name}": value for name, value in sections.items()}}

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Airflow as a new one, for as long as its environment is set; afterwards it is as it was."""
        with ExitStack() as stack:
            with _uncollected(), signals_given_back():
                configuration = import_module("airflow.configuration")
                if str(configuration.AIRFLOW_HOME) != str(self._folder):
                    stack.enter_context(_without(configuration))
                stack.enter_context(self._own_database(import_module("airflow.settings")))
                warm_up()
            yield

    def close(self) -> None:
        """Close the database."""
        for name in ("engine", "async_engine"):
            engine = self._settings.get(name)
            if engine is not None:
                getattr(engine, "sync_engine", engine).dispose()

    @property
    def _database(self) -> Path:
        return self._folder / "airflow.db"

    @property
    def _template(self) -> Path:
        return self._folder / "new.db"

    @property
    def _url(self) -> str:
        return f"sqlite:///{self._database}"

    @contextmanager
    def _own_database(self, settings: Any) -> Iterator[None]:
        """Airflow's engines lead to an empty database; those that it had are put aside meanwhile."""
        names = [name for name in (*_VARIABLES, *_ENGINES) if hasattr(settings, name)]
        before = {name: getattr(settings, name) for name in names}
        try:
            if not self._settings:
                if before["SQL_ALCHEMY_CONN"] != self._url:
                    settings.configure_vars()
                    settings.configure_orm()
                self._migrate()
                self._settings = {name: getattr(settings, name) for name in names}
            else:
                _put(settings, self._settings)
                _copy(self._template, self._database)
            yield
        finally:
            if self._settings:
                settings.Session.remove()  # what the test left open would hold the database
            _put(settings, before)

    def _migrate(self) -> None:
        """A migrated database: made by the first worker, copied by the others."""
        shared = self._shared / "bacalhau-airflow.db"
        with (self._shared / "bacalhau-airflow.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if shared.exists():
                _copy(shared, self._database)
            else:
                import_module("airflow.utils.db").initdb()
                _copy(self._database, shared)
        _copy(shared, self._template)


@contextmanager
def _uncollected() -> Iterator[None]:
    """While modules are imported and routes are built nothing becomes garbage, and looking for it takes a third of the
    time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _put(settings: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)


def _copy(source: Path, target: Path) -> None:
    """The content of an SQLite file; whoever has the target open sees it as well."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)


@contextmanager
def _without(configuration: Any) -> Iterator[None]:
    """Airflow was imported before it could be told where to live: what it read from files there does not count, nor
    does a secrets backend that stood in them."""
    of_tasks = sys.modules.get("airflow.sdk.configuration")
    with ExitStack() as stack:
        for module in filter(None, (configuration, of_tasks)):
            stack.enter_context(_blank(module.conf))
        backends, kept = configuration.secrets_backend_list, list(configuration.secrets_backend_list)
        cache = getattr(of_tasks, "_secrets_backend_cache", {})  # since 3.2
        cached = dict(cache)
        backends[:] = configuration.initialize_secrets_backends()
        cache.clear()
        try:
            yield
        finally:
            backends[:] = kept
            cache.clear()
            cache.update(cached)


@contextmanager
def _blank(parser: Any) -> Iterator[None]:
    """A configuration without what was read from files; one that was made for unit tests has read none."""
    if RawConfigParser.get(parser, "core", "unit_test_mode", fallback="") == "True":
        yield
        return
    kept = io.StringIO()
    RawConfigParser.write(parser, kept)
    parser.remove_all_read_configurations()
    try:
        yield
    finally:
        parser.remove_all_read_configurations()
        parser.read_string(kept.getvalue())
