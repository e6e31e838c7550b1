"""What both shells do around a call: retries, what they learn, and that they decide nothing else."""

from __future__ import annotations

import asyncio
import itertools
import ssl

import httpx
import pytest

from airflow_provider_bacalhau.client import retry
from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import AuthError, BrokenContract, ConfigError, NotFound, ServerFault, Unreachable

CONFIG = ClientConfig("http://127.0.0.1:1234")
JOB = {"Job": {"ID": "j-1", "State": {"StateType": "Running"}}}


class Sequence:
    """Answers one after the other, the last for ever; an exception is raised."""

    def __init__(self, *answers):
        self._answers = itertools.chain(answers, itertools.repeat(answers[-1]))
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer[0], **(answer[1] if isinstance(answer[1], dict) else {"text": answer[1]}))


def ok(body=JOB, **headers):
    """A good answer."""
    return (200, {"json": body, "headers": headers})


@pytest.fixture
def before(connect):
    """before(*answers) -> (driver, server)."""

    def make(*answers):
        server = Sequence(*answers)
        return connect(CONFIG, httpx.MockTransport(server)), server

    return make


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("x"),
        httpx.ReadError("x"),
        (503, "Server Timeout!"),
        (429, {"json": {"Message": "rate"}}),
        (502, "<html>"),
    ],
)
def test_a_read_survives_a_blip(before, failure):
    """A lost packet or a restarting proxy would fail a task."""
    client, server = before(failure, failure, ok())
    assert client("get_job", "j-1").state == "Running"
    assert len(server.requests) == 3


def test_every_attempt_has_its_own_request_id(before):
    """Two attempts could not be told apart in the server's log."""
    client, server = before((503, "x"), ok())
    client("get_job", "j-1")
    ids = {request.headers["x-request-id"] for request in server.requests}
    assert len(ids) == 2


def test_attempts_end_with_the_last_error(before):
    """A dead server would be asked for ever, or tenacity's own exception be shown."""
    client, server = before((503, "Server Timeout!"))
    with pytest.raises(ServerFault, match="Server Timeout!"):
        client("get_job", "j-1")
    assert len(server.requests) == retry.ATTEMPTS


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(httpx.ConnectError("x"), Unreachable), (httpx.ReadTimeout("x"), Unreachable), ((503, "x"), ServerFault)],
)
def test_a_submit_is_sent_once(before, failure, kind):
    """Each arrival would be one more job."""
    client, server = before(failure, ok({"JobID": "j-1"}))
    with pytest.raises(kind):
        client("submit_job", {})
    assert len(server.requests) == 1


def test_a_lost_reply_to_a_submit_is_marked_as_undecided(before):
    """The submission would not look whether the job exists."""
    client, _ = before(httpx.ReadTimeout("x"))
    with pytest.raises(Unreachable) as caught:
        client("submit_job", {})
    assert caught.value.maybe_applied
    client, _ = before(httpx.ConnectError("x"))
    with pytest.raises(Unreachable) as caught:
        client("submit_job", {})
    assert not caught.value.maybe_applied


def test_an_alert_that_the_library_does_not_translate(before):
    """anyio lets some TLS alerts through as they are: a raw ssl.SSLError would reach the task."""
    client, _ = before(ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"))
    with pytest.raises(Unreachable, match="set client_cert and client_key"):
        client("get_job", "j-1")


def test_a_wrong_credential_is_tried_once(before, auth_steps):
    """1.7.0 answers 500 to it: four tries would lock the user out."""
    step = auth_steps("1.7.0")["bad-bearer-wrong"]
    client, server = before((step["status"], step["body"]))
    with pytest.raises(AuthError):
        client("list_jobs")
    assert len(server.requests) == 1


def test_a_redirect_is_not_followed(before):
    """The credential would be sent to wherever it points."""
    client, server = before((301, {"headers": {"Location": "https://elsewhere.example/"}}))
    with pytest.raises(BrokenContract, match="redirects to https://elsewhere.example/"):
        client("get_job", "j-1")
    assert len(server.requests) == 1


def test_an_answer_that_tells_the_release_saves_the_question(before):
    """Every client would ask for the version although each answer tells it."""
    client, server = before(ok(**{"X-Bacalhau-Git-Version": "v1.8.0"}))
    client("get_job", "j-1")
    assert client("capabilities").release == "1.8.0"
    assert len(server.requests) == 1


def test_a_server_upgraded_meanwhile_is_noticed(before):
    """The old release's facts would outlive it."""
    client, _ = before(ok(**{"X-Bacalhau-Git-Version": "v1.7.0"}), ok(**{"X-Bacalhau-Git-Version": "v1.9.3"}))
    client("get_job", "j-1")
    assert not client("capabilities").unique_names
    client("get_job", "j-1")
    assert client("capabilities").unique_names


def test_the_servers_clock_is_kept(before):
    """Clock skew could not be measured."""
    client, _ = before(ok(Date="Thu, 01 Jan 2026 00:00:00 GMT"), ok())
    assert client.client.learnt.date is None
    client("get_job", "j-1")
    client("get_job", "j-1")
    assert client.client.learnt.date == 1767225600.0


def test_pages_are_followed_to_the_end(before):
    """Jobs beyond the first page would be missing, or a repeated token followed for ever."""
    version = ok({"GitVersion": "v1.9.3"})
    pages = [{"Items": [{"ID": f"j-{n}"}], "NextToken": token} for n, token in ((1, "a"), (2, "b"), (3, "b"))]
    client, server = before(version, *map(ok, pages))
    assert [job.id for job in client("iter_jobs", limit=1, labels="x=y")] == ["j-1", "j-2", "j-3"]
    tokens = [request.url.params.get("next_token") for request in server.requests[1:]]
    assert tokens == [None, "a", "b"]
    assert {request.url.params["limit"] for request in server.requests[1:]} == {"1"}


def test_a_wrong_argument_is_refused_before_anything_is_sent(before):
    """A DELETE with an empty id would reach the collection."""
    client, server = before(ok())
    with pytest.raises(ConfigError):
        client("stop_job", "")
    assert server.requests == []


def test_the_right_to_submit_is_proved(before, body):
    """A connection without it would pass its test."""
    client, server = before((400, body("1.9.3", "26", "no-job")))
    assert client("check_submit") is None
    (request,) = server.requests
    assert (request.method, request.content) == ("PUT", b"{}")
    client, _ = before((404, {"json": {"Message": "Not Found", "Component": "APIServer"}}))
    with pytest.raises(NotFound):
        client("check_submit")


def test_a_closed_client_opens_again(before):
    """A hook that closes its client early could not be used again."""
    client, _ = before(ok())
    client("get_job", "j-1")
    client("close")
    client("close")
    assert client("get_job", "j-1").id == "j-1"


def test_many_requests_at_once_open_one_client(monkeypatch):
    """A poller would build a TLS context, and leak a pool, for each of its jobs."""
    from airflow_provider_bacalhau.client.aio import AsyncClient

    opened = []
    make = AsyncClient._open

    def counted(self):
        opened.append(1)
        return make(self)

    monkeypatch.setattr(AsyncClient, "_open", counted)

    async def ask():
        async with AsyncClient(CONFIG, transport=httpx.MockTransport(Sequence(ok()))) as client:
            return await asyncio.gather(*(client.get_job("j-1") for _ in range(50)))

    assert len(asyncio.run(ask())) == 50
    assert opened == [1]
