"""GETs of result URLs on real sockets: redirects, rebinding names, refusals; and no query in any log."""

from __future__ import annotations

import logging
import socket
import ssl

import pytest

from airflow_provider_bacalhau.errors import HostRefused, ResultError
from airflow_provider_bacalhau.results.hosts import allowed_hosts
from airflow_provider_bacalhau.results.transfer import Interrupted
from airflow_provider_bacalhau.results.urls import Http, HttpOpener

LOCAL = allowed_hosts("http://127.0.0.1:1234")
SECRET = "X-Amz-Signature=5ec2e7"


def read(url, allowed=LOCAL, offset=0, validator="", fresh=None, **settings):
    with Http(**settings) as http:
        opener = HttpOpener(http, "s3://b/k", "e-1", allowed, lambda again: fresh if again else url)
        with opener.open(offset, validator) as answer:
            return answer, b"".join(answer.chunks)


def test_the_body_arrives_as_sent(web):
    """A gzip of the publisher would be unpacked on the way, and no checksum fit."""
    web.files["/k"] = b"\x1f\x8bdata"
    answer, body = read(f"{web.url}/k?{SECRET}")
    assert (body, answer.start, answer.total) == (b"\x1f\x8bdata", 0, 6)
    assert web.seen[0][0] == f"/k?{SECRET}"
    assert web.seen[0][1]["accept-encoding"] == "identity"


def test_the_rest_is_asked_for_by_range_and_etag(web):
    """Resuming would read a newer object's second half."""
    web.files["/k"] = b"0123456789"
    first, _ = read(f"{web.url}/k")
    answer, body = read(f"{web.url}/k", offset=4, validator=first.validator)
    assert (answer.start, answer.total, body) == (4, 10, b"456789")
    with pytest.raises(Interrupted) as event:
        read(f"{web.url}/k", offset=4, validator='"other"')
    assert event.value.kind == "changed"


def test_a_date_validates_where_there_is_no_etag(web, Reply):
    """The local publisher's file server sends Last-Modified only."""
    web.script["/k"] = [Reply(200, b"x", {"Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"})]
    answer, _ = read(f"{web.url}/k")
    with pytest.raises(ResultError):
        read(f"{web.url}/k", offset=1, validator=answer.validator)
    assert web.seen[1][1]["if-unmodified-since"] == "Wed, 01 Jan 2025 00:00:00 GMT"


def test_redirects_are_followed_to_allowed_hosts(web, make_web, Reply):
    """S3's redirect to another region would end the download."""
    other = make_web()
    other.files["/k"] = b"here"
    web.script["/k"] = [Reply(307, headers={"Location": f"{other.url}/k?{SECRET}"})]
    assert read(f"{web.url}/k")[1] == b"here"


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data", "http://evil.example/k", "file:///etc/passwd", "http://[fe80::1]/"],
)
def test_redirects_to_other_hosts_are_refused(web, Reply, location):
    """A node's first answer could send the worker to the cloud's credentials."""
    web.script["/k"] = [Reply(302, headers={"Location": location})]
    with pytest.raises(HostRefused):
        read(f"{web.url}/k")


def test_a_redirect_to_loopback_is_refused_for_a_remote_orchestrator(web, make_web, Reply):
    """An allowed host could send the worker to its own services."""
    inner = make_web()
    inner.files["/k"] = b"secret"
    web.script["/k"] = [Reply(302, headers={"Location": f"{inner.url}/k"})]
    port = web.url.rpartition(":")[2]
    hosts = allowed_hosts("http://orchestrator.test")
    with pytest.raises(HostRefused, match="loopback address"):
        read(f"http://orchestrator.test:{port}/k", allowed=hosts, resolve=lambda host, port: ["127.0.0.1"])
    assert inner.seen == []
    assert len(web.seen) == 1


def test_endless_redirects_end(web, Reply):
    """Two hosts that point at each other would hold the task."""
    web.gate = lambda target: Reply(302, headers={"Location": "/again"})
    with pytest.raises(ResultError, match="more than 5 times"):
        read(f"{web.url}/k")


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1"])
def test_an_allowed_name_that_resolves_to_a_forbidden_address_is_not_asked(web, address):
    """DNS rebinding: the name is on the list, its address is this machine."""
    port = web.url.rpartition(":")[2]
    hosts = allowed_hosts("https://bacalhau.acme.io", extra=["files.acme.io"])
    with pytest.raises(HostRefused, match=r"files\.acme\.io"):
        read(f"http://files.acme.io:{port}/k", allowed=hosts, resolve=lambda host, port: ["203.0.113.7", address])
    assert web.seen == []


def test_the_connection_goes_to_the_checked_address(web):
    """The name would be resolved a second time, to something else, or the server not know which host is meant."""
    asked = []
    web.files["/k"] = b"x"
    port = web.url.rpartition(":")[2]

    def once(host, port):
        asked.append(host)
        return ["127.0.0.1"]

    read(f"http://results.test:{port}/k", allowed=allowed_hosts("http://results.test"), resolve=once)
    assert asked == ["results.test"]
    assert web.seen[0][1]["host"] == f"results.test:{port}"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", "expired"),
        (400, b"<Error><Code>ExpiredToken</Code></Error>", "expired"),
        (401, b"", "expired"),
        (503, b"<Error><Code>SlowDown</Code></Error>", "passing"),
        (500, b"", "passing"),
        (429, b"", "passing"),
        (412, b"", "changed"),
        (416, b"", "changed"),
        (404, b"404 page not found\n", "gone"),
        (410, b"", "gone"),
        (400, b"<Error><Code>InvalidRequest</Code></Error>", "answered 400 InvalidRequest"),
    ],
)
def test_what_an_answer_means(web, Reply, status, body, kind):
    """A passing fault would fail the task, or a lasting one be repeated."""
    web.script["/k"] = [Reply(status, body)]
    with pytest.raises((Interrupted, ResultError)) as caught:
        read(f"{web.url}/k?{SECRET}")
    assert kind == caught.value.kind if isinstance(caught.value, Interrupted) else kind in str(caught.value)
    assert "X-Amz" not in str(caught.value)


