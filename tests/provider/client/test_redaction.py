"""What a server says back of our own credentials."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from airflow_provider_bacalhau.client import classify
from airflow_provider_bacalhau.client.calls import jobs
from airflow_provider_bacalhau.client.config import ApiKey, BasicAuth, ClientConfig, Token
from airflow_provider_bacalhau.client.protocol import http_answer, read_answer, read_frame
from airflow_provider_bacalhau.client.redaction import hide, hide_body, presentable, secrets_of
from airflow_provider_bacalhau.client.sync import Client
from airflow_provider_bacalhau.client.tls import http_errors
from airflow_provider_bacalhau.errors import ApiError, Unreachable
from airflow_provider_bacalhau.models.capabilities import UNKNOWN

KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"
CONFIG = ClientConfig(
    "https://bac.example",
    auth=BasicAuth("ada", 'p&ss "word" <1>/7f3c'),
    client_key=f"-----BEGIN PRIVATE KEY-----\\n{KEY_LINE}\\n-----END PRIVATE KEY-----",
    headers={"X-Team": "analytics", "X-Gate-Secret": "gate-4711", "X-Lane": "a8Zk3nQ0pW7vT2xy"},
)
BASIC = base64.b64encode(b'ada:p&ss "word" <1>/7f3c').decode()
SHOWN = {
    "the password": 'p&ss "word" <1>/7f3c',
    "as sent": BASIC,
    "in a URL": "p%26ss%20%22word%22%20%3C1%3E%2F7f3c",
    "in a form": "p%26ss+%22word%22+%3C1%3E%2F7f3c",
    "the key": KEY_LINE,
    "a header called secret": "gate-4711",
    "a header that looks random": "a8Zk3nQ0pW7vT2xy",
}


@pytest.mark.parametrize("form", SHOWN, ids=str)
def test_every_form_of_a_secret_is_hidden(form):
    """A proxy that prints the request would print the credential into the task log."""
    assert hide(f"[{SHOWN[form]}]", CONFIG) == "[***]"
    assert SHOWN[form] in secrets_of(CONFIG)


@pytest.mark.parametrize("auth", [ApiKey("api-key-5f1c9e"), Token("aaa.bbb.ccc-5f1c9e")])
def test_keys_and_tokens_are_secrets(auth):
    """They open the cluster as a password does."""
    config = ClientConfig("https://bac", auth=auth, headers={"Cookie": "session=0a1b2c3d4e"})
    secret = getattr(auth, "key", None) or auth.token
    assert hide(f"Bearer {secret}; session=0a1b2c3d4e; 0a1b2c3d4e", config) == "Bearer ***; ***; ***"


def test_an_authorization_header_of_ones_own_is_a_secret():
    """Who sets the header by hand would be the only one without protection."""
    config = ClientConfig("https://bac", headers={"Authorization": f"Basic {BASIC}"})
    assert hide(f"{BASIC} or {SHOWN['the password']}", config) == "*** or ***"


def test_names_and_short_words_are_no_secrets():
    """A team's name stands in namespaces and labels; without it no job would be found again."""
    assert hide("analytics", CONFIG) == "analytics"
    assert secrets_of(ClientConfig("https://bac", auth=ApiKey("job"))) == ()
    assert secrets_of(ClientConfig("https://bac", client_key="/etc/keys/client.pem")) == ()


def test_a_key_without_its_first_line_is_still_a_key():
    """A pasted key that lost its first line would be taken for a path, and be printed."""
    config = ClientConfig("https://bac", client_key="\n".join([KEY_LINE] * 5))
    assert hide(KEY_LINE, config) == "***"


def test_an_answer_without_secrets_keeps_its_bytes():
    """Every answer would be read twice, and written anew with other bytes."""
    body = b'{"Job":{"Meta":{"a":"\\u003cb\\u003e \\u0026"},  "ID": "j-1"}}'
    assert hide_body(200, body, CONFIG) is body
    assert hide_body(200, b"\xff", CONFIG) == b"\xff"


