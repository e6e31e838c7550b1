"""What error answers and broken connections mean."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx
import pytest

from airflow_provider_bacalhau.client.classify import refusal, server_text, unreachable
from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import (
    AuthError,
    BrokenContract,
    Conflict,
    NotFound,
    Rejected,
    ServerFault,
    Unreachable,
)

GOLDEN = Path(__file__).parents[2] / "golden"
FORBIDDEN = ("reader-stop", "reader-put-node")
NOT_LET_IN = (
    "anon-04",
    "anon-06",
    "anon-submit",
    "bad-basic-password",
    "bad-basic-user",
    "bad-bearer-wrong",
    "bad-bearer-empty",
    "bad-jwt-like",
    "bad-garbage",
    "logs-anon",
)


@pytest.mark.parametrize("release", ["1.7.0", "1.8.0", "1.9.3"])
@pytest.mark.parametrize("step", NOT_LET_IN)
def test_a_wrong_credential_is_an_auth_error_whatever_the_status(recorded_auth, release, step):
    """1.7.0 answers 500, which would look like a broken server and be tried again (FINDINGS 1)."""
    error = refusal("read job j-1", recorded_auth(release, step))
    assert type(error) is AuthError
    assert "login and password, API key or token" in str(error)
    assert error.status == (500 if release == "1.7.0" else 401)


@pytest.mark.parametrize("release", ["1.7.0", "1.8.0", "1.9.3"])
@pytest.mark.parametrize("step", FORBIDDEN)
def test_a_missing_capability_is_named(recorded_auth, release, step):
    """The user would not learn which right is missing."""
    error = refusal("stop job j-1", recorded_auth(release, step))
    assert type(error) is AuthError
    assert "does not have the required capability 'write:" in str(error)
    assert "does not allow it" in str(error)


@pytest.mark.parametrize("release", ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"])
def test_recorded_refusals_mean_what_they_say(recorded, release):
    """A conflict, an unknown job or a bad request would be taken for something else: most of them are 500."""
    meaning = {
        ("21", "stop-completed"): Conflict,
        ("21", "stop-unknown"): NotFound,
        ("21", "stop-malformed"): Rejected,
        ("26", "type-missing"): Rejected,
        ("26", "no-job"): Rejected,
    }
    found = {key: refusal("do it", recorded(release, *key)) for key in meaning}
    assert {key: type(error) for key, error in found.items()} == meaning


@pytest.mark.parametrize("release", ["1.8.0", "1.9.3"])
def test_the_same_name_again_is_a_conflict(answer, release):
    """The reply to a repeated submit, which proves that the first arrived, would look like a broken server."""
    recorded = json.loads((GOLDEN / "names" / f"{release}.json").read_text())["steps"]
    for step in ("same", "failing-again"):
        error = refusal("submit the job", answer(recorded[step]["status"], recorded[step]["body"]))
        assert type(error) is Conflict
        assert "no changes detected" in str(error)
        assert error.hint == "Use the --force flag to override this warning"
    for step in ("by-name-wrong-namespace", "get-v9"):
        assert type(refusal("read it", answer(recorded[step]["status"], recorded[step]["body"]))) is NotFound


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {"Message": "no changes detected for new job spec. Job Name: 'x'", "Code": ""}, Conflict),
        (500, {"Message": "cannot stop job in state Completed", "Code": "", "Component": "Bacalhau"}, Conflict),
        (500, {"Message": "job j is in terminal state Failed and cannot", "Code": "ConflictJobState"}, Conflict),
        (409, {"Message": "job name N already exists in namespace default", "Code": "ResourceInUse"}, Conflict),
        (500, {"Message": "multiple jobs found for id j", "Code": "MultipleJobsFound"}, Rejected),
        (404, {"Message": "bucket not found", "Code": "BoltDBBucketNotFound", "Component": "BoltDB"}, NotFound),
        (404, {"Message": "Not Found", "Code": "InternalError", "Component": "APIServer"}, NotFound),
        (413, {"Message": "Request Entity Too Large", "Code": "InternalError"}, Rejected),
        (429, {"Message": "rate limit exceeded", "Code": "InternalError"}, ServerFault),
        (500, {"Message": "Internal server error", "Code": "InternalError", "Component": "Unknown"}, ServerFault),
        (500, {"error": "Job not found. ID: j-1", "message": "Internal Server Error"}, NotFound),
        (500, {"error": "bucket not found", "message": "Internal Server Error"}, NotFound),
        (500, {"error": "nodeInfo not found for peer id: Qm", "message": "Internal Server Error"}, NotFound),
        (500, {"error": "cannot stop job in state Completed", "message": "Internal Server Error"}, Conflict),
        (500, {"error": "job ID is in terminal state Failed and cannot transition to Stopped"}, Conflict),
        (500, {"error": "job already exists: j-1", "message": "Internal Server Error"}, Conflict),
        (400, {"error": "code=400, message=1 error occurred", "message": "x"}, Rejected),
        (404, {"error": "code=404, message=Not Found", "message": "Not Found"}, NotFound),
        (400, {"Error": "Invalid client version latest"}, Rejected),
        (403, {"Error": "Client version is outdated. Update your client", "MinVersion": "1.4.0"}, Rejected),
    ],
)
def test_the_body_decides_before_the_status(answer, status, body, kind):
    """Retrying what can never work, or giving up on what would (fact sheet 8, FINDINGS-1.1.0 3)."""
    assert type(refusal("do it", answer(status, body))) is kind


def test_all_that_the_server_said_is_kept(recorded_auth):
    """Code, component, hint and details would be lost for whoever reads the error."""
    error = refusal("stop job j-1", recorded_auth("1.9.3", "reader-stop"))
    assert (error.status, error.code, error.component) == (403, "Forbidden", "Authorizer")
    assert error.hint.startswith("Check if user have access")
    assert error.details["reason"].endswith("'write:job'")
    assert error.request_id == "req-1"


@pytest.mark.parametrize(
    ("status", "text", "kind", "said"),
    [
        (503, "Server Timeout!", ServerFault, "Server Timeout!"),
        (502, "<html><h1>Bad gateway</h1></html>", ServerFault, "a page of HTML"),
        (404, "<html>nginx</html>", BrokenContract, "check the connection's host, port and path"),
        (404, "404 page not found", BrokenContract, "404 page not found"),
        (400, "Client sent an HTTP request to an HTTPS server.\n", BrokenContract, "schema to https"),
        (401, "<html>Login</html>", AuthError, "status 401"),
        (204, "", BrokenContract, "an empty body"),
        (200, "[]", BrokenContract, "no Bacalhau server sends"),
    ],
)
def test_answers_of_somebody_else(answer, status, text, kind, said):
    """A proxy's 404 page would mean "the job is lost"."""
    error = refusal("read job j-1", answer(status, text))
    assert type(error) is kind
    assert said in str(error)


