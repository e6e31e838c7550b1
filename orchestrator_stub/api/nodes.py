"""The routes of nodes."""

from __future__ import annotations

from orchestrator_stub.api.exchange import Answer, Request
from orchestrator_stub.api.jobs import labels_of
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.engine.orchestrator import NodeQuery, Orchestrator
from orchestrator_stub.wire import schema
from orchestrator_stub.wire.parameters import NAMESPACE, PAGING, Parameter
from orchestrator_stub.wire.shapes import shapes_of

_LIST = (
    NAMESPACE,
    *PAGING,
    Parameter("filter-approval", "FilterByApproval"),
    Parameter("filter-status", "FilterByStatus"),
)


class NodeRoutes:
    """Handlers of `/api/v1/orchestrator/nodes...`."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._shapes = shapes_of(orchestrator.release)

    def list(self, request: Request) -> Answer:
        """GET /nodes."""
        fields = request.bound(_LIST, schema.LIST)
        query = NodeQuery(
            labels=labels_of(request),
            limit=fields.get("Limit", 0),
            token=fields.get("NextToken", ""),
            order_by=fields.get("OrderBy", ""),
            reverse=fields.get("Reverse", False),
            approval=fields.get("FilterByApproval", ""),
            status=fields.get("FilterByStatus", ""),
        )
        page = self._orchestrator.list_nodes(query)
        return Answer(self._shapes.nodes(page.items, page.next_token))

    def describe(self, request: Request, ref: str) -> Answer:
        """GET /nodes/:id."""
        request.bound((NAMESPACE,), schema.LIST)
        return Answer({"Node": self._shapes.node(self._orchestrator.get_node(ref))})

    def update(self, request: Request, ref: str) -> Answer:
        """PUT /nodes/:id: approve, reject or delete. 1.5.2 reports failures in a 200."""
        fields = request.bound((), schema.PUT_NODE)
        try:
            self._orchestrator.update_node(ref, fields.get("Action", ""), fields.get("Message", ""))
        except OrchestratorError as refused:
            if not request.release.node_update_reports:
                raise
            return Answer({"Success": False, "Error": refused.message})
        return Answer({"Success": True})
