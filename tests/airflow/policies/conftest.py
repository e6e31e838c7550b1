"""What a policy decides can be seen where Airflow knows retry policies, from 3.3 on."""

from __future__ import annotations

from airflow_provider_bacalhau.version_compat import trigger_has_on_kill

collect_ignore = [] if trigger_has_on_kill() else ["test_decisions.py"]  # both came with the same release
