"""Which hosts are this machine, told without looking anything up."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.hosts import is_link_local, is_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_this_machine(host):
    """Local servers would be refused."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["example.com", "localhost.evil.com", "10.0.0.1", "0.0.0.0", "", "127.0.0.1.evil.com", "::"])
def test_other_machines(host):
    """A foreign server would count as local."""
    assert not is_loopback(host)


@pytest.mark.parametrize(("host", "answer"), [("169.254.169.254", True), ("[fe80::1]", True), ("10.0.0.1", False), ("h", False)])
def test_where_clouds_keep_credentials(host, answer):
    """Jobs could read the machine's role."""
    assert is_link_local(host) is answer
