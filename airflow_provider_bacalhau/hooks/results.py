"""Bringing results back with what the connection says: which hosts are allowed, and where S3 access comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.errors import ApiError
from airflow_provider_bacalhau.hooks.connection import EVERY_NODE

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.connection import Connected
    from airflow_provider_bacalhau.models.execution import Execution
    from airflow_provider_bacalhau.models.job import Job
    from airflow_provider_bacalhau.models.results import PublishedResult
    from airflow_provider_bacalhau.results.fetch import Fetcher
    from airflow_provider_bacalhau.results.manifest import Manifest, SourceSpec

JobPlace = tuple[str, str | None]
"""Id and namespace of a job."""


def download(
    hook: Connected,
    jobs: Sequence[str | JobPlace],
    target: str,
    *,
    only: str | Sequence[str] | None = None,
    layout: str = "per-execution",
    overwrite: str = "replace",
    allow_empty: bool = False,
    aws_conn_id: str | None = None,
    namespace: str | None = None,
) -> list[str]:
    """Fetch what jobs published and put it at `target`; returns the written paths or uris.

    :param jobs: ids, or (id, namespace).
    :param target: an absolute folder or an s3 uri.
    :raises ResultError: a result cannot be had; the target is then as it was.
    """
    client = hook.get_conn()
    space = namespace or hook.namespace
    places = [(job, space) if isinstance(job, str) else (job[0], job[1] or space) for job in jobs]
    described = [client.describe_job(job_id, namespace=where)[:2] for job_id, where in places]
    found = [(job, executions, manifest_of(client, job, executions)) for job, executions in described]
    items = [item for _, _, manifest in found for item in manifest.items]
    fetch = fetcher(hook, [job for job, _, _ in found], aws_conn_id=aws_conn_id)
    return fetch.download(items, target=target, only=only, layout=layout, overwrite=overwrite, allow_empty=allow_empty)


def manifest_of(client: Client, job: Job, executions: Sequence[Execution]) -> Manifest:
    """What a job published, without credentials; empty for services and daemons, which have no results."""
    from airflow_provider_bacalhau.results.manifest import build_manifest

    return build_manifest(_published(client, job), executions)


def fetcher(
    hook: Connected,
    jobs: Sequence[Job],
    *,
    aws_conn_id: str | None = None,
    client: Client | None = None,
    note: Callable[[str], None] | None = None,
) -> Fetcher:
    """A fetcher for the results of these jobs, which may come from the orchestrator's host, the nodes, the S3 endpoint
    of the jobs' own specs, and the connection's `result_hosts`."""
    from airflow_provider_bacalhau.client.tls import results_context
    from airflow_provider_bacalhau.results.fetch import Fetcher
    from airflow_provider_bacalhau.results.hosts import allowed_hosts

    asked = client or hook.get_conn()
    config, options = hook.config, hook.options
    allowed = allowed_hosts(
        config.base_url,
        nodes=_addresses(asked),
        publishers=[task.get("Publisher") or {} for job in jobs for task in job.tasks],
        extra=options.result_hosts,
    )

    def renew() -> list[PublishedResult]:
        return [result for job in jobs for result in _published(asked, job)]

    return Fetcher(
        renew,
        allowed,
        open_s3=s3_opener(aws_conn_id or options.aws_conn_id or "aws_default"),
        ipfs_gateway=options.ipfs_gateway or "",
        verify=results_context(config),
        connect_timeout=config.connect_timeout,
        read_timeout=config.read_timeout,
        note=note or (lambda line: hook.log.info("%s", line)),
    )


def s3_opener(aws_conn_id: str) -> Callable[[SourceSpec], Any] | None:
    """Opens boto3 clients with the Amazon provider's S3Hook; None when that provider is not installed.

    The endpoint of the Airflow connection wins over the one that a job's spec names.
    """
    if find_spec("airflow.providers.amazon") is None:
        return None

    def open_s3(source: SourceSpec) -> Any:
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook

        s3 = S3Hook(aws_conn_id=aws_conn_id, region_name=source.region or None)
        endpoint = s3.conn_config.get_service_endpoint_url("s3") or source.endpoint or None
        return s3.get_session(region_name=s3.region_name).client(
            "s3", endpoint_url=endpoint, config=s3.config, verify=s3.verify
        )

    return open_s3


def shown_result(result: dict[str, Any]) -> dict[str, Any]:
    """A published result whose URLs are cut before the query: a signed URL is a credential."""
    from airflow_provider_bacalhau.results.manifest import without_query

    params = {
        name: without_query(value) if isinstance(value, str) and "?" in value and "://" in value else value
        for name, value in result["Params"].items()
    }
    return {**result, "Params": params}


def shown_execution(execution: dict[str, Any]) -> dict[str, Any]:
    """An execution whose result is shown as `shown_result` does."""
    published = execution["PublishedResult"]
    return {**execution, "PublishedResult": shown_result(published) if "Params" in published else published}


def _published(client: Client, job: Job) -> list[PublishedResult]:
    if job.type in ("service", "daemon"):
        return []
    return list(client.get_results(job.id, namespace=job.namespace).items)


def _addresses(client: Client) -> list[str]:
    try:
        return [node.address for node in client.list_nodes(limit=EVERY_NODE).items]
    except ApiError:  # who may not read nodes may still read results from elsewhere
        return []