def test_a_long_secret_is_hidden_anywhere_in_an_answer():
    """A hostile server would put the token where nobody looks: into an id that ends up in XCom."""
    body = {"Items": [{"ID": BASIC, "Labels": {BASIC: f"x{KEY_LINE}"}}], "NextToken": "p&ss \"word\" <1>/7f3c"}
    cleaned = json.loads(hide_body(200, json.dumps(body).encode(), CONFIG))
    assert cleaned == {"Items": [{"ID": "***", "Labels": {"***": "x***"}}], "NextToken": "***"}


def test_escaped_letters_do_not_help():
    """One escape in JSON would get any secret past a search for its bytes."""
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in BASIC)
    assert json.loads(hide_body(200, f'{{"Message": "{spelled}"}}'.encode(), CONFIG)) == {"Message": "***"}


def test_a_short_secret_is_hidden_in_prose_only():
    """A password that is also a namespace would make its jobs unfindable, and every try would submit another."""
    config = ClientConfig("https://bac", auth=ApiKey("production"))
    body = {"Job": {"Namespace": "production", "State": {"Message": "not production", "Details": {"a": "production"}}}}
    cleaned = json.loads(hide_body(200, json.dumps(body).encode(), config))
    assert cleaned["Job"]["Namespace"] == "production"
    assert cleaned["Job"]["State"] == {"Message": "not ***", "Details": {"a": "***"}}
    assert b"production" not in hide_body(401, json.dumps(body).encode(), config)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize("page", [True, False])
def test_no_error_text_quotes_a_secret(status, page):
    """The task log, the API and the alert would show what opens the cluster."""
    echo = " ".join(SHOWN.values())
    words = {"Message": echo, "Code": echo, "Component": echo, "Hint": echo, "Details": {"reason": echo}}
    text = f"<{echo}" if page else json.dumps(words)
    response = httpx.Response(status, text=text, headers={"location": f"https://x/?{BASIC}", "retry-after": BASIC})
    with pytest.raises(ApiError) as caught:
        read_answer(jobs.get("j-1"), http_answer(response, CONFIG, "r"), UNKNOWN)
    error = caught.value
    told = f"{error} {error.__cause__} {vars(error)}"
    assert [form for form, secret in SHOWN.items() if secret in told] == []


def test_no_log_line_quotes_a_secret():
    """The orchestrator's proxy could write it into what looks like the job's output."""
    frame = read_frame(jobs.logs("j-1"), json.dumps({"value": {"Type": 1, "Line": f"got {BASIC}\n"}}), CONFIG)
    assert frame.text == "got ***\n"
    with pytest.raises(ApiError, match=r"\*\*\*"):
        read_frame(jobs.logs("j-1"), json.dumps({"error": f"no {BASIC}"}), CONFIG)


def test_a_broken_answer_that_quotes_a_secret_is_no_cause():
    """The traceback would print what the sentence above it hides."""
    error = httpx.RemoteProtocolError(f"illegal status line: bytearray(b'{BASIC}')")
    with pytest.raises(Unreachable, match=r"\*\*\*") as caught, http_errors("x", CONFIG, "r"):
        raise error
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert presentable(httpx.ConnectError("no route"), CONFIG) is not None
    outer = ValueError("fine")
    outer.__context__ = error
    assert presentable(outer, CONFIG) is None


def test_a_client_hides_what_its_server_echoes():
    """The parts would be right, and nothing would use them."""
    echo = httpx.MockTransport(lambda request: httpx.Response(401, text=request.headers["authorization"]))
    with Client(CONFIG, transport=echo) as client, pytest.raises(ApiError) as caught:
        client.get_job("j-1")
    assert "***" in str(caught.value)
    assert BASIC not in str(caught.value)
    assert classify.server_text("x") == "x"
