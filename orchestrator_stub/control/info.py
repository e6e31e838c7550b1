"""What the stub says about itself: `/stub/info` and the export lines that `env` and the banner print."""

from __future__ import annotations

import json
import shlex
import urllib.parse
from dataclasses import dataclass, replace
from typing import Any

from orchestrator_stub.domain.hosts import is_loopback


@dataclass(frozen=True, slots=True)
class StubInfo:
    """Facts about a running stub; plain values only."""

    release: str
    url: str
    s3_endpoint: str
    """"" when there is no S3."""
    s3_note: str
    clock: str
    nodes: int
    node_size: str
    """Size of a node in words, for people."""
    docker: str
    """What runs docker jobs, or why nothing does."""
    runners: tuple[str, ...]
    notes: tuple[str, ...]
    flags: tuple[tuple[str, Any], ...]
    ca_file: str = ""
    """What clients trust the stub by; "" when it speaks plain HTTP, or with a certificate that they have to know."""
    tls_note: str = ""
    """Where the certificate comes from, in words; "" when there is none."""

    def to_plain(self) -> dict[str, Any]:
        """The body of `/stub/info`."""
        return {
            "release": self.release,
            "url": self.url,
            "board": f"{self.url}/stub/",
            "s3": {"endpoint": self.s3_endpoint or None, "note": self.s3_note},
            "tls": {"ca": self.ca_file or None, "note": self.tls_note} if self.tls_note else None,
            "clock": self.clock,
            "nodes": self.nodes,
            "docker": self.docker,
            "runners": list(self.runners),
            "notes": list(self.notes),
            "flags": dict(self.flags),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> StubInfo:
        """Read the body of `/stub/info`, as `env` does. Raises KeyError for anything else."""
        tls = plain["tls"] or {"ca": None, "note": ""}
        return cls(
            release=plain["release"],
            url=plain["url"],
            s3_endpoint=plain["s3"]["endpoint"] or "",
            s3_note=plain["s3"]["note"],
            clock=plain["clock"],
            nodes=plain["nodes"],
            node_size="",
            docker=plain["docker"],
            runners=tuple(plain["runners"]),
            notes=tuple(plain["notes"]),
            flags=tuple(plain["flags"].items()),
            ca_file=tls["ca"] or "",
            tls_note=tls["note"],
        )


def seen_from(info: StubInfo, host: str) -> StubInfo:
    """The same stub as another machine sees it, which knows it by the name `host`; on this machine nothing changes."""
    if is_loopback(host):
        return info
    shown = f"[{host}]" if ":" in host else host
    return replace(info, url=_moved(info.url, shown), s3_endpoint=_moved(info.s3_endpoint, shown))


def _moved(url: str, host: str) -> str:
    """The URL with another host, where its own means the machine that it came from."""
    parts = urllib.parse.urlsplit(url)
    if not is_loopback(parts.hostname or ""):
        return url
    return urllib.parse.urlunsplit(parts._replace(netloc=f"{host}:{parts.port}"))


def environment(info: StubInfo, *, with_board: bool = False, api_key: str = "") -> dict[str, str]:
    """The variables that point Airflow and Bacalhau's own programs at the stub.

    :param with_board: also set the connection's `webui_url` to the stub's page, so that job links lead somewhere.
    :param api_key: set as the connection's password, and for Bacalhau's own programs.
    """
    url = urllib.parse.urlsplit(info.url)
    host, _, port = url.netloc.rpartition(":")
    secure = url.scheme == "https"
    link = {"webui_url": f"{info.url}/stub/#/jobs/{{job_id}}"} if with_board else {}
    extra = link | ({"ca_cert": info.ca_file} if info.ca_file else {})
    connection = f"bacalhau://{host}:{port}"
    if secure or extra or api_key:
        more = ({"schema": "https"} if secure else {}) | ({"password": api_key} if api_key else {})
        fields = {"conn_type": "bacalhau", "host": host, "port": int(port), **more, "extra": extra}
        connection = json.dumps(fields, separators=(",", ":"))
    variables = {"AIRFLOW_CONN_BACALHAU_DEFAULT": connection}
    if info.s3_endpoint:
        endpoint = {"endpoint_url": info.s3_endpoint, "region_name": "us-east-1"}
        aws = {"conn_type": "aws", "login": "stub", "password": "stub", "extra": endpoint}
        variables["AIRFLOW_CONN_AWS_DEFAULT"] = json.dumps(aws, separators=(",", ":"))
    variables["BACALHAU_API_HOST"] = host
    variables["BACALHAU_API_PORT"] = port
    if api_key:
        variables["BACALHAU_API_KEY"] = api_key
    if secure:
        # 1.5 reads these, too; from 1.7 on its older BACALHAU_API_TLS would hide the section API.TLS (fact sheet 9.7).
        variables["BACALHAU_API_TLS_USETLS"] = "true"
        if info.ca_file:
            variables["BACALHAU_API_TLS_CAFILE"] = info.ca_file
    return variables


def export_lines(info: StubInfo) -> list[str]:
    """`environment` as lines for a shell."""
    variables = environment(info)
    lines = [f"export {name}={_quoted(value)}" for name, value in variables.items() if name.startswith("AIRFLOW_")]
    api = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items() if name.startswith("BACALHAU_"))
    return [*lines, f"export {api}"]


def _quoted(value: str) -> str:
    """In single quotes always, as documented; a shell must not read any part of it."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


def banner(info: StubInfo) -> list[str]:
    """What `serve` prints once it is ready; the first line is the sign that programs wait for."""
    s3 = f"{info.s3_endpoint}   {info.s3_note}".strip() if info.s3_endpoint else info.s3_note
    tls = f"{info.ca_file}   {info.tls_note}" if info.ca_file else info.tls_note
    return [
        f"bacalhau stub {info.release} listening on {info.url}",
        f"board    {info.url}/stub/",
        *([f"tls      {tls}"] if tls else []),
        f"s3       {s3}",
        f"nodes    {info.nodes} ({info.node_size})   docker: {info.docker}",
        *(f"note     {note}" for note in info.notes),
        *export_lines(info),
    ]
