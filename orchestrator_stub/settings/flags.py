"""Flags of the stub as one frozen value. Nothing else reads the command line or the environment."""

from __future__ import annotations

import argparse
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from orchestrator_stub.clock import MODES, Mode
from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.hosts import is_loopback
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.node import MOST_NODES
from orchestrator_stub.domain.release import DEFAULT_RELEASE, RELEASES
from orchestrator_stub.domain.user import User
from orchestrator_stub.settings.images import load_images
from orchestrator_stub.settings.reach import check_reach, control_token
from orchestrator_stub.settings.users import check_users, load_users

if TYPE_CHECKING:
    from orchestrator_stub.domain.script import Script
    from orchestrator_stub.domain.shape import NodeShape

OWN_KEY = "api-key"
"""Alias of the user that `--api-key` makes."""
TLS_FAULTS = ("", "expired", "wrong-host", "unknown-ca")
REAL_RATE_LIMIT = 1000
"""Requests per second and client address of released servers (fact sheet 2.1)."""
DOCKER_RUNNERS = ("auto", "off", "sandbox", "docker", "process", "scripted")
LONGEST_SEED = 100
"""Digits."""


@dataclass(frozen=True, slots=True)
class AllowedPath:
    """A folder of this machine that local inputs may come from."""

    folder: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Tls:
    """How the API is served over TLS: with the user's files, or with a certificate made at start."""

    certificate: Path | None = None
    key: Path | None = None
    fault: str = ""
    """What is wrong with a made certificate: one of TLS_FAULTS."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything `serve` was told."""

    host: str = "127.0.0.1"
    port: int = 1234
    """0 = any free port (also for S3 and published files)."""
    emulate: str = DEFAULT_RELEASE
    nodes: int = 3
    cluster: tuple[NodeShape, ...] = ()
    """The nodes of a cluster file, one by one; empty = all are alike."""
    docker_runner: str = "auto"
    docker_host: str = ""
    """Where the container engine is, from DOCKER_HOST; "" = it is looked for."""
    s3: str = "embedded"
    """embedded, off, aws, or the URL of an S3 server."""
    strict: bool = False
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    allow_url_inputs: bool = False
    allow_local_paths: tuple[AllowedPath, ...] = ()
    manual_approval: bool = False
    """Compute nodes wait until somebody approves them; the orchestrator is a node of its own then."""
    users: tuple[User, ...] = field(default=(), repr=False)
    """API users; empty = open to all."""
    tls: Tls | None = None
    rate_limit: int = 0
    """Requests per second and client address; 0 = no limit."""
    images: tuple[ImageRule, ...] = ()
    scripts: tuple[Script, ...] = ()
    """What becomes of jobs, first match first."""
    clock_mode: Mode = "real"
    seed: int | None = None
    """None = never the same twice."""
    data_dir: Path | None = None
    """Where the state outlives the process; None = nowhere."""

    trust_network: bool = False
    """Everybody who reaches the stub may run programs and read what is allowed to be read."""
    control_token: str = field(default="", repr=False)
    """Opens `/stub/` to other machines; "" = to none."""

    @property
    def binds_loopback(self) -> bool:
        """True when only this machine can connect."""
        return is_loopback(self.host)