def test_an_unreachable_server_is_a_passing_fault_without_its_url():
    """The signed URL would stand in the error."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(Interrupted) as caught:
        read(f"http://127.0.0.1:{port}/k?{SECRET}")
    assert caught.value.kind == "passing"
    assert "Connection refused" in caught.value.reason
    assert "X-Amz" not in caught.value.reason


def test_a_name_without_address_is_a_passing_fault():
    """A short outage of the DNS would fail the task at once, or end in a stack trace."""

    def fail(host, port):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    with pytest.raises(Interrupted, match="Temporary failure"):
        read("http://results.test/k", allowed=allowed_hosts("http://results.test"), resolve=fail)


@pytest.mark.parametrize("url", ["http://[broken/k", "", "k", "http://"])
def test_malformed_urls_are_refused(url):
    """A node's nonsense would end in a stack trace."""
    with pytest.raises(ResultError):
        read(url)


def test_renewing_wants_another_url(web):
    """The same expired URL would be tried again."""
    with Http() as http:
        urls = {False: f"{web.url}/a", True: f"{web.url}/b"}
        opener = HttpOpener(http, "u", "e-1", LOCAL, urls.get)
        web.files["/a"] = web.files["/b"] = b"x"
        with opener.open(0, ""):
            pass
        assert opener.renew()
        assert not opener.renew()
        with opener.open(0, ""):
            pass
    assert [target for target, _ in web.seen] == ["/a", "/b"]


def test_no_query_reaches_a_log_or_a_repr(web, Reply, caplog):
    """httpx logs every URL at INFO and httpcore a redirect's Location at DEBUG; both are credentials here."""
    caplog.set_level(logging.DEBUG)
    web.files["/b"] = b"x"
    web.script["/a"] = [Reply(307, headers={"Location": f"{web.url}/b?{SECRET}"})]
    with Http() as http:
        opener = HttpOpener(http, "s3://b/k", "e-1", LOCAL, lambda again: f"{web.url}/a?{SECRET}")
        with opener.open(0, "") as answer:
            assert b"".join(answer.chunks) == b"x"
        assert "X-Amz" not in repr(opener)
    assert "httpcore" in caplog.text
    assert "Location" in caplog.text
    assert "X-Amz" not in caplog.text


@pytest.fixture
def certificate(tmp_path):
    """A certificate for results.test that signs itself; returns a file with it and its key."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "results.test")])
    start = datetime.datetime(2020, 1, 1)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), start, start.replace(year=2120)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("results.test")]), critical=False)
    path = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def test_the_certificate_is_that_of_the_name_not_of_the_address(make_web, certificate):
    """Every https result would fail, the connection going to an address; or any certificate would do."""
    web = make_web(certificate)
    web.files["/k"] = b"secret"
    port = web.url.rpartition(":")[2]
    trusting = ssl.create_default_context(cafile=str(certificate))
    settings = {
        "allowed": allowed_hosts("http://results.test", nodes=["other.test"]),
        "resolve": lambda host, port: ["127.0.0.1"],
    }
    assert read(f"https://results.test:{port}/k", verify=trusting, **settings)[1] == b"secret"
    with pytest.raises(ResultError, match=r"certificate of https://results\.test.* ca_cert"):
        read(f"https://results.test:{port}/k?{SECRET}", **settings)
    settings["allowed"] = allowed_hosts("http://other.test")
    with pytest.raises(ResultError, match="certificate"):
        read(f"https://other.test:{port}/k", verify=trusting, **settings)


def test_https_is_not_left_by_a_redirect(make_web, certificate, Reply):
    """A signed URL would be sent in the clear."""
    web = make_web(certificate)
    port = web.url.rpartition(":")[2]
    web.script["/k"] = [Reply(302, headers={"Location": f"http://results.test:{port}/k"})]
    trusting = ssl.create_default_context(cafile=str(certificate))
    with pytest.raises(HostRefused, match="from https to http"):
        read(
            f"https://results.test:{port}/k", verify=trusting, allowed=allowed_hosts("http://results.test"),
            resolve=lambda host, port: ["127.0.0.1"],
        )  # fmt: skip


def test_a_proxy_of_the_environment_is_used_but_not_for_loopback(web, make_web, monkeypatch):
    """Workers that reach S3 through a proxy only would download nothing; local results would be asked of the proxy."""
    proxy = make_web()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    proxy.files["/k"] = b"by proxy"
    web.files["/k"] = b"direct"
    assert read(f"{web.url}/k")[1] == b"direct"
    assert read("http://results.test/k", allowed=allowed_hosts("http://results.test"))[1] == b"by proxy"
    assert proxy.seen[0][0] == "http://results.test/k"
