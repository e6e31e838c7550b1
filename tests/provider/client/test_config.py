"""From a connection's fields to a client's configuration."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.client.config import (
    EXTRA_FIELDS,
    ApiKey,
    BasicAuth,
    ClientConfig,
    ConnectionOptions,
    Token,
    config_from_parts,
    is_loopback,
    parse_connection,
)
from airflow_provider_bacalhau.errors import ConfigError

PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----"


def parse(host="127.0.0.1", **fields):
    """A connection with a loopback host unless told otherwise."""
    return parse_connection(host=host, **fields)


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({"host": "bac"}, "http://bac:1234"),
        ({"host": "bac", "port": 80}, "http://bac"),
        ({"host": "bac", "port": 9000, "schema": "https"}, "https://bac:9000"),
        ({"host": "bac", "schema": "HTTPS"}, "https://bac:1234"),
        ({"host": "bac:9000"}, "http://bac:9000"),
        ({"host": "bac/api/bacalhau/"}, "http://bac:1234/api/bacalhau"),
        ({"host": "https://acme.io/bacalhau"}, "https://acme.io/bacalhau"),
        ({"host": "https://acme.io:8443/"}, "https://acme.io:8443"),
        ({"host": "http://acme.io"}, "http://acme.io"),
        ({"host": "http://acme.io", "port": 1234}, "http://acme.io:1234"),
        ({"host": "https://acme.io", "schema": "http"}, "https://acme.io"),
        ({"host": " bac "}, "http://bac:1234"),
        ({"host": "::1"}, "http://[::1]:1234"),
        ({"host": "[::1]:9000"}, "http://[::1]:9000"),
        ({"host": "bac/a b"}, "http://bac:1234/a%20b"),
    ],
)
def test_the_base_url(fields, base_url):
    """A connection would lead to another place than its fields say (contract 6)."""
    assert parse(**fields).config.base_url == base_url


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"host": None}, "no host"),
        ({"host": "  "}, "no host"),
        ({"host": "bac", "schema": "ftp"}, "schema is 'ftp'"),
        ({"host": "ftp://bac"}, "ftp://"),
        ({"host": "bac:port"}, "no host name and no URL"),
        ({"host": "bac:99999"}, "no host name and no URL"),
        ({"host": "https://u:p@bac"}, "login and password fields"),
        ({"host": "https://bac/?x=1"}, "\\? or # part"),
        ({"host": "https:///path"}, "no usable host name"),
        ({"host": "two words"}, "no usable host name"),
    ],
)
def test_a_host_that_leads_nowhere_is_refused_by_name(fields, named):
    """A wrong field would show as an unreachable server."""
    with pytest.raises(ConfigError, match=named):
        parse(**fields)


def test_the_kinds_of_credential():
    """A password alone would be sent as basic authentication, or a token be ignored."""
    assert parse().config.auth is None
    assert parse(login="u", password="p").config.auth == BasicAuth("u", "p")
    assert parse(password="key").config.auth == ApiKey("key")
    assert parse(extra={"token": "jwt"}).config.auth == Token("jwt")


@pytest.mark.parametrize(
    "fields",
    [
        {"login": "u", "password": "p", "extra": {"token": "t"}},
        {"password": "key", "extra": {"token": "t"}},
        {"password": "key", "extra": {"headers": {"authorization": "Bearer x"}}},
        {"extra": {"token": "t", "headers": {"Authorization": "Bearer x"}}},
    ],
)
def test_two_kinds_of_credential_are_refused(fields):
    """The wrong one would be sent."""
    with pytest.raises(ConfigError, match="two kinds of credential"):
        parse(**fields)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"login": "u"}, "login without password"),
        ({"password": "a\nb"}, "password holds a line break"),
        ({"extra": {"token": "a\r\nX-Evil: 1"}}, "token holds a line break"),
        ({"login": "a:b", "password": "p"}, "login holds a colon"),
        ({"extra": {"token": "schlüssel"}}, "ASCII"),
    ],
)
def test_a_credential_that_cannot_be_sent_is_refused(fields, named):
    """It would inject a header, or fail deep in the HTTP library."""
    with pytest.raises(ConfigError, match=named):
        parse(**fields)


@pytest.mark.parametrize(
    "credential",
    [
        {"login": "u", "password": "p"},
        {"password": "k"},
        {"extra": {"token": "t"}},
        {"extra": {"headers": {"Authorization": "x"}}},
    ],
)
def test_a_credential_is_not_sent_unencrypted_to_another_machine(credential):
    """Anybody on the way could read it."""
    with pytest.raises(ConfigError, match="schema to https, or set allow_plaintext") as caught:
        parse(host="bac.example", **credential)
    assert "http://bac.example:1234" in str(caught.value)
    parse(host="127.0.0.1", **credential)
    parse(host="bac.example", schema="https", **credential)
    trusted = {**credential, "extra": {**credential.get("extra", {}), "allow_plaintext": True}}
    assert parse(host="bac.example", **trusted).config.base_url == "http://bac.example:1234"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]", "stub.localhost", "LOCALHOST"])
def test_what_this_machine_is(host):
    """A stub on the laptop would need allow_plaintext, or a remote host would not."""
    assert is_loopback(host)
    assert not any(is_loopback(other) for other in ("10.0.0.1", "localhost.evil.example", "127.0.0.1.example", ""))


def test_the_extra_is_read():
    """A field of the contract would have no effect."""
    extra = {
        "ca_cert": PEM,
        "client_cert": "/certs/c.pem",
        "client_key": "/certs/k.pem",
        "headers": {"X-Tenant": "acme"},
        "connect_timeout": "2",
        "read_timeout": 60,
        "namespace": "etl",
        "webui_url": "https://ui",
        "deployment": "prod",
        "aws_conn_id": "aws_eu",
        "poll_interval": 3,
        "result_hosts": "a.example, b.example",
        "ipfs_gateway": "https://ipfs.example",
    }
    parsed = parse(schema="https", extra=extra)
    config = parsed.config
    assert (config.ca_cert, config.client_cert, config.client_key) == (PEM, "/certs/c.pem", "/certs/k.pem")
    assert (config.headers, config.connect_timeout, config.read_timeout) == ({"X-Tenant": "acme"}, 2.0, 60.0)
    assert config.namespace == "etl"
    assert parsed.options == ConnectionOptions(
        "https://ui", "prod", "aws_eu", 3.0, ("a.example", "b.example"), "https://ipfs.example"
    )
    assert parsed.warnings == ()


def test_defaults_outlast_the_server():
    """A read timeout below the server's 30 s would hide its own answer."""
    config = parse().config
    assert (config.connect_timeout, config.read_timeout, config.verify) == (5.0, 35.0, True)
    assert parse().options == ConnectionOptions()


