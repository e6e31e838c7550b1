"""Which hosts results may be fetched from.

Compute nodes choose the URLs of results, so a node could point a worker at anything the worker can reach. Allowed are
the orchestrator's host, the addresses of `/nodes`, the S3 endpoint of the job's own spec and `result_hosts` of the
connection; link-local addresses (cloud metadata) never; loopback only when the orchestrator is on loopback. Names are
checked before each request and each redirect, addresses after the name was resolved (a name may point elsewhere).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_bacalhau.errors import HostRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")})
_AWS_SERVICE = r"s3(?:[.-](?:dualstack\.)?{region})?\.amazonaws\.com(?:\.cn)?"
_ANY_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d+"


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The rule for one job; build it with `allowed_hosts` or `gateway_hosts`.

    :param home: host of the orchestrator (or of the IPFS gateway); its own name may lead to loopback.
    :param names: further allowed hosts, lower case.
    :param suffixes: allowed parents, each with its leading dot.
    :param patterns: regular expressions for whole host names (AWS's many S3 names).
    """

    home: str
    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @property
    def loopback(self) -> bool:
        """Loopback addresses may be used, because the orchestrator itself is one."""
        return is_loopback(self.home)

    def check_name(self, scheme: str, host: str, *, owner: str) -> None:
        """Check what a URL says, before anything is resolved.

        :param owner: whose result it is, for the message.
        :raises HostRefused: the host is not allowed, or the scheme is neither http nor https.
        """
        name = normal(host)
        if scheme not in ("http", "https"):
            raise HostRefused(f"The result of {owner} has the URL scheme '{scheme}'; only http and https are read.")
        address = parse_address(name)
        if address is not None:
            self.check_address(name, address, owner=owner)
        if is_loopback(name):
            if not self.loopback:
                raise HostRefused(_own_loopback(owner, name))
            return
        if not self._allows(name):
            raise HostRefused(
                f"The result of {owner} lies on {name}, which is neither the orchestrator, an address of its nodes nor "
                f"the S3 endpoint of the job; if you trust it, add {name} to result_hosts in the connection's extra."
            )

    def check_address(self, host: str, address: Address, *, owner: str) -> None:
        """Check the address that a connection will really go to.

        :param host: the name that was resolved to it.
        :raises HostRefused: it is link-local, multicast or (unless the orchestrator is local) loopback.
        """
        real = _embedded(address)
        if real.is_link_local or real.is_multicast or real in _METADATA:
            raise HostRefused(
                f"The result of {owner} leads to {real} ({host}), a link-local, multicast or metadata address; "
                "results are never fetched from there."
            )
        if _is_local(real) and not (self.loopback or normal(host) == self.home):
            if is_loopback(host):
                raise HostRefused(_own_loopback(owner, host))
            raise HostRefused(
                f"The result of {owner} lies on {host}, which resolves to this machine's own {real}, while the "
                "orchestrator is elsewhere; check the name, or the publisher address of the compute node."
            )

    def _allows(self, name: str) -> bool:
        return (
            name == self.home
            or name in self.names
            or any(name.endswith(suffix) for suffix in self.suffixes)
            or any(re.fullmatch(pattern, name) for pattern in self.patterns)
        )


def allowed_hosts(
    orchestrator: str,
    *,
    nodes: Iterable[str] = (),
    publishers: Iterable[Mapping[str, Any]] = (),
    extra: Iterable[str] = (),
) -> AllowedHosts:
    """The rule for a job.

    :param orchestrator: base URL or host of the orchestrator.
    :param nodes: addresses of `/nodes` ("host", "host:port" or URL; empty ones are skipped, 1.9.3 sends "").
    :param publishers: the `Publisher` of each task in the job's own spec ({"Type", "Params"}). Without an Endpoint an
        s3 publisher means AWS: `s3.REGION.amazonaws.com` and its other spellings, with and without the bucket.
    :param extra: the connection's `result_hosts`; `*.example.com` allows all below it.
    """
    names: set[str] = {host_of(entry) for entry in nodes}
    suffixes: list[str] = []
    patterns: list[str] = []
    for entry in extra:
        if entry.startswith("*."):
            suffixes.append(normal(entry[1:]))
        else:
            names.add(host_of(entry))
    for publisher in publishers:
        folded = {str(key).lower(): value for key, value in publisher.items()}
        raw = folded.get("params")
        params = {str(key).lower(): str(value or "") for key, value in raw.items()} if isinstance(raw, Mapping) else {}
        kind = str(folded.get("type") or "").lower()
        if kind not in ("s3", "s3managed"):
            continue
        if params.get("endpoint"):
            endpoint = host_of(params["endpoint"])
            names |= {endpoint, f"{params['bucket'].lower()}.{endpoint}"} if params.get("bucket") else {endpoint}
        else:
            patterns.append(_aws_pattern(params.get("bucket", ""), params.get("region", ""), managed=kind != "s3"))
    return AllowedHosts(host_of(orchestrator), frozenset(names - {""}), tuple(suffixes), tuple(patterns))


def gateway_hosts(gateway: str) -> AllowedHosts:
    """The rule for an IPFS gateway that the connection names: the gateway and the subdomains it redirects to."""
    host = host_of(gateway)
    return AllowedHosts(host, suffixes=(f".{host}",))


def host_of(entry: str) -> str:
    """The normal host of a URL, "host:port", "[v6]:port", bare host or "/ip4/HOST/tcp/PORT" (the form that the
    user's document prints); empty when there is none."""
    text = entry.strip()
    if text.startswith(("/ip4/", "/ip6/", "/dns4/", "/dns6/")):
        text = text.split("/")[2]
    if parse_address(text) is not None:
        return normal(text)
    try:
        return normal(urlsplit(text if "://" in text else f"//{text}").hostname or "")
    except ValueError:
        return ""


def normal(host: str) -> str:
    """Lower case, without brackets, zone and final dot; addresses in their one spelling."""
    name = host.strip().lower().strip("[]").rstrip(".")
    address = parse_address(name)
    return str(_embedded(address)) if address is not None else name


def is_loopback(host: str) -> bool:
    """The host is this machine by its name or address alone, without resolving."""
    name = normal(host)
    address = parse_address(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and _is_local(address))


def _own_loopback(owner: str, host: str) -> str:
    return (
        f"The result of {owner} lies on {host}, the compute node's own loopback address, which no other machine can "
        "reach: set Publishers.Types.Local.Address of the node to an address that this worker can reach, or publish "
        "to s3."
    )


def _aws_pattern(bucket: str, region: str, *, managed: bool) -> str:
    service = _AWS_SERVICE.format(region=re.escape(region.lower()) if region else _ANY_REGION)
    owner = r"[a-z0-9.-]+" if managed else re.escape(bucket.lower())
    return rf"(?:{owner}\.)?{service}" if owner else service


def parse_address(text: str) -> Address | None:
    """The address that a text is (a zone is left off), or None when it is a name."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one really leads to, else itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_local(address: Address) -> bool:
    return address.is_loopback or address.is_unspecified
