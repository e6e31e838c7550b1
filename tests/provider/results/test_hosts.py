"""Where results may be fetched from (contract 6)."""

from __future__ import annotations

import ipaddress

import pytest

from airflow_provider_bacalhau.errors import HostRefused
from airflow_provider_bacalhau.results.hosts import allowed_hosts, gateway_hosts, host_of, is_loopback

REMOTE = "https://bacalhau.acme.io/prefix"


def allows(hosts, url):
    scheme, _, rest = url.partition("://")
    try:
        hosts.check_name(scheme, rest.partition("/")[0], owner="e-1")
    except HostRefused:
        return False
    return True


def s3(**params):
    return {"Type": "s3", "Params": params}


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://bacalhau.acme.io", True),
        ("http://BACALHAU.acme.io.", True),
        ("http://10.0.0.7", True),
        ("http://node9.acme.io", True),
        ("http://34.34.247.247", True),
        ("https://files.partner.com", True),
        ("http://10.0.0.8", False),
        ("https://evil.com", False),
        ("https://bacalhau.acme.io.evil.com", False),
        ("https://partner.com", False),
        ("ftp://bacalhau.acme.io", False),
        ("file://bacalhau.acme.io", False),
    ],
)
def test_orchestrator_nodes_and_named_hosts(url, allowed):
    """A node could send the worker to any host of the network, or good results would be refused."""
    hosts = allowed_hosts(
        REMOTE,
        nodes=["10.0.0.7:1235", "http://node9.acme.io", "", "/ip4/34.34.247.247/tcp/1235"],
        extra=["*.partner.com"],
    )
    assert allows(hosts, url) is allowed


@pytest.mark.parametrize(
    ("publisher", "url", "allowed"),
    [
        (s3(Bucket="b", Region="eu-west-1"), "https://b.s3.eu-west-1.amazonaws.com", True),
        (s3(Bucket="b", Region="eu-west-1"), "https://s3.eu-west-1.amazonaws.com", True),
        (s3(Bucket="b", Region="eu-west-1"), "https://b.s3.dualstack.eu-west-1.amazonaws.com", True),
        (s3(Bucket="b"), "https://b.s3.us-gov-west-1.amazonaws.com", True),
        (s3(Bucket="b"), "https://b.s3.cn-north-1.amazonaws.com.cn", True),
        (s3(Bucket="b"), "https://b.s3.amazonaws.com", True),
        (s3(Bucket="b", Region="eu-west-1"), "https://other.s3.eu-west-1.amazonaws.com", False),
        (s3(Bucket="b"), "https://s3.evil.com", False),
        (s3(Bucket="b"), "https://b.s3.evil.amazonaws.com.evil.com", False),
        (s3(Bucket="b", Endpoint="http://minio:9000"), "http://minio", True),
        (s3(Bucket="b", Endpoint="http://minio:9000"), "http://b.minio", True),
        (s3(Bucket="b", Endpoint="http://minio:9000"), "https://s3.amazonaws.com", False),
        ({"Type": "s3managed"}, "https://anything.s3.us-east-1.amazonaws.com", True),
        ({"Type": "local"}, "https://s3.amazonaws.com", False),
    ],
)
def test_the_s3_endpoint_of_the_jobs_own_spec(publisher, url, allowed):
    """AWS's many names for one bucket would be refused, or foreign ones let through."""
    assert allows(allowed_hosts(REMOTE, publishers=[publisher]), url) is allowed


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[64:ff9b::a9fe:a9fe]",
        "224.0.0.1",
    ],
)
def test_link_local_is_never_allowed(host):
    """A result could read the cloud's credentials, even when somebody listed the address."""
    for orchestrator in (REMOTE, "http://127.0.0.1:1234"):
        assert not allows(allowed_hosts(orchestrator, nodes=[host], extra=[host]), f"http://{host}")


LOOPBACK = [
    "127.0.0.1",
    "localhost",
    "x.localhost",
    "127.9.9.9",
    "[::1]",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "LOCALHOST.",
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_only_with_a_local_orchestrator(host):
    """A node could read the worker's own services; or the stub's results would be refused."""
    assert not allows(allowed_hosts(REMOTE, nodes=[host], extra=[host]), f"http://{host}")
    assert allows(allowed_hosts("http://localhost:1234"), f"http://{host}")


def test_the_default_publisher_address_has_its_own_sentence():
    """The commonest mistake of a first cluster would read like an attack."""
    with pytest.raises(HostRefused, match=r"Publishers\.Types\.Local\.Address.*or publish to s3"):
        allowed_hosts(REMOTE).check_name("http", "127.0.0.1", owner="e-1")


def test_a_foreign_host_names_the_field_to_change():
    """The user would not know what to do."""
    with pytest.raises(HostRefused, match="add evil.com to result_hosts"):
        allowed_hosts(REMOTE).check_name("http", "evil.com", owner="e-1")


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "::1", "0.0.0.0", "fe80::1", "::ffff:127.0.0.1"])
def test_an_allowed_name_may_not_resolve_to_a_forbidden_address(address):
    """A name that its owner points at 127.0.0.1 or the metadata service would lead there."""
    with pytest.raises(HostRefused):
        allowed_hosts(REMOTE, extra=["files.com"]).check_address(
            "files.com", ipaddress.ip_address(address), owner="e-1"
        )


def test_the_orchestrators_own_name_may_be_this_machine():
    """A host name that /etc/hosts maps to 127.0.1.1 would lose its results."""
    allowed_hosts("http://myhost:1234").check_address("myhost", ipaddress.ip_address("127.0.1.1"), owner="e-1")


def test_private_addresses_are_ordinary():
    """Clusters live in private networks."""
    allowed_hosts(REMOTE).check_address("bacalhau.acme.io", ipaddress.ip_address("10.1.2.3"), owner="e-1")


def test_a_gateway_may_be_local_and_use_subdomains():
    """A local Kubo, the usual gateway, would be refused beside a remote orchestrator."""
    assert allows(gateway_hosts("http://127.0.0.1:8080"), "http://127.0.0.1")
    assert allows(gateway_hosts("https://dweb.link"), "https://bafy.ipfs.dweb.link")
    assert not allows(gateway_hosts("https://dweb.link"), "https://evil.com")


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("h:1", "h"),
        ("http://H/x", "h"),
        ("[::1]:5", "::1"),
        ("::1", "::1"),
        ("", ""),
        ("http://[bad", ""),
        ("/dns4/h/tcp/1", "h"),
    ],
)
def test_hosts_are_read_from_every_form(entry, host):
    """An address of /nodes in another form would be ignored."""
    assert host_of(entry) == host


def test_numbers_in_disguise_are_names():
    """0x7f.1 would pass as an address nobody checks; as a name it is on no list."""
    assert not is_loopback("2130706433")
    assert not allows(allowed_hosts("http://127.0.0.1"), "http://0x7f.1")
