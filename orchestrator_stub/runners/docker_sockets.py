"""Finds a container engine on this machine, and removes what killed stubs left in it; blocking, at start."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from orchestrator_stub.runners.docker_engine import BlockingEngine, EngineAt, EngineError
from orchestrator_stub.runners.docker_owner import OWNER, is_left_over, started

_PATIENCE = httpx.Timeout(10.0, connect=2.0)
_UNIX = "unix://"
_NEXT = "start Docker or Podman (`systemctl start podman.socket`), or name its socket in DOCKER_HOST"


@dataclass(frozen=True, slots=True)
class Found:
    """An engine, or why there is none."""

    engine: EngineAt | None = None
    reason: str = ""
    """One sentence with the next step; "" when there is an engine."""


def usual_sockets(user: int, home: Path) -> tuple[Path, ...]:
    """Where engines listen: Docker's own, rootless and desktop ones, Podman's for this user and for root.

    :param user: this user's number
    :param home: this user's home folder
    """
    run = Path(f"/run/user/{user}")
    return (
        Path("/var/run/docker.sock"),
        run / "docker.sock",
        home / ".docker/run/docker.sock",
        home / ".colima/default/docker.sock",
        run / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
        home / ".local/share/containers/podman/machine/podman.sock",
    )


def find_engine(docker_host: str = "", sockets: Sequence[Path] | None = None) -> Found:
    """The first engine that answers.

    :param docker_host: value of DOCKER_HOST; where it says something, only this engine is asked
    :param sockets: where to look otherwise; None = the usual places
    """
    if docker_host:
        path = docker_host.removeprefix(_UNIX)
        if path == docker_host or not path.startswith("/"):
            return Found(reason=f"DOCKER_HOST {docker_host} is no unix socket; set it to unix:///PATH of one")
        sockets = [Path(path)]
    elif sockets is None:
        sockets = usual_sockets(os.getuid(), Path.home())
    reasons = []
    for each in sockets:
        if docker_host or each.exists():
            found = _try(each)
            if found.engine is not None:
                return found
            reasons.append(found.reason)
    return Found(reason=reasons[0] if reasons else f"no container engine was found: {_NEXT}")


def remove_left_overs(at: EngineAt) -> int:
    """Remove containers whose stub was killed; how many there were. What cannot be removed stays for the next stub."""
    removed = 0
    with contextlib.suppress(EngineError), BlockingEngine(at) as engine:
        for container, owner in engine.labelled(OWNER).items():
            if is_left_over(owner, socket.gethostname(), started):
                with contextlib.suppress(EngineError):
                    engine.remove(container)
                    removed += 1
    return removed


def _try(path: Path) -> Found:
    try:
        with BlockingEngine(EngineAt(path, ""), patience=_PATIENCE) as engine:
            version, info = engine.facts("/version"), engine.facts("/info")
        at = EngineAt(path, _name(version), str(version["ApiVersion"]), float(info.get("NCPU") or 1))
    except EngineError as error:
        if error.status == 0 and path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return Found(reason=f"this user may not use the container engine at {path}: {_MEMBER}")
        if error.status == 0:
            return Found(reason=f"no container engine answers at {path}: {_NEXT}")
        return Found(reason=f"the container engine at {path} refused ({error.message}): {_NEXT}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Found(reason=f"what answers at {path} is no container engine: {_NEXT}")
    return Found(at)


_MEMBER = "join the group that owns the socket, or use rootless Podman (`systemctl --user start podman.socket`)"


def _name(version: dict[str, Any]) -> str:
    """ "Podman 4.3.1" or "Docker 28.2.2": Podman names itself as a component."""
    words = [str(each.get("Name", "")) for each in version.get("Components") or ()]
    return f"{'Podman' if any('Podman' in word for word in words) else 'Docker'} {version['Version']}"
