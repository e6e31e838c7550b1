"""The ready retry policy, and Airflows that know none."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest

from airflow_provider_bacalhau.version_compat import AirflowOptionalProviderFeatureException, trigger_has_on_kill


def test_an_airflow_without_policies_says_so_in_one_sentence():
    """The import error would name a class of Airflow that the user never heard of."""
    too_old = pytest.raises(AirflowOptionalProviderFeatureException, match=r"needs Airflow 3\.3 or newer: leave it out")
    with contextlib.nullcontext() if trigger_has_on_kill() else too_old:
        from airflow_provider_bacalhau.policies.retry import BacalhauRetryPolicy

        assert BacalhauRetryPolicy().serialize()["never"] == []


def test_no_operator_brings_the_policy_along():
    """Every DAG file would pay for it, and none could be read before Airflow 3.3."""
    rooms = ("operators.job", "operators.docker", "operators.wasm", "operators.stop", "operators.results", "sensors.job")
    code = "".join(f"import airflow_provider_bacalhau.{room}\n" for room in rooms)
    code += "import sys; print([name for name in sys.modules if 'bacalhau.policies' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
