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


def wrong_method() -> OrchestratorError:
    """405 of the few paths that stand outside the groups of routes; inside a group it is a 404 (fact sheet 1.1)."""
    return OrchestratorError(405, "Method Not Allowed")


def too_many_requests() -> OrchestratorError:
    """429 beyond the limit of requests per second (fact sheet 2.6)."""
    return OrchestratorError(429, "rate limit exceeded")


def unauthorized(release: Release, reason: str, words: str) -> OrchestratorError:
    """Nobody is known by a request's credentials (fact sheet 8.3, FINDINGS 1 row 8.3).

    :param words: the whole message where failures are no more than that.
    """
    if not release.auth_failures_coded:
        return OrchestratorError(500, words)
    return OrchestratorError(
        401,
        "Request Unauthorized",
        code="Unauthorized",
        component="Authorizer",
        hint="Unauthorized principal. Event has been recorded.",
        details={"reason": reason},
    )


def forbidden(release: Release, user: str, capability: str) -> OrchestratorError:
    """A known user may not do this (fact sheet 8.3, golden 41)."""
    reason = f"user '{user}' does not have the required capability '{capability}'"
    if not release.auth_failures_coded:
        return OrchestratorError(500, reason)
    return OrchestratorError(
        403,
        "Request Forbidden",
        code="Forbidden",
        component="Authorizer",
        hint="Check if user have access to this resource. Event has been recorded.",
        details={"reason": reason},
    )


def unreadable_body(release: Release, problem: str) -> OrchestratorError:
    """The authorizer of a server without users reads bodies first, and could not (fact sheet 2.5).

    :param problem: in net/http's words.
    """
    if not release.authorizer_texts:
        return OrchestratorError(500, problem)
    return OrchestratorError(
        500,
        "unexpected authorization error",
        component="Authorizer",
        hint="Please check orchestrator logs for more details",
    )


def nameless_job() -> OrchestratorError:
    """A job can only be compared with one of its name; the validator drops the error's own code (fact sheet 1.11)."""
    return OrchestratorError(400, "invalid job spec: name is missing")


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
