"""Run a container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bacalhau.operators.arguments import refuse_specs
from airflow_provider_bacalhau.operators.base import BacalhauJobOperator
from airflow_provider_bacalhau.operators.task import TASK_FIELDS, TaskArguments, task_arguments

if TYPE_CHECKING:
    from airflow.sdk import Context
