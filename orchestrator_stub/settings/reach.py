"""Who else may reach the stub, and what it then refuses to run or to read (design 4, safety)."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from typing import Protocol

from orchestrator_stub.domain.errors import SettingsError

RUNS_PROGRAMS = {
    "auto": "the sandbox would run their programs here",
    "sandbox": "the sandbox would run their programs here",
    "docker": "containers would run their programs here",
    "process": "--docker-runner process would run their programs here, without walls",
}
"""Docker runner -> what strangers could do with it; the others run nothing of theirs."""


class Reach(Protocol):
    """What matters here of the settings."""

    @property
    def host(self) -> str:
        """Address to bind."""
        ...

    @property
    def binds_loopback(self) -> bool:
        """Whether only this machine can connect."""
        ...

    @property
    def allow_hosts(self) -> Sequence[str]:
        """Names by which clients call it."""
        ...

    @property
    def allow_local_paths(self) -> Sequence[object]:
        """Folders that jobs may read."""
        ...

    @property
    def docker_runner(self) -> str:
        """What runs docker jobs."""
        ...

    @property
    def trust_network(self) -> bool:
        """Whether strangers may do all that this machine may."""
        ...

    @property
    def control_token(self) -> str:
        """Opens `/stub/` to strangers."""
        ...


def check_reach(settings: Reach) -> None:
    """Refuse an address that other machines reach where that was not thought through.

    :raises SettingsError: one sentence that names the flag to add
    """
    if settings.binds_loopback:
        return
    others = f"--host {settings.host} can be reached from other machines"
    if not settings.allow_hosts:
        raise SettingsError(f"{others}: name the host names that clients use with --allow-host NAME")
    if settings.trust_network:
        return
    danger = RUNS_PROGRAMS.get(settings.docker_runner)
    if danger is not None:
        raise SettingsError(
            f"{others}, and {danger}: add --docker-runner off or scripted, or --trust-network if you trust them all"
        )
    if settings.allow_local_paths:
        raise SettingsError(
            f"{others}: --allow-local-path is only for loopback, unless you trust them all and add --trust-network"
        )


def open_address(settings: Reach) -> str:
    """The address at which published files and S3 are served: results have to be reached from where the API is."""
    return "127.0.0.1" if settings.binds_loopback else settings.host


def reach_notes(url: str, settings: Reach) -> tuple[str, ...]:
    """For the banner: by which names others reach the stub, and what they may do.

    :param url: where this machine reaches it
    """
    if settings.binds_loopback:
        return ()
    parts = urllib.parse.urlsplit(url)
    names = ", ".join(f"{parts.scheme}://{name}:{parts.port}" for name in settings.allow_hosts)
    pages = "opens with the control token" if settings.control_token else "answers this machine alone"
    trusted = ("programs of other machines run here (--trust-network)",) if settings.trust_network else ()
    return (f"other machines reach it as {names}; /stub/ {pages}", *trusted)


def control_token(text: str | None) -> str:
    """The token of `--control-token`, "" when none was given.

    :raises SettingsError: it cannot stand in a header
    """
    if text is None:
        return ""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError("--control-token: give visible ASCII characters without blanks")
    return text
