"""The doctor's visit to the orchestrator: from the connection over the wire to what the server tells of itself."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from airflow_provider_bacalhau.commands.finding import Finding
from airflow_provider_bacalhau.errors import BacalhauError, ConfigError
from airflow_provider_bacalhau.models.capabilities import UNKNOWN, Capabilities

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.config import ClientConfig, ConnectionOptions
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.models.node import Node

Check = Callable[[], Iterator[Finding]]

PATIENCE = 10.0
"""Seconds for each answer."""
CERTIFICATE_DAYS = 21
"""A certificate that ends sooner is worth a warning."""
CLOCK_SECONDS = 60.0
"""A difference that signed URLs and tokens begin to suffer from."""
LIST_SECONDS = 1.0
"""A list that takes longer is worth a warning: every retry and every sweep makes one."""
PER_JOB = 0.00007
"""Seconds that a list costs for each stored job (recorded)."""
_WORDS = {"BasicAuth": "login and password", "ApiKey": "an API key", "Token": "a token"}
COUNTED = 1000
"""Jobs are counted up to here."""


class Visit:
    """One look at a connection and its server. What later checks need is kept; None: it could not be had."""

    def __init__(self, conn_id: str) -> None:
        self.conn_id = conn_id
        self.config: ClientConfig | None = None
        self.options: ConnectionOptions | None = None
        self.nodes: list[Node] | None = None
        self.capabilities: Capabilities = UNKNOWN
        self._client: Client | None = None
        self._reached = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    def checks(self) -> tuple[Check, ...]:
        """The checks in their order; each leaves out what an earlier one made pointless."""
        reach = (self._connection, self._dns, self._tcp, self._tls, self._read, self._submit)
        return (*reach, self._release, self._clock, self._namespace, self._deployment, self._jobs, self._nodes)

    # --- how to get there -----------------------------------------------------------------------------------------

    def _connection(self) -> Iterator[Finding]:
        from airflow_provider_bacalhau.client.sync import Client
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
        from airflow_provider_bacalhau.hooks.connection import missing
        from airflow_provider_bacalhau.version_compat import AirflowNotFoundException

        try:
            parsed = BacalhauHook(self.conn_id).parsed()
        except AirflowNotFoundException:
            yield Finding("FAIL", "connection", missing(self.conn_id))
            return
        except ConfigError as error:
            yield Finding("FAIL", "connection", str(error))
            return
        limits = {name: min(getattr(parsed.config, name), PATIENCE) for name in ("connect_timeout", "read_timeout")}
        self.config, self.options = replace(parsed.config, **limits), parsed.options
        self._client = Client(self.config)
        kind = type(self.config.auth).__name__ if self.config.auth is not None else ""
        how = _WORDS.get(kind, "no credential")
        yield Finding("ok", "connection", f"{self.conn_id} leads to {self.config.base_url} with {how}")
        for warning in parsed.warnings:
            yield Finding("warn", "connection", warning)

    def _dns(self) -> Iterator[Finding]:
        if self.config is None:
            return
        host, port = _address(self.config)
        if proxy := _proxy(self.config):
            self._reached = True
            yield Finding("ok", "dns", f"left to the proxy of this machine's environment, {proxy}")
            return
        try:
            found = {entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "no name"
            yield Finding("FAIL", "dns", f"{host} has no address here ({why}): change Host, or tell this machine's DNS")
            return
        self._reached = True
        yield Finding("ok", "dns", f"{host} is {', '.join(sorted(map(str, found)))}")

    def _tcp(self) -> Iterator[Finding]:
        if self.config is None or not self._reached or _proxy(self.config):
            return
        host, port = _address(self.config)
        began = time.monotonic()
        try:
            with socket.create_connection((host, port), self.config.connect_timeout):
                pass
        except OSError as error:
            self._reached = False
            why = "no answer" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
            yield Finding("FAIL", "tcp", f"{host}:{port}: {why}; change Host or Port, or let this machine through")
            return
        yield Finding("ok", "tcp", f"{host}:{port} answers after {(time.monotonic() - began) * 1000:.0f} ms")

    def _tls(self) -> Iterator[Finding]:
        config = self.config
        if config is None or not self._reached or _proxy(config):
            return
        if not config.secure:
            if config.loopback:
                yield Finding("ok", "tls", "none, to this machine itself")
            else:
                yield Finding("warn", "tls", "none: whoever is on the way can read and change all; set Schema to https")
            return
        from airflow_provider_bacalhau.client import classify, tls

        host, port = _address(config)
        try:
            context = tls.ssl_context(config)
            with (
                socket.create_connection((host, port), config.connect_timeout) as plain,
                context.wrap_socket(plain, server_hostname=host) as secure,
            ):
                shown, spoken = secure.getpeercert() or {}, secure.version() or "TLS"
        except ConfigError as error:
            self._reached = False
            yield Finding("FAIL", "tls", str(error))
        except OSError as error:  # ssl.SSLError is one
            self._reached = False
            yield Finding("FAIL", "tls", str(classify.unreachable("speak TLS", error, config, "")))
        else:
            yield _certificate(shown, spoken, time.time()) if config.verify else Finding(
                "warn", "tls", f"{spoken}, but verify is off: the certificate was not looked at; set ca_cert instead"
            )

    # --- what the server says -------------------------------------------------------------------------------------

    def _read(self) -> Iterator[Finding]:
        from airflow_provider_bacalhau.hooks import connection
        from airflow_provider_bacalhau.hooks.connection import EVERY_NODE

        if self._client is None or self.config is None or not self._reached:
            return
        try:
            self.capabilities = Capabilities.from_version(self._client.version().git_version)
            found = list(self._client.list_nodes(limit=EVERY_NODE).items)
            connection.may_read_jobs(self._client)
        except BacalhauError as error:
            self._reached = False
            yield Finding("FAIL", "auth", connection.advice(error, self.config))
            return
        self.nodes = [node for node in found if node.engines or node.type.lower() != "requester"]
        yield Finding("ok", "auth", f"{connection.credential(self.config)}, may read jobs and nodes")

    def _submit(self) -> Iterator[Finding]:
        from airflow_provider_bacalhau.hooks import connection

        if self._client is None or self.config is None or not self._reached:
            return
        try:
            self._client.check_submit()
        except BacalhauError as error:
            yield Finding("FAIL", "write", connection.advice(error, self.config))
            return
        yield Finding("ok", "write", "may submit (asked with an empty job, which is refused without effect)")

    def _release(self) -> Iterator[Finding]:
        if self.nodes is None:
            return
        facts = self.capabilities
        if facts.warning is not None:
            yield Finding("warn", "release", f"{facts.warning} {_promise(facts)}.")
            return
        if facts.unique_names:
            yield Finding("ok", "release", f"Bacalhau {facts.release}: {_promise(facts)}")
        else:
            yield Finding("warn", "release", f"Bacalhau {facts.release}: {_promise(facts)}; newer ones close the gap")

    def _clock(self) -> Iterator[Finding]:
        if self._client is None or self.nodes is None:
            return
        learnt = self._client.learnt
        if learnt.date is None:
            yield Finding("warn", "clock", "the server sends no Date; a proxy in between may take it away")
            return
        ahead = learnt.ahead
        if abs(ahead) <= CLOCK_SECONDS:
            yield Finding("ok", "clock", f"the server's differs by {abs(ahead):.0f} s")
            return
        which = "ahead of" if ahead > 0 else "behind"
        yield Finding(
            "warn",
            "clock",
            f"the server's is {abs(ahead):.0f} s {which} this machine's: deadlines hold all the same, but signed URLs "
            "and tokens may be refused; set one of them right (NTP)",
        )

    def _namespace(self) -> Iterator[Finding]:
        if self.config is None:
            return
        own = self.config.namespace
        yield Finding("ok", "namespace", own or "default, unless a task or spec names another")

    def _deployment(self) -> Iterator[Finding]:
        from airflow_provider_bacalhau.hooks.attempt import configured_deployment

        if self.options is None:
            return
        if name := self.options.deployment or configured_deployment():
            where = "the connection" if self.options.deployment else "[bacalhau] deployment"
            yield Finding("ok", "deployment", f"{name} (from {where})")
            return
        yield Finding(
            "warn",
            "deployment",
            "unset: jobs of an earlier life of a cleared run are only reported, not stopped, and reap refuses to run, "
            "since they may be another Airflow's; set `deployment` in the connection's extra or in [bacalhau]",
        )

    def _jobs(self) -> Iterator[Finding]:
        """Measured as a retry looks: all namespaces, one label; each list reads every stored job."""
        if self._client is None or self.nodes is None:
            return
        try:
            began = time.monotonic()
            self._client.list_jobs(namespace="*", labels="airflow-key=nobody")
            seconds = time.monotonic() - began
            page = self._client.list_jobs(namespace="*", limit=COUNTED)
        except BacalhauError as error:
            yield Finding("FAIL", "jobs", str(error))
            return
        count = f"{len(page.items):,}"
        if page.following(None) is not None:
            count = f"more than {COUNTED:,}, by the time about {max(seconds / PER_JOB, COUNTED):,.0f},"
        text = f"{count} stored; a list by label takes {seconds * 1000:.0f} ms"
        if seconds <= LIST_SECONDS:
            yield Finding("ok", "jobs", text)
            return
        yield Finding(
            "warn", "jobs", f"{text}, and every retry makes one: keep fewer jobs on this server"
        )

    def _nodes(self) -> Iterator[Finding]:
        from airflow_provider_bacalhau.hooks import connection

        if self.nodes is None:
            return
        text = connection.cluster(self.nodes)
        if away := [node.id for node in self.nodes if not node.is_usable]:
            shown = ", ".join(away[:5]) + (", ..." if len(away) > 5 else "")
            text += f" Taking no work: {shown}; approve or restart them."
        if not any(node.is_usable for node in self.nodes):
            yield Finding("FAIL", "nodes", f"{text} No node takes jobs: connect one.")
        else:
            yield Finding("warn" if away else "ok", "nodes", text)


def _promise(facts: Capabilities) -> str:
    if facts.unique_names:
        return "names are unique, so each attempt has exactly one job"
    return (
        "names are not unique, so an attempt has usually one job, at least one: a lost reply may leave a twin until "
        "the next look"
    )


def _address(config: ClientConfig) -> tuple[str, int]:
    url = urlsplit(config.base_url)
    return url.hostname or "", url.port or (443 if config.secure else 80)


def _proxy(config: ClientConfig) -> str:
    """The proxy that requests take, without its credential; "" when they go straight."""
    url = urlsplit(config.base_url)
    if config.loopback or urllib.request.proxy_bypass(url.hostname or ""):
        return ""
    proxies = urllib.request.getproxies()
    found = proxies.get(url.scheme) or proxies.get("all") or ""
    return urlsplit(found).netloc.rpartition("@")[2] if "://" in found else found.rpartition("@")[2]


def _certificate(shown: Any, spoken: str, now: float) -> Finding:
    """What a certificate that passed says of itself (`SSLSocket.getpeercert`)."""
    names = [value for _, value in shown.get("subjectAltName", ())]
    issuer = _name(shown.get("issuer", ()))
    days = int((ssl.cert_time_to_seconds(shown["notAfter"]) - now) // 86_400)
    subject = ", ".join(names) or _name(shown.get("subject", ()))
    text = f"{spoken}, certificate for {subject} by {issuer}, {days} days left"
    if days < CERTIFICATE_DAYS:
        return Finding("warn", "tls", f"{text}: renew it, afterwards every task fails")
    return Finding("ok", "tls", text)


def _name(parts: Sequence[Sequence[tuple[str, str]]]) -> str:
    named = {key: value for part in parts for key, value in part}
    return named.get("commonName") or named.get("organizationName") or "an unnamed authority"
