"""The one file that knows Airflow's versions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_bacalhau import version_compat as compat


def test_it_imports_without_a_deprecation_warning():
    """Every parse of every DAG would print one."""
    code = (
        "import warnings, airflow.sdk; warnings.simplefilter('error'); import airflow_provider_bacalhau.version_compat"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_final_errors_are_those_that_airflow_does_not_retry():
    """Airflow would retry what can never work."""
    assert issubclass(compat.AirflowFailException, compat.AirflowException)


def test_a_record_outlives_a_try(store):
    """The next try would not know what is in flight."""
    context = {"task_state_store": store}
    assert compat.remembered(context) is None
    assert compat.store_forever(context, {"phase": "submitted"})
    assert compat.remembered(context) == {"phase": "submitted"}


def test_without_a_store_nothing_is_kept_and_nothing_breaks():
    """On Airflow 3.1 every task would fail."""
    assert not compat.store_forever({}, {"phase": "submitted"})
    assert compat.remembered({}) is None
    assert not compat.run_clears_are_counted({})


def test_a_store_that_refuses_is_heard(store):
    """A superseded worker would go on."""
    store.lost = True
    with pytest.raises(RuntimeError):
        compat.store_forever({"task_state_store": store}, {})


def test_secrets_are_recognised():
    """A password in a job's environment would be sent without a word."""
    assert compat.masks({"env": {"DB_PASSWORD": "x"}})
    assert not compat.masks({"env": {"DAY": "x"}})
