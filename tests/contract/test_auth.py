"""Every kind of credential through both shells, against a real TLS server that answers as recorded servers did."""

from __future__ import annotations

import base64

import pytest

from airflow_provider_bacalhau.client.config import ApiKey, BasicAuth, ClientConfig, Token
from airflow_provider_bacalhau.errors import AuthError, Conflict, NotFound

RELEASES = ("1.7.0", "1.8.0", "1.9.3")
ADMIN = BasicAuth("admin", "admin-password-1")
JOBS = BasicAuth("jobs", "jobs-password-1")
READER = ApiKey("reader-api-key-0123456789")
NOBODY = "anon-06"


class Guard:
    """Answers a request with the recorded answer to the same path by the same credential."""

    def __init__(self, release, steps, reply):
        self.release, self._steps, self._reply = release, steps, reply
        self.seen = []

    def __call__(self, handler):
        credential = handler.headers["Authorization"]
        self.seen.append(credential)
        step = self._steps[self._choose(handler.command, handler.path, credential)]
        self._reply(handler, step["status"], step["body"], X_Bacalhau_Git_Version=f"v{self.release}")

    def _choose(self, method, path, credential):
        if path == "/api/v1/agent/version":
            return "anon-01"
        if credential is None:
            return "anon-submit" if method == "PUT" else NOBODY
        kind, _, secret = credential.partition(" ")
        user = base64.b64decode(secret).decode() if kind == "Basic" else secret
        if user == "reader-api-key-0123456789":
            return {"PUT": "reader-stop", "DELETE": "reader-stop"}.get(
                method, "reader-get" if "/j-" in path else "reader-08"
            )
        if user == "admin:admin-password-1":
            return "admin-08" if path.endswith("/nope") else "admin-06"
        if user == "jobs:jobs-password-1":
            return {"PUT": "jobs-submit", "DELETE": "jobs-stop"}.get(method, "jobs-wait")
        if kind == "Basic":
            return "bad-basic-password" if user.startswith("admin:") else "bad-basic-user"
        return "bad-jwt-like" if user.count(".") == 2 else "bad-bearer-wrong"


@pytest.fixture(params=RELEASES)
def guard(request, auth_steps, reply):
    """A server with API users, of each release that has them."""
    return Guard(request.param, auth_steps(request.param), reply)


@pytest.fixture
def client(connect, serve, guard, certificates):
    """client(auth) -> a driver that shows this credential over TLS."""
    base_url, _ = serve(guard, certificates.server_context())
    return lambda auth: connect(ClientConfig(base_url, auth=auth, ca_cert=certificates.ca))


def test_user_and_password(client):
    """Basic authentication would not be accepted."""
    assert client(ADMIN)("list_jobs").items == ()
    with pytest.raises(NotFound):
        client(ADMIN)("get_job", "nope")


def test_an_api_key(client, guard):
    """An API key would be sent in the wrong form."""
    assert client(READER)("get_job", "j-1").id.startswith("j-")
    assert guard.seen[-1] == "Bearer reader-api-key-0123456789"


def test_a_token(client, guard):
    """A token would be sent in the wrong form, or its refusal be misread."""
    with pytest.raises(AuthError, match="did not accept the credential"):
        client(Token("aaa.bbb.ccc"))("get_job", "j-1")
    assert guard.seen[-1] == "Bearer aaa.bbb.ccc"


@pytest.mark.parametrize("auth", [None, BasicAuth("admin", "wrong"), BasicAuth("nobody", "x"), ApiKey("wrong")])
def test_a_wrong_credential(client, guard, auth):
    """The user would read "Internal server error", or lock the account by tries."""
    with pytest.raises(AuthError, match="check the connection's login and password, API key or token"):
        client(auth)("get_job", "j-1")
    assert len(guard.seen) == 1


def test_a_credential_that_may_only_read(client):
    """The missing right would not be named."""
    with pytest.raises(AuthError, match="required capability 'write:job'"):
        client(READER)("stop_job", "j-1", reason="x")
    with pytest.raises(AuthError, match="does not allow it"):
        client(READER)("check_submit")


def test_a_credential_that_may_write(client):
    """The right to submit would not be recognised, or a conflict be taken for missing rights."""
    assert client(JOBS)("submit_job", {}).job_id.startswith("j-")
    with pytest.raises(Conflict, match="cannot stop job in state Completed"):
        client(JOBS)("stop_job", "j-1")


def test_no_error_tells_the_credential(client):
    """A log would hold the password or key."""
    for auth in (BasicAuth("admin", "hunter2-secret"), ApiKey("hunter2-secret")):
        with pytest.raises(AuthError) as caught:
            client(auth)("get_job", "j-1")
        error = caught.value
        told = f"{error!r} {error} {error.__dict__} {error.__cause__!r}"
        assert "hunter2" not in told
        assert base64.b64encode(b"admin:hunter2-secret").decode() not in told
