"""The blocking client: a shell around httpx and websockets without decisions. `aio` is its twin."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
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


class Client:
    """A client of one server and a context manager; it connects at the first request, by `transport` if given.

    Each method raises an `ApiError`, or ConfigError for a wrong argument or certificate. `learnt` is what the answers
    told beside what was asked for.
    """

    def __init__(self, config: ClientConfig, *, transport: httpx.BaseTransport | None = None) -> None:
        self.config = config
        self.learnt = protocol.Learnt()
        self._transport = transport
        self._http: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            http.close()

    def run(self, call: Call[T], capabilities: Capabilities | None = None) -> T:
        """Send a call, again where `retry.decide` says so; `capabilities` are for answers that announce no version."""
        retrying = tenacity.Retrying(**retry.schedule(call, random.random))
        value: T = retrying(self._once, call, capabilities or self.learnt.facts or UNKNOWN)
        return value

    def alive(self) -> bool:
        """Whether the server says OK."""
        return self.run(agent.alive())

    def version(self) -> Version:
        """What the server announces about itself."""
        return self.run(agent.version())

    def capabilities(self) -> Capabilities:
        """What the server can do; asks for its version only if no answer has told it yet."""
        if self.learnt.facts is None:
            version = self.version()
            self.learnt = self.learnt._replace(facts=Capabilities.from_version(version.git_version))
        return self.learnt.facts or UNKNOWN

    def get_agent_node(self) -> Node:
        """The node that answers."""
        return self.run(agent.node())

    def check_submit(self) -> None:
        """Prove the right to submit, without effect."""
        self.run(jobs.check_submit())

    def submit_job(self, job: Mapping[str, Any], *, force: bool = False) -> Submitted:
        """Submit a job, once. `force` updates a job of the same name although nothing changed (1.8+)."""
        return self.run(jobs.submit(job, force=force))

    def get_job(self, job_id: str, *, namespace: str | None = None) -> Job:
        """One job by full or short id, or by name (1.8+, in `namespace`)."""
        return self.run(jobs.get(job_id, namespace=namespace))

    def describe_job(self, job_id: str, *, namespace: str | None = None) -> jobs.Described:
        """A job with its executions and its first 100 events: one request, three where `include` is unknown."""
        facts = self.capabilities()
        described = self.run(jobs.describe(job_id, namespace=namespace), facts)
        while (call := described.missing()) is not None:
            described = self.run(call, facts)
        return described.parts()

    def list_jobs(
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
        return self.run(jobs.list_jobs(self.capabilities(), namespace=namespace, labels=labels, **paging))

    def iter_jobs(self, **filters: Unpack[JobFilters]) -> Generator[Job]:
        """All jobs from `next_token` on, fetched in pages of `limit`; takes what `list_jobs` takes."""
        while True:
            page = self.list_jobs(**filters)
            yield from page.items
            if (token := page.following(filters.get("next_token"))) is None:
                return
            filters["next_token"] = token

    def stop_job(self, job_id: str, *, reason: str = "", namespace: str | None = None) -> Stopped:
        """Ask to stop a job; executions end a little later. Conflict: it is Completed or Failed already."""
        return self.run(jobs.stop(job_id, reason=reason, namespace=namespace))

    def get_history(
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
        return self.run(jobs.get_history(job_id, window, namespace=namespace), self.capabilities())

    def get_executions(
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
        return self.run(jobs.get_executions(job_id, namespace=namespace, **paging), self.capabilities())

    def get_results(self, job_id: str, *, namespace: str | None = None) -> Page[PublishedResult]:
        """What completed executions published; pre-signed URLs differ at each call and expire."""
        return self.run(jobs.get_results(job_id, namespace=namespace))

    def get_node(self, node_id: str) -> Node:
        """One node by id or by a unique beginning of it."""
        return self.run(nodes.get(node_id))

    def list_nodes(
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
        return self.run(nodes.list_nodes(labels=labels, **paging))

    def stream_logs(
        self,
        job_id: str,
        *,
        execution_id: str | None = None,
        follow: bool = True,
        tail: bool = False,
        namespace: str | None = None,
        idle_timeout: float | None = None,
    ) -> Generator[LogFrame]:
        """Frames of a job's log until the server closes or the iterator is closed; it connects at the first frame.

        TimeoutError: no frame for `idle_timeout` seconds (None: wait for ever). ApiError: the server's error frame.
        """
        from websockets.sync.client import connect

        call = jobs.logs(job_id, execution_id=execution_id, follow=follow, tail=tail, namespace=namespace)
        parts = protocol.socket_parts(call, self.config, str(uuid.uuid4()))
        options = tls.socket_options(parts.headers, self.config)
        with tls.socket_errors(call.name, self.config, parts.request_id), connect(parts.url, **options) as socket:
            while True:
                message = socket.recv(timeout=idle_timeout)
                yield protocol.read_frame(call, message, self.config)

    def _once(self, call: Call[T], capabilities: Capabilities) -> T:
        parts = protocol.request_parts(call, self.config, str(uuid.uuid4()))
        self._http = http = self._http or self._open()
        with tls.http_errors(call.name, self.config, parts.request_id):
            response = http.request(parts.method, parts.url, headers=parts.headers, content=parts.content)
        answer = protocol.http_answer(response, self.config, parts.request_id)
        learnt = protocol.learn(answer.headers, self.learnt, time.time())
        self.learnt = learnt._replace(request_id=parts.request_id)
        return protocol.read_answer(call, answer, capabilities)

    def _open(self) -> httpx.Client:
        return httpx.Client(transport=self._transport, **tls.http_options(self.config))
