"""The asyncio client: a shell around httpx and websockets without decisions. `sync` is its twin."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from importlib import import_module
from typing import Any, Self, TypeVar, Unpack

import httpx
import tenacity

from airflow_provider_bacalhau.client import protocol, retry, tls
from airflow_provider_bacalhau.client.call import Call
from airflow_provider_bacalhau.client.calls import agent, jobs, nodes
from airflow_provider_bacalhau.client.calls.query import JobFilters, Paging
from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.models.capabilities import UNKNOWN, Capabilities
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.models.node import Node
from airflow_provider_bacalhau.models.responses import HistoryItem, LogFrame, Page, Stopped, Submitted, Version
from airflow_provider_bacalhau.models.results import PublishedResult

T = TypeVar("T")


class AsyncClient:
    """A client of one server and a context manager; it connects at the first request, by `transport` if given.

    Each method raises an `ApiError`, or ConfigError for a wrong argument or certificate. `learnt` is what the answers
    told beside what was asked for.
    """

    def __init__(self, config: ClientConfig, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.config = config
        self.learnt = protocol.Learnt()
        self._transport = transport
        self._http: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def run(self, call: Call[T], capabilities: Capabilities | None = None) -> T:
        """Send a call, again where `retry.decide` says so; `capabilities` are for answers that announce no version."""
        retrying = tenacity.AsyncRetrying(**retry.schedule(call, random.random))
        value: T = await retrying(self._once, call, capabilities or self.learnt.facts or UNKNOWN)
        return value

    async def alive(self) -> bool:
        """Whether the server says OK."""
        return await self.run(agent.alive())

    async def version(self) -> Version:
        """What the server announces about itself."""
        return await self.run(agent.version())

    async def capabilities(self) -> Capabilities:
        """What the server can do; asks for its version only if no answer has told it yet."""
        if self.learnt.facts is None:
            version = await self.version()
            self.learnt = self.learnt._replace(facts=Capabilities.from_version(version.git_version))
        return self.learnt.facts or UNKNOWN

    async def get_agent_node(self) -> Node:
        """The node that answers."""
        return await self.run(agent.node())

    async def check_submit(self) -> None:
        """Prove the right to submit, without effect."""
        await self.run(jobs.check_submit())

    async def submit_job(self, job: Mapping[str, Any], *, force: bool = False) -> Submitted:
        """Submit a job, once. `force` updates a job of the same name although nothing changed (1.8+)."""
        return await self.run(jobs.submit(job, force=force))

    async def get_job(self, job_id: str, *, namespace: str | None = None) -> Job:
        """One job by full or short id, or by name (1.8+, in `namespace`)."""
        return await self.run(jobs.get(job_id, namespace=namespace))

    async def describe_job(self, job_id: str, *, namespace: str | None = None) -> jobs.Described:
        """A job with its executions and its first 100 events: one request, three where `include` is unknown."""
        facts = await self.capabilities()
        described = await self.run(jobs.describe(job_id, namespace=namespace), facts)
        while (call := described.missing()) is not None:
            described = await self.run(call, facts)
        return described.parts()

    async def list_jobs(
        self,
        *,
        namespace: str | None = None,
        labels: str | Sequence[str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
        order_by: str | None = None,
        reverse: bool = False,
    ) -> Page[Job]:
        """One page of jobs. Without `limit` released servers send all, the document's 10; a list reads every job."""
        paging = Paging(limit=limit, next_token=next_token, order_by=order_by, reverse=reverse)
        return await self.run(jobs.list_jobs(await self.capabilities(), namespace=namespace, labels=labels, **paging))

    async def iter_jobs(self, **filters: Unpack[JobFilters]) -> AsyncGenerator[Job]:
        """All jobs from `next_token` on, fetched in pages of `limit`; takes what `list_jobs` takes."""
        while True:
            page = await self.list_jobs(**filters)
            for job in page.items:
                yield job
            if (token := page.following(filters.get("next_token"))) is None:
                return
            filters["next_token"] = token

    async def stop_job(self, job_id: str, *, reason: str = "", namespace: str | None = None) -> Stopped:
        """Ask to stop a job; executions end a little later. Conflict: it is Completed or Failed already."""
        return await self.run(jobs.stop(job_id, reason=reason, namespace=namespace))

    async def get_history(
        self,
        job_id: str,
        *,
        since: float | None = None,
        event_type: str | None = None,
        execution_id: str | None = None,
        node_id: str | None = None,
        limit: int | None = None,
        next_token: str | None = None,
        namespace: str | None = None,
    ) -> Page[HistoryItem]:
        """One page of events, oldest first; there is a next token until the job is terminal (fact sheet 7.3)."""
        window = jobs.Window(since, event_type, execution_id, node_id, limit, next_token)
        return await self.run(jobs.get_history(job_id, window, namespace=namespace), await self.capabilities())

    async def get_executions(
        self,
        job_id: str,
        *,
        limit: int | None = None,
        next_token: str | None = None,
        order_by: str | None = None,
        reverse: bool = False,
        namespace: str | None = None,
    ) -> Page[Execution]:
        """Executions of a job. A wrong namespace gives an empty page since 1.8, not an error."""
        paging = Paging(limit=limit, next_token=next_token, order_by=order_by, reverse=reverse)
        return await self.run(jobs.get_executions(job_id, namespace=namespace, **paging), await self.capabilities())

    async def get_results(self, job_id: str, *, namespace: str | None = None) -> Page[PublishedResult]:
        """What completed executions published; pre-signed URLs differ at each call and expire."""
        return await self.run(jobs.get_results(job_id, namespace=namespace))

    async def get_node(self, node_id: str) -> Node:
        """One node by id or by a unique beginning of it."""
        return await self.run(nodes.get(node_id))

    async def list_nodes(
        self,
        *,
        labels: str | Sequence[str] | None = None,
        limit: int | None = None,
        next_token: str | None = None,
        order_by: str | None = None,
        reverse: bool = False,
    ) -> Page[Node]:
        """Nodes of the cluster."""
        paging = Paging(limit=limit, next_token=next_token, order_by=order_by, reverse=reverse)
        return await self.run(nodes.list_nodes(labels=labels, **paging))

    async def stream_logs(
        self,
        job_id: str,
        *,
        execution_id: str | None = None,
        follow: bool = True,
        tail: bool = False,
        namespace: str | None = None,
        idle_timeout: float | None = None,
    ) -> AsyncGenerator[LogFrame]:
        """Frames of a job's log until the server closes or the iterator is closed; it connects at the first frame.

        TimeoutError: no frame for `idle_timeout` seconds (None: wait for ever). ApiError: the server's error frame.
        """
        connect = (await asyncio.to_thread(import_module, "websockets.asyncio.client")).connect
        call = jobs.logs(job_id, execution_id=execution_id, follow=follow, tail=tail, namespace=namespace)
        parts = protocol.socket_parts(call, self.config, str(uuid.uuid4()))
        options = await asyncio.to_thread(tls.socket_options, parts.headers, self.config)
        with tls.socket_errors(call.name, self.config, parts.request_id):
            async with connect(parts.url, **options) as socket:
                while True:
                    message = await asyncio.wait_for(socket.recv(), idle_timeout)
                    yield protocol.read_frame(call, message, self.config)

    async def _once(self, call: Call[T], capabilities: Capabilities) -> T:
        parts = protocol.request_parts(call, self.config, str(uuid.uuid4()))
        async with self._opening:
            if self._http is None:
                self._http = await asyncio.to_thread(self._open)
            http = self._http
        with tls.http_errors(call.name, self.config, parts.request_id):
            response = await http.request(parts.method, parts.url, headers=parts.headers, content=parts.content)
        answer = protocol.http_answer(response, self.config, parts.request_id)
        learnt = protocol.learn(answer.headers, self.learnt, time.time())
        self.learnt = learnt._replace(request_id=parts.request_id)
        return protocol.read_answer(call, answer, capabilities)

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self._transport, **tls.http_options(self.config))
