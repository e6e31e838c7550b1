"""The small answers: errors, acknowledgements, version checks, routes that are not there (fact sheet 1, 2.4, 8)."""

from __future__ import annotations

from typing import Any

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.release import Release
from orchestrator_stub.wire.gojson import sorted_map

LOWEST_CLIENT = (1, 4, 0)
"""Clients that say they are older are refused."""
FIRST_WITH_EVENTS = (1, 5, 0)
"""Clients that say they are older get state objects in the history."""


def error_fields(error: OrchestratorError, request_id: str) -> dict[str, Any]:
    """The body of an error; `request_id` is the client's own ("" when it sent none)."""
    fields: dict[str, Any] = {
        "Status": error.status,
        "Message": error.message,
        "RequestID": request_id,
        "Code": error.code,
        "Component": error.component,
    }
    if error.hint:
        fields["Hint"] = error.hint
    if error.details:
        fields["Details"] = sorted_map(error.details)
    return fields


def no_such_route(release: Release) -> OrchestratorError:
    """404 of a path or method that does not exist."""
    if not release.unknown_route_hint:
        return OrchestratorError(404, "Not Found")
    return OrchestratorError(
        404,
        "The requested resource/URL was not found.",
        code="NotFound",
        hint="The server version may be older than this CLI version and does not support the endpoint yet.",
        details={
            "cli_usage": "If you are using the CLI, try updating your server to a newer version or check if the "
            "command is supported in your server version."
        },
    )


def no_license(release: Release) -> OrchestratorError:
    """What a server without license answers (fact sheet 1.2)."""
    if release.license_answer == "plain":
        text = "Error inspecting orchestrator license: No license configured for orchestrator."
        return OrchestratorError(404, text)
    if release.license_answer == "coded":
        return OrchestratorError(
            404,
            "License not found.",
            code="NotFound",
            component="License",
            hint="Orchestrator was not configured with a license. "
            "A license can be obtained from https://cloud.expanso.io/",
        )
    return no_such_route(release)
