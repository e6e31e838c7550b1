"""Request parts and answers."""

from __future__ import annotations

import base64
import json

import pytest

from airflow_provider_bacalhau.client.call import Call
from airflow_provider_bacalhau.client.calls import agent, jobs
from airflow_provider_bacalhau.client.config import ApiKey, BasicAuth, ClientConfig, Token
from airflow_provider_bacalhau.client.protocol import (
    announced,
    http_answer,
    Learnt,
    learn,
    read_answer,
    read_frame,
    request_parts,
    server_date,
    socket_parts,
)
from airflow_provider_bacalhau.errors import ApiError, BrokenContract, ConfigError, NotFound
from airflow_provider_bacalhau.models.capabilities import UNKNOWN, Capabilities
from airflow_provider_bacalhau.models.responses import LogFrame

NEWEST = Capabilities.from_version("v1.9.3")


def test_a_request_has_all_parts(config):
    """Path, query, own request id or user agent would be missing."""
    call = jobs.list_jobs(NEWEST, labels="env in (prod,dev)", limit=3)
    parts = request_parts(call, config, "req-1")
    assert parts.method == "GET"
    assert parts.url == ("http://127.0.0.1:1234/api/v1/orchestrator/jobs?labels=env%20in%20%28prod%2Cdev%29&limit=3")
    assert parts.headers == {
        "accept": "application/json",
        "user-agent": "airflow-provider-bacalhau",
        "x-request-id": "req-1",
    }
    assert parts.content is None


def test_a_write_is_json_in_one_piece(config):
    """A chunked body or another content type is refused (fact sheet 2.5)."""
    parts = request_parts(jobs.submit({"Name": "x", "Größe": 1}), config, "r")
    assert isinstance(parts.content, bytes)
    assert json.loads(parts.content) == {"Job": {"Name": "x", "Größe": 1}}
    assert parts.headers["content-type"] == "application/json"


def test_the_version_header_is_never_sent(config):
    """It changes history below 1.5 and can be refused (fact sheet 2.4)."""
    parts = request_parts(jobs.submit({}), config, "r")
    assert not any(name.startswith("x-bacalhau") for name in parts.headers)


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (BasicAuth("üser", "päss:word"), "Basic " + base64.b64encode("üser:päss:word".encode()).decode()),
        (ApiKey("key"), "Bearer key"),
        (Token("jwt"), "Bearer jwt"),
        (None, None),
    ],
)
def test_each_credential_has_its_header(auth, header):
    """A credential would be sent in the wrong form."""
    config = ClientConfig("https://bac", auth=auth)
    assert request_parts(agent.alive(), config, "r").headers.get("authorization") == header
    assert socket_parts(jobs.logs("j-1"), config, "r").headers.get("authorization") == header


def test_headers_of_the_connection_are_sent():
    """A tenant header for a gateway would be missing."""
    config = ClientConfig("https://bac", headers={"X-Tenant": "acme", "User-Agent": "mine"})
    headers = request_parts(agent.alive(), config, "r").headers
    assert headers["x-tenant"] == "acme"
    assert headers["user-agent"] == "mine"


def test_secrets_are_not_shown():
    """A log of request parts would hold the credential."""
    parts = request_parts(agent.alive(), ClientConfig("https://bac", auth=ApiKey("hunter2")), "r")
    assert "hunter2" not in repr(parts)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_log_socket_goes_where_requests_go(scheme):
    """Logs behind TLS or a path prefix would not be found."""
    config = ClientConfig(f"{scheme}://bac:1234/prefix")
    parts = socket_parts(jobs.logs("j-1", namespace="n"), config, "r")
    assert (
        parts.url
        == f"{scheme.replace('http', 'ws')}://bac:1234/prefix/api/v1/orchestrator/jobs/j-1/logs?follow=true&namespace=n"
    )
    assert parts.headers["x-request-id"] == "r"


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object()])
def test_what_is_no_json_is_not_sent(config, value):
    """A set or NaN in a spec would raise from deep inside, or be sent as invalid JSON."""
    with pytest.raises(ConfigError, match="no JSON"):
        request_parts(jobs.submit({"Meta": value}), config, "r")


