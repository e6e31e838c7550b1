"""Labels and Meta of a job that mean something to the stub."""

from __future__ import annotations

AIRFLOW_KEY = "airflow-key"
"""Label by the provider: equal for all jobs of one Airflow task instance, different for everything else."""
AIRFLOW_DAG_ID, AIRFLOW_TASK_ID, AIRFLOW_RUN_ID = "airflow-dag-id", "airflow-task-id", "airflow-run-id"
AIRFLOW_MAP_INDEX = "airflow-map-index"
"""Meta by the provider: raw ids of DAG, task and run, and which task of a mapped one (`lifecycle/identity.py` there).
"""
OWN_SCRIPT = "stub.bacalhau.org/"
"""How the labels begin by which a job brings a script of its own."""
