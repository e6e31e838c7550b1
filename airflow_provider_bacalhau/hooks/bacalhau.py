"""The hook: everything a DAG author can ask a Bacalhau orchestrator for, in plain JSON values.

Answers come in the spelling of Bacalhau 1.9.3 whatever the server's release, as dicts, lists and text, because what a
`@task` returns must survive XCom. Every method has an async twin with the prefix `a`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, cast

from airflow.sdk import BaseHook

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.config import ClientConfig, ConnectionOptions, Parsed
    from airflow_provider_bacalhau.client.sync import Client

Labels = str | Sequence[str] | None
Identity = Literal["task", "call"] | None


class BacalhauHook(BaseHook):
    """Talk to a Bacalhau orchestrator.

    :param bacalhau_conn_id: an Airflow connection of type `bacalhau`.
    :param namespace: used where a call names none; None: the connection's.
    """

    conn_name_attr = "bacalhau_conn_id"
    default_conn_name = "bacalhau_default"
    conn_type = "bacalhau"
    hook_name = "Bacalhau"

    def __init__(self, bacalhau_conn_id: str = default_conn_name, *, namespace: str | None = None) -> None:
        super().__init__()
        self.bacalhau_conn_id = bacalhau_conn_id
        self._namespace = namespace
        self._parsed: Parsed | None = None
        self._client: Client | None = None

    @staticmethod
    def get_ui_field_behaviour() -> dict[str, Any]:
        """Names and placeholders of the standard fields in the connection form of Airflow 3.1."""
        from airflow_provider_bacalhau.get_provider_info import ui_field_behaviour

        return ui_field_behaviour()

    @staticmethod
    def get_connection_form_widgets() -> dict[str, Any]:
        """The extra fields of the connection form of Airflow 3.1."""
        from airflow_provider_bacalhau.hooks.connection import form_widgets

        return form_widgets()

    # --- the connection -------------------------------------------------------------------------------------------

    def parsed(self) -> Parsed:
        """The connection, read and checked once; its warnings go to the log.

        :raises ConfigError: a field is wrong; the sentence names it.
        """
        if self._parsed is None:
            from airflow_provider_bacalhau.hooks.connection import read

            self._keep(read(self.get_connection(self.bacalhau_conn_id)))
        return self._known()

    async def aparsed(self) -> Parsed:
        """As `parsed`, for a running event loop."""
        if self._parsed is None:
            from airflow_provider_bacalhau.hooks.connection import aread

            self._keep(await aread(await self.aget_connection(self.bacalhau_conn_id)))
        return self._known()

    def _keep(self, parsed: Parsed) -> None:
        self._parsed = parsed
        for warning in parsed.warnings:
            self.log.warning("Connection %s: %s", self.bacalhau_conn_id, warning)

    def _known(self) -> Parsed:
        if self._parsed is None:
            raise AssertionError
        return self._parsed

    @property
    def config(self) -> ClientConfig:
        """What the clients need: address, credential, TLS, timeouts."""
        return self.parsed().config

    @property
    def options(self) -> ConnectionOptions:
        """What else the connection says: web UI, deployment, AWS connection, hosts of results."""
        return self.parsed().options

    @property
    def namespace(self) -> str | None:
        """The namespace of calls that name none; None leaves it to the job or the server."""
        return self._namespace or self.config.namespace

    def get_conn(self) -> Client:
        """The client of this hook, made at the first call and kept."""
        if self._client is None:
            self._client = self.new_client()
        return self._client

    def new_client(self) -> Client:
        """A further client that shares nothing with `get_conn`'s, for another thread or a signal handler."""
        from airflow_provider_bacalhau.client.sync import Client

        return Client(self.config)

    @asynccontextmanager
    async def aconn(self) -> AsyncIterator[AsyncClient]:
        """An async client for the body of the `async with`; its TLS context is made off the loop."""
        import asyncio

        config = (await self.aparsed()).config

        def make() -> AsyncClient:
            from airflow_provider_bacalhau.client.aio import AsyncClient

            return AsyncClient(config)

        async with await asyncio.to_thread(make) as client:
            yield client

    def close(self) -> None:
        """Close the connections to the orchestrator; the next call opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def test_connection(self) -> tuple[bool, str]:
        """Prove, without effect, that this connection may read and submit; says what the cluster has."""
        from airflow_provider_bacalhau.hooks.connection import check

        return check(self)

    # --- jobs -----------------------------------------------------------------------------------------------------

    def submit_job(self, job: Mapping[str, Any], *, identity: Identity = None) -> str:
        """Submit a job that no task waits for, and return its id.

        The job is nobody's to end: neither a kill of the task nor `reap` stops it, so give it Timeouts or stop it.

        :param job: the spec as a dict; it is checked before it is sent.
        :param identity: "task" (default inside a task): the n-th call of a try takes over the job that the n-th call of
            an earlier try made, if it lives or ended well and the spec is the same; if it lives and may not be taken
            over, it is stopped first. Each process counts anew, so an operator that defers passes "call" (default
            elsewhere): safe against a lost reply only, every call is a job.
        :raises SpecError: the spec is wrong. ApiError: the server refused it or cannot be reached.
        """
        from airflow_provider_bacalhau.hooks.calls import Caller, submit_call

        return submit_call(self, job, Caller.now(identity))

    async def asubmit_job(self, job: Mapping[str, Any], *, identity: Identity = None) -> str:
        """As `submit_job`, for a running event loop; calls count in the order in which they begin."""
        from airflow_provider_bacalhau.hooks.calls import Caller, in_thread, submit_call

        caller = Caller.now(identity)
        return await in_thread(self, lambda other: submit_call(other, job, caller))

    def get_job(self, job_id: str, *, namespace: str | None = None) -> dict[str, Any]:
        """One job by id or, from 1.8 on, by name.

        :raises NotFound: there is no such job.
        """
        return self.get_conn().get_job(job_id, namespace=namespace or self.namespace).to_plain()

    async def aget_job(self, job_id: str, *, namespace: str | None = None) -> dict[str, Any]:
        """As `get_job`, for a running event loop."""
        async with self.aconn() as client:
            return (await client.get_job(job_id, namespace=namespace or self.namespace)).to_plain()

    def list_jobs(
        self,
        *,
        namespace: str | None = None,
        labels: Labels = None,
        limit: int | None = None,
        next_token: str | None = None,
        order_by: str | None = None,
        reverse: bool = False,
    ) -> dict[str, Any]:
        """Jobs as `{"NextToken", "Items"}`: one page with a limit, else all of them.

        Every list costs the server time for each job that it ever stored.

        :param namespace: "*" for all.
        :param labels: selectors as the command line takes them, one text or several.
        :param next_token: of the page before.
        :param order_by: "created_at" or "modified_at"; servers of the old documentation also know "id".
        """
        space = namespace or self.namespace
        filters: dict[str, Any] = {"namespace": space, "labels": labels, "order_by": order_by, "reverse": reverse}
        return self._pages("list_jobs", limit=limit, next_token=next_token, **filters)

    async def alist_jobs(self, **options: Any) -> dict[str, Any]:
        """As `list_jobs`, for a running event loop."""
        return cast("dict[str, Any]", await self._athread("list_jobs", **options))

    def iter_jobs(
        self,
        *,
        namespace: str | None = None,
        labels: Labels = None,
        limit: int | None = None,
        order_by: str | None = None,
        reverse: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Job after job, page after page while the caller reads on; at most `limit` jobs. The rest as `list_jobs`."""
        jobs = self.get_conn().iter_jobs(
            namespace=namespace or self.namespace, labels=labels, order_by=order_by, reverse=reverse
        )
        for job in islice(jobs, limit):
            yield job.to_plain()

    async def aiter_jobs(self, *, limit: int | None = None, **options: Any) -> AsyncIterator[dict[str, Any]]:
        """As `iter_jobs`, for a running event loop."""
        space = options.pop("namespace", None) or (await self.aparsed()).config.namespace
        async with self.aconn() as client:
            left = limit
            async for job in client.iter_jobs(namespace=self._namespace or space, **options):
                if left is not None and left <= 0:
                    return
                left = None if left is None else left - 1
                yield job.to_plain()

    def stop_job(self, job_id: str, *, reason: str | None = None, namespace: str | None = None) -> str:
        """Stop a job; returns the evaluation's id, empty when it was stopped already.

        :raises Conflict: it has ended. NotFound: there is no such job.
        """
        space = namespace or self.namespace
        return self.get_conn().stop_job(job_id, reason=reason or "", namespace=space).evaluation_id

    async def astop_job(self, job_id: str, *, reason: str | None = None, namespace: str | None = None) -> str:
        """As `stop_job`, for a running event loop."""
        async with self.aconn() as client:
            space = namespace or self.namespace
            return (await client.stop_job(job_id, reason=reason or "", namespace=space)).evaluation_id

    def get_job_history(
        self,
        job_id: str,
        *,
        namespace: str | None = None,
        limit: int | None = None,
        next_token: str | None = None,
        **filters: Any,
    ) -> dict[str, Any]:
        """Events of a job as `{"NextToken", "Items"}`: one page with a limit, else all up to now.

        :param next_token: of the page before; while a job runs, the last page has one too, for what will happen.
        :param filters: `since` (epoch seconds), `event_type` ("job" or "execution"), `execution_id`, `node_id`.
        """
        space = namespace or self.namespace
        return self._pages("get_history", job_id, limit=limit, next_token=next_token, namespace=space, **filters)

    async def aget_job_history(self, job_id: str, **options: Any) -> dict[str, Any]:
        """As `get_job_history`, for a running event loop."""
        return cast("dict[str, Any]", await self._athread("get_job_history", job_id, **options))

    def get_job_executions(
        self,
        job_id: str,
        *,
        namespace: str | None = None,
        limit: int | None = None,
        next_token: str | None = None,
        order_by: str | None = None,
        reverse: bool = False,
    ) -> dict[str, Any]:
        """Executions of a job, the failed ones too, as `{"NextToken", "Items"}`: one page with a limit, else all.

        :param order_by: "create_time" or "modify_time"; servers of the old documentation also know "id" and "state".
        """
        order: dict[str, Any] = {"namespace": namespace or self.namespace, "order_by": order_by, "reverse": reverse}
        return self._pages("get_executions", job_id, limit=limit, next_token=next_token, **order)

    async def aget_job_executions(self, job_id: str, **options: Any) -> dict[str, Any]:
        """As `get_job_executions`, for a running event loop."""
        return cast("dict[str, Any]", await self._athread("get_job_executions", job_id, **options))

    def get_job_results(self, job_id: str, *, namespace: str | None = None) -> dict[str, Any]:
        """What a job published, as `{"NextToken", "Items": [{"Type", "Params"}]}`.

        URLs come without their query, which may be a credential.
        """
        from airflow_provider_bacalhau.hooks.calls import collect
        from airflow_provider_bacalhau.hooks.results import shown_result

        client, space = self.get_conn(), namespace or self.namespace
        return collect(
            lambda _: client.get_results(job_id, namespace=space), limit=None, next_token=None, shown=shown_result
        )

    async def aget_job_results(self, job_id: str, *, namespace: str | None = None) -> dict[str, Any]:
        """As `get_job_results`, for a running event loop."""
        return cast("dict[str, Any]", await self._athread("get_job_results", job_id, namespace=namespace))

    def wait_for_job(self, job_id: str, *, namespace: str | None = None, **limits: Any) -> dict[str, Any]:
        """Wait until a job has ended well, and return its handle (job_id, state, exit_codes, results, ...).

        :param limits: `timeout` in seconds, after which the job runs on; `fail_on_exit_code` (True);
            `poll_interval` in seconds (adaptive).
        :raises JobError: it failed, was stopped, is lost, or `timeout` passed.
        """
        from airflow_provider_bacalhau.hooks.job import wait_call

        return wait_call(self, job_id, namespace or self.namespace, **limits)

    async def await_for_job(self, job_id: str, *, namespace: str | None = None, **limits: Any) -> dict[str, Any]:
        """As `wait_for_job`, for a running event loop."""
        from airflow_provider_bacalhau.hooks.job import await_call

        return await await_call(self, job_id, namespace, **limits)

    def get_job_logs(
        self, job_id: str, *, namespace: str | None = None, execution_id: str | None = None, timeout: float = 10.0
    ) -> str:
        """What a job has written up to now, at most `timeout` seconds of reading; stdout and stderr as they came."""
        from airflow_provider_bacalhau.hooks.logs import dump

        return dump(self, job_id, namespace=namespace or self.namespace, execution_id=execution_id, timeout=timeout)

    async def aget_job_logs(self, job_id: str, **options: Any) -> str:
        """As `get_job_logs`, for a running event loop."""
        return str(await self._athread("get_job_logs", job_id, **options))

    def download_results(self, job_id: str, target: str, **options: Any) -> list[str]:
        """Bring what a job published to `target` (a path or an s3 uri); returns the written uris.

        :param options: as of BacalhauGetResultsOperator: `only`, `layout`, `overwrite`, `allow_empty`, `aws_conn_id`,
            and `namespace`.
        :raises ResultError: a result cannot be had, or is not complete.
        """
        from airflow_provider_bacalhau.hooks.results import download

        return download(self, [job_id], target, **options)

    async def adownload_results(self, job_id: str, target: str, **options: Any) -> list[str]:
        """As `download_results`, for a running event loop."""
        return cast("list[str]", await self._athread("download_results", job_id, target, **options))

    # --- nodes ----------------------------------------------------------------------------------------------------

    def get_node(self, node_id: str) -> dict[str, Any]:
        """One node. :raises NotFound: there is no such node."""
        return self.get_conn().get_node(node_id).to_plain()

    async def aget_node(self, node_id: str) -> dict[str, Any]:
        """As `get_node`, for a running event loop."""
        async with self.aconn() as client:
            return (await client.get_node(node_id)).to_plain()

    def list_nodes(
        self,
        *,
        labels: Labels = None,
        limit: int | None = None,
        next_token: str | None = None,
        order_by: str | None = None,
        reverse: bool = False,
    ) -> dict[str, Any]:
        """The nodes of the cluster as `{"NextToken", "Nodes"}`: one page with a limit, else all.

        :param labels: selectors as the command line takes them.
        :param order_by: "id", "type", "available_cpu", "available_memory", "available_disk" or "available_gpu".
        """
        order: dict[str, Any] = {"labels": labels, "order_by": order_by, "reverse": reverse}
        return self._pages("list_nodes", limit=limit, next_token=next_token, key="Nodes", **order)

    async def alist_nodes(self, **options: Any) -> dict[str, Any]:
        """As `list_nodes`, for a running event loop."""
        return cast("dict[str, Any]", await self._athread("list_nodes", **options))

    def _pages(
        self, call: str, *ids: str, limit: int | None, next_token: str | None, key: str = "Items", **filters: Any
    ) -> dict[str, Any]:
        from airflow_provider_bacalhau.hooks.calls import collect
        from airflow_provider_bacalhau.hooks.results import shown_execution

        method = getattr(self.get_conn(), call)
        shown = shown_execution if call == "get_executions" else dict
        return collect(
            lambda token: method(*ids, limit=limit, next_token=token, **filters),
            limit=limit, next_token=next_token, key=key, shown=shown,
        )

    async def _athread(self, method: str, *args: Any, **kwargs: Any) -> Any:
        from airflow_provider_bacalhau.hooks.calls import in_thread

        return await in_thread(self, lambda other: getattr(other, method)(*args, **kwargs))
