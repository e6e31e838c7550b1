"""A job's result is the next job's input: handles among the inputs become what their jobs published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.handles import HandleRef, Published
    from airflow_provider_bacalhau.operators.base import BacalhauJobOperator


def resolved_inputs(
    operator: BacalhauJobOperator, inputs: Mapping[str, Any] | Sequence[Any] | None
) -> Mapping[str, Any] | Sequence[Any] | None:
    """The inputs with each handle replaced by one source per item that its job published.

    :raises ConfigError: a job published nothing, or what no input can read.
    """
    from airflow_provider_bacalhau.lifecycle.handles import inputs_from_handle, is_handle, read_handles

    if not isinstance(inputs, Mapping) or not any(is_handle(value) for value in inputs.values()):
        return inputs
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

    hook = BacalhauHook(operator.bacalhau_conn_id, namespace=operator.namespace or None)
    try:
        client = hook.get_conn()
        found: dict[str, Any] = {}
        for target, value in inputs.items():
            if is_handle(value):
                items = [item for ref in read_handles(value) for item in published(client, ref, hook.namespace)]
                found[target] = inputs_from_handle(target, items)
            else:
                found[target] = value
    finally:
        hook.close()
    return found


def published(client: Client, ref: HandleRef, namespace: str | None) -> list[Published]:
    """What the job of a handle published, each item with its execution's partition where that can be told."""
    from airflow_provider_bacalhau.lifecycle.handles import Published
    from airflow_provider_bacalhau.results.manifest import build_manifest, item_of

    space = ref.namespace or namespace
    _, executions, _ = client.describe_job(ref.job_id, namespace=space)
    results = list(client.get_results(ref.job_id, namespace=space).items)
    partitions = {item.uri: item.partition for item in build_manifest(results, executions).items}
    return [Published(result, partitions.get(item.uri)) for result in results if (item := item_of(result)) is not None]
