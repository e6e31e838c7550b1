"""DAGs in the hands of a test: the pytest plugin (fixture `run_dag`) and the typed values that it gives.

Loaded by every pytest of an environment that has this package: nothing but the standard library is imported here.
"""

from airflow_provider_bacalhau.testing.run import Attempt, Run
from airflow_provider_bacalhau.testing.runner import DagError, RunDag

__all__ = ["Attempt", "DagError", "Run", "RunDag"]

pytest_plugins = ("airflow_provider_bacalhau.testing.plugin",)
