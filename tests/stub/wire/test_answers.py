"""Errors and refusals, against recorded answers."""

from __future__ import annotations

import json

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.wire.answers import (
    error_fields,
    forbidden,
    nameless_job,
    no_license,
    no_such_route,
    unauthorized,
    unreadable_body,
)
from orchestrator_stub.wire.gojson import dumps


def test_an_unknown_path_answers_like_the_release(release, steps):
    """Clients that tell "no such route" from "no such job" would be misled."""
    recorded = steps("25")["short-versions"] if not release.unknown_route_hint else steps("01")["license"]
    if release.license_answer == "coded":  # 1.8 has a license route; its unknown routes answer like 1.9's
        assert no_such_route(release).hint
        return
    error = no_such_route(release) if recorded["id"] == "short-versions" else no_license(release)
    assert dumps(error_fields(error, "")).decode() == recorded["body"]


def test_a_server_without_license_says_so_in_its_words(release, steps):
    """GET /agent/license would differ from a real server's."""
    recorded = steps("01")["license"]
    error = no_license(release)
    assert (error.status, dumps(error_fields(error, "")).decode()) == (recorded["status"], recorded["body"])


def test_hint_and_details_only_stand_where_there_are_some():
    """Errors would carry empty keys that real ones do not have."""
    plain = error_fields(OrchestratorError(404, "m"), "id-1")
    full = error_fields(OrchestratorError(404, "m", hint="h", details={"b": "2", "a": "1"}), "")
    assert list(plain) == ["Status", "Message", "RequestID", "Code", "Component"]
    assert json.dumps(full).endswith('"Hint": "h", "Details": {"a": "1", "b": "2"}}')
    assert plain["RequestID"] == "id-1"


def test_a_comparison_without_name_is_refused_in_the_servers_words(release, steps):
    """A dry run of a job without name would be answered otherwise than by a real server."""
    if release.unique_names:
        recorded = steps("36")["no-name"]
        error = nameless_job()
        assert (error.status, dumps(error_fields(error, "")).decode()) == (recorded["status"], recorded["body"])


def test_refusals_of_users_are_those_of_the_release(release, steps):
    """A client that tells a wrong password from too few rights would be misled."""
    if not release.api_users:
        return
    recorded = steps("41")
    stranger = unauthorized(release, "invalid API key", "authentication failed: invalid API key")
    reader = forbidden(release, "Reader", "write:job")
    for error, step in ((stranger, "bad-bearer-wrong"), (reader, "reader-stop")):
        assert error.status == recorded[step]["status"]
        assert dumps(error_fields(error, "")).decode() == recorded[step]["body"]


def test_an_unreadable_body_is_refused_as_recorded(release, steps):
    """A client with chunked bodies would see another error."""
    recorded = steps("28")["chunked-stop"]
    error = unreadable_body(release, f"read {len(recorded['request']['raw'])} but was expecting -1")
    assert (error.status, dumps(error_fields(error, "")).decode()) == (recorded["status"], recorded["body"])