def test_a_body_that_no_server_takes_is_not_sent(config):
    """A spec with inlined data would be answered by a bare 413."""
    with pytest.raises(ConfigError, match="10,000,000"):
        request_parts(jobs.submit({"x": "a" * 10_000_000}), config, "r")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "an empty body"),
        ("<!doctype html><title>Sign in</title>", "a page of HTML"),
        ('{"Job":{"ID":"j-1","Na', "JSON that is cut off"),
        ("pong", "what is no JSON"),
        ({"status": "up"}, "does not fit"),
        ([1, 2], "does not fit"),
        ({"Job": {"ID": "j-1", "Count": "many"}}, "does not fit \\(count: "),
        ({"Job": None}, "does not fit"),
    ],
)
def test_an_answer_that_is_not_what_was_promised(answer, body, said):
    """A proxy's page or a truncated answer would raise from deep inside a parser."""
    with pytest.raises(BrokenContract, match=said) as caught:
        read_answer(jobs.get("j-1"), answer(200, body), NEWEST)
    assert caught.value.request_id == "req-1"
    assert "http://bac.example:1234" in str(caught.value)


def test_a_value_in_an_answer_is_not_quoted(answer):
    """A pre-signed URL is a credential and would stand in the log."""
    body = {"Items": [{"Type": "s3PreSigned", "Params": {"PreSignedURL": "https://s3/?X-Amz-Signature=abc"}}, 3]}
    with pytest.raises(BrokenContract) as caught:
        read_answer(jobs.get_results("j-1"), answer(200, body), NEWEST)
    assert "X-Amz" not in str(caught.value)


def test_the_answers_own_version_decides_over_what_was_known(answer):
    """After an upgrade in between, integers would be read by the old release."""
    body = {"Items": [{"ID": "e-1", "ComputeState": {"StateType": 7}}]}
    old = answer(200, body, x_bacalhau_git_version="v1.1.0")
    assert read_answer(jobs.get_executions("j"), old, NEWEST).items[0].compute_state == "Completed"
    silent = answer(200, body)
    assert read_answer(jobs.get_executions("j"), silent, NEWEST).items[0].compute_state == "Publishing"


def test_a_refusal_may_be_a_result(answer):
    """A call whose success is a refusal could not be expressed."""
    call = Call("x", "GET", "/", lambda data, _: data, recover=lambda error: error.status)
    assert read_answer(call, answer(404, {"Message": "job not found: x"}), UNKNOWN) == 404


def test_what_is_learnt_from_headers():
    """The server's release or clock would be forgotten by an answer that does not tell it."""
    assert announced({}) is None
    assert announced({"x-bacalhau-git-version": "v1.8.0"}).release == "1.8.0"
    date = {"date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert server_date(date) == 1767225600.0
    assert server_date({"date": "yesterday"}) is None
    known = Learnt(NEWEST, 5.0, 3600.0)
    assert learn({}, known, 7.0) == known
    assert learn({**date, "x-bacalhau-git-version": "v1.8.0"}, known, 5.0).facts.release == "1.8.0"


@pytest.mark.parametrize(("ours", "ahead"), [(1767225600.0, 0.0), (1767225601.9, 0.0), (1767222000.0, 3600.0)])
def test_how_far_the_servers_clock_is_ahead(ours, ahead):
    """A worker whose clock is wrong by an hour would hand a deadline of an hour ago to the triggerer; and the whole
    seconds of the header would blur every time of a clock that is right."""
    assert learn({"date": "Thu, 01 Jan 2026 00:00:00 GMT"}, Learnt(), ours).ahead == ahead


def test_an_http_answer_becomes_a_value(config):
    """Status, body or whose answer it is would be lost."""
    response = type("Response", (), {"status_code": 200, "headers": {"date": "x"}, "content": b"{}"})
    made = http_answer(response, config, "r")
    assert (made.status, made.body, made.server, made.request_id) == (200, b"{}", config.base_url, "r")


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        ('{"value":{"Type":1,"Line":"out 1\\n"}}\n', LogFrame(1, "out 1\n")),
        (b'{"value":{"Type":2,"Line":"\\u0000 partial"}}', LogFrame(2, "\x00 partial")),
    ],
)
def test_a_log_frame_is_read(message, frame):
    """Stream or text of a frame would be lost."""
    assert read_frame(jobs.logs("j-1"), message, ClientConfig("http://bac")) == frame


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("job not found: j-1", NotFound),
        ("failed to open log stream for job j: no executions found for job j", ApiError),
    ],
)
def test_an_error_frame_is_an_error(text, kind):
    """Error frames come with status 101 and would pass for lines of the log."""
    message = json.dumps({"error": text, "value": {"Type": 0, "Line": ""}})
    with pytest.raises(ApiError, match=text) as caught:
        read_frame(jobs.logs("j-1"), message, ClientConfig("http://bac"))
    assert type(caught.value) is kind


def test_what_is_no_frame_is_refused():
    """Another service's socket would print its messages into the log."""
    with pytest.raises(BrokenContract):
        read_frame(jobs.logs("j-1"), "hello", ClientConfig("http://bac"))
