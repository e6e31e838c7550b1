"""What the tests of the operators share."""

from __future__ import annotations

import pytest


@pytest.fixture
def operator(spec):
    """Make an operator with a small job."""

    from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator

    def make(**arguments):
        return BacalhauSubmitJobOperator(task_id="clean", **{"job_spec": spec, **arguments})

    return make