def test_a_redirect_is_not_followed_but_told(answer):
    """The credential would go to wherever a redirect points."""
    error = refusal("list jobs", answer(301, "", location="https://bac.example/api"))
    assert type(error) is BrokenContract
    assert "redirects to https://bac.example/api" in str(error)


def test_a_servers_wish_to_wait_is_kept(answer):
    """Retry-After would be ignored."""
    assert refusal("x", answer(429, {"Message": "rate limit exceeded"}, retry_after="7")).retry_after == 7.0
    assert refusal("x", answer(503, "busy", retry_after="Wed, 21 Oct 2026 07:28:00 GMT")).retry_after is None


def raised(outer, *causes):
    """An exception with a chain of causes, as HTTP libraries raise it."""
    one = outer
    for cause in causes:
        one.__cause__ = cause
        one = cause
    return outer


@pytest.mark.parametrize(
    ("error", "applied", "said"),
    [
        (raised(httpx.ConnectError("x"), ConnectionRefusedError(111, "refused")), False, "nothing listens at"),
        (
            raised(
                httpx.ConnectError("All connection attempts failed"),
                OSError("x"),
                ExceptionGroup("multiple", [ConnectionRefusedError(111, "a"), ConnectionRefusedError(111, "b")]),
            ),
            False,
            "nothing listens at",
        ),
        (
            raised(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known")),
            False,
            "bac.example cannot be",
        ),
        (httpx.ConnectTimeout("x"), False, "no connection within 5 s"),
        (httpx.ReadTimeout("x"), True, "did not answer within 35 s"),
        (httpx.PoolTimeout("x"), False, "busy"),
        (httpx.ProxyError("x"), False, "proxy"),
        (httpx.ReadError("[Errno 104] Connection reset by peer"), True, "broke before a whole answer came"),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), True, "broke before"),
        (httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version"), False, "schema to http"),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), False, "set ca_cert"),
        (httpx.ReadError("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13"), False, "set client_cert"),
        (TimeoutError("timed out during opening handshake"), False, "no connection within 5 s"),
    ],
)
def test_a_broken_connection_says_what_broke(error, applied, said):
    """The user would read a library's exception; a write that never left would count as undecided."""
    found = unreachable("submit the job", error, ClientConfig("https://bac.example:1234"), "req-1")
    assert type(found) is Unreachable
    assert found.maybe_applied is applied
    assert said in str(found)
    assert str(found).startswith("Could not submit the job: ")
    assert found.request_id == "req-1"


def test_plain_http_against_tls_is_suspected():
    """A server that expects TLS hangs up without a word."""
    error = unreachable("x", httpx.RemoteProtocolError("Server disconnected"), ClientConfig("http://bac.example:1234"))
    assert "set the connection's schema to https" in str(error)


def test_what_was_handled_meanwhile_is_not_the_cause():
    """A request made while another error is handled would be blamed on that one."""
    error = httpx.ReadTimeout("x")
    error.__context__ = ConnectionRefusedError(111, "refused")
    assert "did not answer" in str(unreachable("x", error, ClientConfig("http://bac.example:1234")))


def test_an_answer_that_does_not_decode_is_no_answer():
    """A proxy that breaks compression would look like a lost connection."""
    assert type(unreachable("x", httpx.DecodingError("bad gzip"), ClientConfig("http://b"))) is BrokenContract


def test_server_text_fits_on_a_line():
    """A validator's long text would fill the log."""
    assert server_text("a\n\t* b.\n") == "a * b"
    assert len(server_text("x" * 5000)) < 700
