"""What a job's end means for its task, as data that survives a process.

Integers, texts and traps are those recorded from released servers: a non-zero exit code is Completed for the server,
-1 of a completed wasm execution means "returned normally", and only executions that ran to an end have an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from airflow_provider_bacalhau.lifecycle.failures import Cause, cause_of
from airflow_provider_bacalhau.lifecycle.logs import tail
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.models.responses import HistoryItem

Outcome = Literal["succeeded", "failed", "stopped", "timed_out", "lost"]