def test_extra_fields_as_text_are_read():
    """A connection given as a URI has text in every extra field."""
    parsed = parse(host="bac", extra={"verify": "false", "headers": '{"X-A": "b"}', "allow_plaintext": "true"})
    assert parsed.config.verify is False
    assert parsed.config.headers == {"X-A": "b"}
    assert parse(extra={"result_hosts": ["a", "b"]}).options.result_hosts == ("a", "b")


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"verify": "maybe"}, "extra.verify is 'maybe'"),
        ({"connect_timeout": "soon"}, "extra.connect_timeout"),
        ({"read_timeout": 0}, "extra.read_timeout is 0"),
        ({"read_timeout": True}, "extra.read_timeout"),
        ({"poll_interval": "inf"}, "extra.poll_interval"),
        ({"headers": "X: y"}, "extra.headers"),
        ({"headers": {"X-A": "b\nc"}}, "cannot be sent as a header"),
        ({"headers": {"X A": "b"}}, "cannot be sent as a header"),
        ({"headers": {"X-Bacalhau-Git-Version": "v1.4.0"}}, "may not set X-Bacalhau-Git-Version"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "may not set Transfer-Encoding"),
        ({"result_hosts": 3}, "extra.result_hosts"),
        ({"namespace": ["a"]}, "extra.namespace is list"),
        ({"client_key": "/k.pem"}, "client_key without client_cert"),
    ],
)
def test_a_wrong_extra_field_is_refused_by_name(extra, named):
    """The user would search the wrong field."""
    with pytest.raises(ConfigError, match=named):
        parse(extra=extra)


def test_an_unknown_extra_field_gives_one_warning():
    """A typing error in a field name would go unnoticed."""
    assert parse(extra={"namspace": "etl", "zone": 1}).warnings == (
        "The connection's extra holds what is not read: namspace, zone.",
    )
    assert not parse(schema="https", extra=dict.fromkeys(EXTRA_FIELDS)).warnings


def test_switching_verification_off_warns():
    """A man in the middle would be believed silently."""
    (warning,) = parse(host="bac", schema="https", extra={"verify": False}).warnings
    assert "verify off" in warning
    assert "https://bac:1234" in warning


def test_certificates_over_http_warn():
    """Certificates would be configured and never used."""
    (warning,) = parse(extra={"ca_cert": PEM}).warnings
    assert "http" in warning


def test_no_secret_is_shown():
    """A traceback or a debug log would hold the credential."""
    config = parse(
        login="u",
        password="hunter2",
        schema="https",
        extra={"client_cert": "CERT", "client_key": "KEY", "headers": {"X-Secret": "s3cret"}},
    ).config
    shown = repr(config) + str(config.auth) + repr(parse(password="hunter2")) + repr(parse(extra={"token": "hunter2"}))
    assert not any(secret in shown for secret in ("hunter2", "KEY", "s3cret"))


def test_the_digest_tells_configs_apart_without_telling_secrets():
    """Two servers would share one poller, or one server have two."""
    one = parse(login="u", password="p").config
    same = parse(login="u", password="p").config
    others = [
        parse(login="u", password="q").config,
        parse(password="p").config,
        parse(extra={"token": "p"}).config,
        parse(host="127.0.0.2", login="u", password="p").config,
        parse(login="u", password="p", extra={"headers": {"X": "1"}}).config,
    ]
    assert one.digest() == same.digest()
    assert len({one.digest(), *(other.digest() for other in others)}) == 6
    assert "p" not in ClientConfig("http://x").digest().strip("0123456789abcdef")


def test_config_and_warnings_alone():
    """Callers that want no options would have to take them apart."""
    config, warnings = config_from_parts(
        host="bac", port=None, schema=None, login=None, password=None, extra={"x": 1}, user_agent="ua/1"
    )
    assert config.user_agent == "ua/1"
    assert len(warnings) == 1


@pytest.mark.parametrize("host", ["https://ada:hunter2[@bac", "ada:hunter2@bac:port", "https://ada:hunter2@bac"])
def test_a_user_in_the_host_is_never_quoted(host):
    """The sentence about a malformed URL would print the password that stands in it."""
    with pytest.raises(ConfigError, match="holds a user") as caught:
        parse(host)
    assert "hunter2" not in str(caught.value)
