"""The routes of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from orchestrator_stub.api.client_version import HEADER, wants_states
from orchestrator_stub.api.exchange import Answer, Request
from orchestrator_stub.api.rendered import Rendered
from orchestrator_stub.domain.errors import HandlerPanicError, OrchestratorError
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.selector import Selector, Words, parse_selector
from orchestrator_stub.engine.journal import Submission
from orchestrator_stub.engine.orchestrator import ExecutionQuery, HistoryQuery, JobQuery, Orchestrator
from orchestrator_stub.wire import schema
from orchestrator_stub.wire.answers import nameless_job
from orchestrator_stub.wire.gojson import dumps
from orchestrator_stub.wire.job import parse_job
from orchestrator_stub.wire.parameters import NAMESPACE, PAGING, VERSIONS, Parameter
from orchestrator_stub.wire.shapes import shapes_of

_LEVELS: Mapping[str, Literal["all", "job", "execution"]] = {
    "": "all",
    "all": "all",
    "job": "job",
    "execution": "execution",
}
_DESCRIBE = (NAMESPACE, Parameter("include", "Include"), Parameter("limit", "Limit", "uint", 32))
_HISTORY = (
    NAMESPACE,
    *PAGING,
    Parameter("since", "Since", "int"),
    Parameter("event_type", "EventType"),
    Parameter("execution_id", "ExecutionID"),
    Parameter("node_id", "NodeID"),
)
_CLIENT_IDS = {
    "bacalhau.org/client.installation.id": "X-Bacalhau-InstallationID",
    "bacalhau.org/client.instance.id": "X-Bacalhau-InstanceID",
}
"""Job meta keys and the request headers that they come from (fact sheet 4.5)."""


class JobRoutes:
    """Handlers of `/api/v1/orchestrator/jobs...`."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._release = orchestrator.release
        self._shapes = shapes_of(orchestrator.release)
        self._rendered = Rendered(self._described)
        versions = VERSIONS if self._release.unique_names else ()
        self._describe_parameters = (*_DESCRIBE, *versions[:1])
        self._list_parameters = (NAMESPACE, *PAGING, *versions)
        self._history_parameters = (*_HISTORY, *versions)

    def submit(self, request: Request) -> Answer:
        """PUT or POST /jobs."""
        fields = request.bound((), schema.put_job(self._release.name))
        job = parse_job(fields.get("Job"), self._release)
        client = {key: request.header(name) for key, name in _CLIENT_IDS.items() if request.header(name)}
        submitted = self._orchestrator.submit(job, force=bool(fields.get("Force")), client_meta=client)
        request.effect.jobs = (submitted.job_id,)
        request.effect.runner = self._orchestrator.overview.runner_of(submitted.job.id)
        request.effect.submission = Submission(submitted.job_id, submitted.job.labels, submitted.job.meta)
        return Answer(
            {
                "JobID": submitted.job_id,
                "EvaluationID": submitted.eval_id,
                "Warnings": list(submitted.warnings) or None,
            }
        )

    def diff(self, request: Request) -> Answer:
        """PUT /jobs/diff (1.8+). The name is looked at first; without a job the handler panics (FINDINGS 2)."""
        from orchestrator_stub.wire.diff import job_diff  # most stubs never compare jobs, and it is a lot to import

        given = request.bound((), schema.diff_job(self._release.name)).get("Job")
        if given is None:
            raise HandlerPanicError
        if not (given.get("Name") or "").strip():
            raise nameless_job()
        stored, prepared = self._orchestrator.diff(parse_job(given, self._release))
        text = job_diff(stored, prepared.job, prepared.converted_inputs)
        return Answer({"Diff": text, "Warnings": list(prepared.warnings) or None})

    def describe(self, request: Request, ref: str) -> Answer:
        """GET /jobs/:id."""
        if not request.has_query and not request.body:
            return Answer(body=self._rendered.body(self._orchestrator.get_job(ref)))
        fields = request.bound(self._describe_parameters, schema.LIST)
        asked = fields.get("JobVersion") or 0
        namespace = fields.get("Namespace", "")
        job = self._orchestrator.get_job(ref, namespace, asked or None)
        answer: dict[str, Any] = {"Job": self._shapes.job(job)}
        wanted = {word.strip() for word in fields.get("Include", "").split(",")}
        if "history" in wanted:
            history = self._orchestrator.history(job.id, HistoryQuery(version=job.version))
            answer["History"] = self._shapes.history(history.items, with_states=self._with_states(request))
        if "executions" in wanted:
            executions = self._orchestrator.executions(job.id, ExecutionQuery(version=asked))
            answer["Executions"] = self._shapes.executions(executions.items)
        return Answer(answer)

    def _described(self, job: Job) -> bytes:
        return dumps({"Job": self._shapes.job(job)}, pretty=self._shapes.pretty)

    def list(self, request: Request) -> Answer:
        """GET /jobs."""
        fields = request.bound(self._list_parameters, schema.LIST)
        query = JobQuery(
            namespace=fields.get("Namespace", ""),
            labels=labels_of(request),
            limit=fields.get("Limit", 0),
            token=fields.get("NextToken", ""),
            order_by=fields.get("OrderBy", ""),
            reverse=fields.get("Reverse", False),
        )
        page = self._orchestrator.list_jobs(query)
        return Answer(self._shapes.jobs(page.items, page.next_token))

    def stop(self, request: Request, ref: str) -> Answer:
        """DELETE /jobs/:id. Only the user's document takes the reason from the query too."""
        parameters = (NAMESPACE, Parameter("reason", "reason")) if self._release.page_shapes else (NAMESPACE,)
        fields = request.bound(parameters, schema.STOP_JOB)
        evaluation = self._orchestrator.stop_job(ref, fields.get("reason") or "", fields.get("Namespace") or "")
        return Answer({"EvaluationID": evaluation})

    def history(self, request: Request, ref: str) -> Answer:
        """GET /jobs/:id/history."""
        fields = request.bound(self._history_parameters, schema.LIST)
        since, level = fields.get("Since", 0), fields.get("EventType", "")
        wrong = [name for name, tag in (("Since", since < 0), ("EventType", level not in _LEVELS)) if tag]
        if wrong:
            raise OrchestratorError(400, "\n".join(_tag_problem(name) for name in wrong))
        query = HistoryQuery(
            since_s=since,
            level=_LEVELS[level],
            execution_id=fields.get("ExecutionID", ""),
            node_id=fields.get("NodeID", "") if self._release.page_shapes else "",
            limit=fields.get("Limit", 0),
            token=fields.get("NextToken", ""),
            version=fields.get("JobVersion", 0),
            all_versions=fields.get("AllJobVersions", False),
            namespace=fields.get("Namespace", ""),
        )
        page = self._orchestrator.history(ref, query)
        return Answer(
            self._shapes.history(page.items, page.next_token, with_states=self._with_states(request))
        )

    def executions(self, request: Request, ref: str) -> Answer:
        """GET /jobs/:id/executions."""
        fields = request.bound(self._list_parameters, schema.LIST)
        query = ExecutionQuery(
            order_by=fields.get("OrderBy", ""),
            reverse=fields.get("Reverse", False),
            limit=fields.get("Limit", 0),
            token=fields.get("NextToken", ""),
            version=fields.get("JobVersion", 0),
            all_versions=fields.get("AllJobVersions", False),
            namespace=fields.get("Namespace", ""),
        )
        page = self._orchestrator.executions(ref, query)
        return Answer(self._shapes.executions(page.items, page.next_token))

    def results(self, request: Request, ref: str) -> Answer:
        """GET /jobs/:id/results; the one answer that leaves `&` in URLs alone."""
        fields = request.bound((NAMESPACE, *PAGING), schema.LIST)
        results = self._orchestrator.results(ref, fields.get("Namespace", ""))
        return Answer(self._shapes.results(results), escape_html=False)

    def versions(self, request: Request, ref: str) -> Answer:
        """GET /jobs/:id/versions (1.8+)."""
        fields = request.bound((NAMESPACE, *PAGING), schema.LIST)
        jobs = self._orchestrator.versions(ref, fields.get("Namespace", ""))
        return Answer(self._shapes.jobs(jobs, ""))

    def rerun(self, request: Request, ref: str) -> Answer:
        """PUT /jobs/:id/rerun (1.8+)."""
        fields = request.bound((), schema.RERUN_JOB)
        again = self._orchestrator.rerun(ref, fields.get("JobVersion", 0), fields.get("Namespace", ""))
        return Answer(
            {"EvaluationID": again.eval_id, "JobID": again.job_id, "JobVersion": again.job_version, "Warnings": None}
        )

    @staticmethod
    def _with_states(request: Request) -> bool:
        return wants_states(request.headers.get(HEADER, b""))


def labels_of(request: Request) -> Selector | None:
    """The selector of repeated `labels` parameters.

    :raises OrchestratorError: 400 with k8s' text.
    """
    values = request.query.get("labels")
    words = Words(request.release.label_key_noun, request.release.label_length_unit)
    return parse_selector(",".join(values), words) if values else None


def _tag_problem(name: str) -> str:
    tag = "min" if name == "Since" else "oneof"
    return f"Key: 'ListJobHistoryRequest.{name}' Error:Field validation for '{name}' failed on the '{tag}' tag"
