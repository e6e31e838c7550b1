"""One choice for all answers: the released servers' shapes or the ones that the user's document prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.wire import execution, job, node, page

Fields = dict[str, Any]


class Shapes(Protocol):
    """Bodies of the answers that differ between the two."""

    pretty: bool
    """True when every body is indented, asked for or not."""

    def job(self, job: Job) -> Fields:
        """A job."""
        ...

    def jobs(self, jobs: Iterable[Job], token: str) -> Fields:
        """A list of jobs."""
        ...

    def executions(self, executions: Iterable[Execution], token: str = "") -> Fields:
        """A list of executions."""
        ...

    def history(self, items: Iterable[HistoryItem], token: str = "", *, with_states: bool = False) -> Fields:
        """A history; `with_states` for clients that say they are older than 1.5."""
        ...

    def results(self, results: Sequence[SpecConfig]) -> Fields:
        """What was published."""
        ...

    def node(self, node: Node) -> Fields:
        """A node."""
        ...

    def own_node(self, node: Node) -> Fields:
        """The node that answers (GET /agent/node)."""
        ...

    def nodes(self, nodes: Iterable[Node], token: str) -> Fields:
        """A list of nodes."""
        ...


class Released:
    """What the released servers send."""

    pretty = False

    def __init__(self, release: Release) -> None:
        self._release = release

    def job(self, job_: Job) -> Fields:
        """A job."""
        return job.job_fields(job_)

    def jobs(self, jobs: Iterable[Job], token: str) -> Fields:
        """A list of jobs."""
        return {"NextToken": token, "Items": [job.job_fields(item) for item in jobs]}

    def executions(self, executions: Iterable[Execution], token: str = "") -> Fields:
        """A list of executions."""
        return {
            "NextToken": token,
            "Items": [execution.execution_fields(item, self._release) for item in executions],
        }

    def history(self, items: Iterable[HistoryItem], token: str = "", *, with_states: bool = False) -> Fields:
        """A history."""
        lines = (execution.history_fields(item, self._release, with_states=with_states) for item in items)
        return {"NextToken": token, "Items": [line for line in lines if line is not None]}

    def results(self, results: Sequence[SpecConfig]) -> Fields:
        """What was published."""
        return {"NextToken": "", "Items": [job.spec_fields(result) for result in results]}

    def node(self, node_: Node) -> Fields:
        """A node's state."""
        return node.node_fields(node_, self._release)

    def own_node(self, node_: Node) -> Fields:
        """The node that answers: its state up to 1.5, what it says about itself since 1.6."""
        if self._release.connection_state:
            return node.info_fields(node_, self._release)
        return node.node_fields(node_, self._release)

    def nodes(self, nodes: Iterable[Node], token: str) -> Fields:
        """A list of nodes."""
        return {"NextToken": token, "Nodes": [self.node(item) for item in nodes]}


class Printed:
    """What the user's document prints."""

    pretty = True

    def __init__(self, release: Release) -> None:
        self._release = release

    def job(self, job_: Job) -> Fields:
        """A job."""
        return page.job_fields(job_)

    def jobs(self, jobs: Iterable[Job], token: str) -> Fields:
        """A list of jobs; the only list whose token comes last."""
        return {"Jobs": [page.job_fields(item) for item in jobs], "NextToken": token}

    def executions(self, executions: Iterable[Execution], token: str = "") -> Fields:
        """A list of executions."""
        return {
            "NextToken": token,
            "Executions": [page.execution_fields(item, self._release) for item in executions],
        }

    def history(
        self,
        items: Iterable[HistoryItem],
        token: str = "",
        *,
        with_states: bool = False,  # noqa: ARG002 - the printed history always has states
    ) -> Fields:
        """A history."""
        lines = (page.history_fields(item, self._release) for item in items)
        return {"NextToken": token, "History": [line for line in lines if line is not None]}

    def results(self, results: Sequence[SpecConfig]) -> Fields:
        """What was published."""
        return {"NextToken": "", "Results": [page.result_fields(result) for result in results]}

    def node(self, node_: Node) -> Fields:
        """A node."""
        return page.node_fields(node_, self._release)

    own_node = node

    def nodes(self, nodes: Iterable[Node], token: str) -> Fields:
        """A list of nodes."""
        return {"NextToken": token, "Nodes": [self.node(item) for item in nodes]}


def shapes_of(release: Release) -> Shapes:
    """The shapes of a release."""
    return Printed(release) if release.page_shapes else Released(release)
