"""What Airflow asks every provider at start. Imports nothing, because every Airflow process loads it."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata in the shape of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-provider-bacalhau",
        "name": "Bacalhau",
        "description": "Run jobs on a Bacalhau cluster.",
    }