class _Parser(argparse.ArgumentParser):
    """Argument errors become SettingsError, so that they read like all others."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}; `bacalhau-stub serve --help` lists the flags")


def _local_path(text: str) -> AllowedPath:
    folder, _, mode = text.partition(":")
    if mode not in ("", "ro", "rw"):
        raise SettingsError(f"--allow-local-path {text}: after the colon only ro or rw is understood")
    path = Path(folder).expanduser()
    if not path.is_absolute() or not path.is_dir():
        raise SettingsError(f"--allow-local-path {text}: give an existing folder as an absolute path")
    return AllowedPath(path.resolve(), mode == "rw")


def add_address_flags(parser: argparse.ArgumentParser) -> None:
    """The two flags that say where the stub is."""
    parser.add_argument("--host", default="127.0.0.1", help="address to bind or ask (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=1234, help="port, 0 = any free one (default 1234)")


def serve_parser(prog: str) -> argparse.ArgumentParser:
    """The parser of `serve` and `run`."""
    parser = _Parser(prog=prog, allow_abbrev=False, description="Serve a stub of the Bacalhau orchestrator.")
    add_address_flags(parser)
    parser.add_argument("--emulate", choices=tuple(RELEASES), default=DEFAULT_RELEASE, help="release to answer like")
    parser.add_argument("--nodes", default="3", metavar="N|FILE", help="compute nodes: how many (3), or a cluster file")
    parser.add_argument("--docker-runner", default="auto", help=f"what runs docker jobs: {', '.join(DOCKER_RUNNERS)}")
    parser.add_argument("--s3", help="embedded (default; off under --strict), off, aws, or the URL of an S3 server")
    parser.add_argument("--strict", action="store_true", help="show also what hurts on a real server")
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="accept this Host header")
    parser.add_argument("--allow-origin", action="append", default=[], metavar="ORIGIN", help="accept this web origin")
    parser.add_argument("--allow-url-inputs", action="store_true", help="fetch URL inputs from any host")
    parser.add_argument("--allow-local-path", action="append", default=[], metavar="DIR[:rw]", help="local inputs")
    parser.add_argument("--trust-network", action="store_true", help="run programs of other machines, too")
    parser.add_argument("--control-token", metavar="TOKEN", help="opens /stub/ to other machines that send it")
    parser.add_argument("--manual-approval", action="store_true", help="compute nodes wait for approval")
    parser.add_argument("--auth", type=Path, metavar="USERS.YAML", help="API users (1.7.0 and later)")
    parser.add_argument("--api-key", metavar="KEY", help="one API user who may do everything (1.7.0 and later)")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve TLS with this certificate")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key")
    parser.add_argument("--tls", metavar="auto[:FAULT]", help="serve TLS with a certificate made at start")
    parser.add_argument("--rate-limit", type=int, metavar="N", help="requests per second and address, 0 = no limit")
    parser.add_argument("--images", type=Path, metavar="FILE", help="which images exist and what stands in for them")
    parser.add_argument("--scripts", type=Path, metavar="FILE", help="what becomes of jobs, without running them")
    parser.add_argument("--clock", default="real", help="real (default), virtual (moves when told), auto (for clients)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="keep jobs, nodes, logs and local results there")
    parser.add_argument("--seed", metavar="N", help="the same requests get the same answers, ids and delays")
    return parser


def parse(
    arguments: Sequence[str], prog: str = "bacalhau-stub serve", environment: Mapping[str, str] = os.environ
) -> Settings:
    """Settings from the flags of `serve`, and from DOCKER_HOST in the environment where an engine may be asked.

    :raises SettingsError: a flag is unknown, or its value is wrong; the text says what would be right.
    """
    given = serve_parser(prog).parse_args(list(arguments))
    if given.docker_runner not in DOCKER_RUNNERS:
        raise SettingsError(f"--docker-runner {given.docker_runner}: choose one of {', '.join(DOCKER_RUNNERS)}")
    nodes, cluster = _nodes(given.nodes)
    if not 0 <= given.port <= 65535:
        raise SettingsError(f"--port {given.port}: a port is 0 to 65535")
    settings = Settings(
        host=given.host,
        port=given.port,
        emulate=given.emulate,
        nodes=nodes,
        cluster=cluster,
        docker_runner=given.docker_runner,
        docker_host=environment.get("DOCKER_HOST", "") if given.docker_runner in ("auto", "docker") else "",
        # A server that was given no S3 credentials does not advertise S3 (recordings of profile `plain`).
        s3=given.s3 or ("off" if given.strict else "embedded"),
        strict=given.strict,
        allow_hosts=tuple(given.allow_host),
        allow_origins=tuple(given.allow_origin),
        trust_network=given.trust_network,
        control_token=control_token(given.control_token),
        allow_url_inputs=given.allow_url_inputs,
        allow_local_paths=tuple(_local_path(text) for text in given.allow_local_path),
        manual_approval=given.manual_approval,
        users=_users(given.auth, given.api_key),
        tls=_tls(given.tls, given.tls_cert, given.tls_key),
        rate_limit=_rate_limit(given.rate_limit, strict=given.strict),
        images=load_images(given.images) if given.images else (),
        scripts=_scripts(given.scripts),
        clock_mode=_clock(given.clock),
        seed=_seed(given.seed),
        data_dir=given.data_dir.expanduser().absolute() if given.data_dir is not None else None,
    )
    _check(settings)
    return settings


def _nodes(text: str) -> tuple[int, tuple[NodeShape, ...]]:
    """How many nodes there are, and if they are described what each of them is."""
    if text.isascii() and text.isdigit():
        if int(text) > MOST_NODES:
            raise SettingsError(f"--nodes {text}: at most {MOST_NODES}")
        return int(text), ()
    path = Path(text).expanduser()
    if not path.exists():
        raise SettingsError(f"--nodes {text}: give a number of nodes, or a cluster file; there is no such file")
    from orchestrator_stub.settings.cluster import load_cluster

    cluster = load_cluster(path)
    return len(cluster), cluster


def _users(file: Path | None, api_key: str | None) -> tuple[User, ...]:
    users = load_users(file) if file is not None else ()
    if api_key is None:
        return users
    both = (*users, User(alias=OWN_KEY, api_key=api_key, capabilities=(("*",),)))
    check_users(both, "--api-key")
    return both


def _scripts(file: Path | None) -> tuple[Script, ...]:
    if file is None:
        return ()
    from orchestrator_stub.settings.scripts import load_scripts

    return load_scripts(file)


def _tls(auto: str | None, certificate: Path | None, key: Path | None) -> Tls | None:
    if auto is None:
        if (certificate is None) != (key is None):
            raise SettingsError("--tls-cert and --tls-key go together: give both")
        return Tls(certificate, key) if certificate is not None else None
    if certificate is not None or key is not None:
        raise SettingsError("--tls auto makes its own certificate: leave --tls-cert and --tls-key out")
    word, _, fault = auto.partition(":")
    if word != "auto" or fault not in TLS_FAULTS:
        raise SettingsError(f"--tls {auto}: choose auto, auto:expired, auto:wrong-host or auto:unknown-ca")
    return Tls(fault=fault)


def _clock(word: str) -> Mode:
    for mode in MODES:
        if word == mode:
            return mode
    raise SettingsError(f"--clock {word}: choose one of {', '.join(MODES)}")


def _seed(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST_SEED:
        raise SettingsError(f"--seed {text}: give a whole number, 0 or more, of at most {LONGEST_SEED} digits")
    return int(text)


def _rate_limit(given: int | None, *, strict: bool) -> int:
    """Released servers have a limit; bench, fuzz and tests run without it unless they ask."""
    if given is None:
        return REAL_RATE_LIMIT if strict else 0
    if given < 0:
        raise SettingsError(f"--rate-limit {given}: give a number of requests per second, 0 = no limit")
    return given


def _check(settings: Settings) -> None:
    if settings.users and not RELEASES[settings.emulate].api_users:
        raise SettingsError(f"--emulate {settings.emulate} has no API users: --auth and --api-key need 1.7.0 or later")
    if settings.s3 not in ("embedded", "off", "aws"):
        url = urllib.parse.urlsplit(settings.s3)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise SettingsError(f"--s3 {settings.s3}: choose embedded, off, aws, or an http(s) URL")
    for origin in settings.allow_origins:
        if "://" not in origin:
            raise SettingsError(f"--allow-origin {origin}: an origin is scheme://host[:port]")
    check_reach(settings)
