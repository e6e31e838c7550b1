"""Labels and Meta of a job that mean something to the stub."""

from __future__ import annotations

AIRFLOW_KEY = "airflow-key"
"""Label by the provider: equal for all jobs of one Airflow task instance, different for everything else."""
AIRFLOW_TASK_ID = "airflow-task-id"
"""Meta by the provider: the raw id of the Airflow task (`lifecycle/identity.py` there)."""
OWN_SCRIPT = "stub.bacalhau.org/"
"""How the labels begin by which a job brings a script of its own."""
