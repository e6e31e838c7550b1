"""The walls of the sandbox as bubblewrap's arguments (pure)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""What stands beside /usr at the root of a Linux system: on most a link into it, on some a folder."""
_SHARED_MEMORY = 64 * 2**20
_DEV, _TEMPORARY = "/dev", "/tmp"  # noqa: S108 - inside the walls, where nobody else is
_READ_ONLY_ETC = ("alternatives", "ld.so.cache")
"""Parts of /etc that programs cannot be found or loaded without."""
ETC: Mapping[str, str] = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
"""The synthetic part of /etc; a run has it as files in its own folder."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Something that the program sees: number `source` of the binds of the order, at `target`."""

    source: int
    target: str
    writable: bool


@dataclass(frozen=True, slots=True)
class Walls:
    """Everything that decides the arguments."""

    bubblewrap: str
    command: Sequence[str]
    environment: Mapping[str, str]
    hostname: str
    scratch: int
    """Bytes that the program can write outside of mounts."""
    binds: Sequence[Bind] = ()
    system_links: Mapping[str, str] = field(default_factory=dict)
    """Name at the root -> target of the link, or "" for a folder; see SYSTEM_LINKS."""
    folders: Sequence[str] = ()
    """Folders that are made before anything is mounted."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Path -> target of other links."""
    working_directory: str = ""
    nested_users: bool = False
    """False where bubblewrap can forbid user namespaces inside (0.8 and later)."""


def bubblewrap_arguments(walls: Walls) -> list[str | int]:
    """Arguments of bubblewrap, numbers standing for binds: own namespaces, nothing of the machine but its programs."""
    spaces = ["user", "ipc", "pid", "net", "uts"]
    arguments: list[str | int] = [walls.bubblewrap, *(f"--unshare-{space}" for space in spaces), "--unshare-cgroup-try"]
    if not walls.nested_users:
        arguments += ["--disable-userns"]
    arguments += ["--die-with-parent", "--new-session", "--as-pid-1"]
    arguments += ["--uid", "0", "--gid", "0", "--hostname", walls.hostname]
    arguments += ["--size", str(walls.scratch), "--tmpfs", "/", "--ro-bind", "/usr", "/usr"]
    for name, target in walls.system_links.items():
        arguments += ["--symlink", target, f"/{name}"] if target else ["--ro-bind", f"/{name}", f"/{name}"]
    arguments += ["--proc", "/proc", "--dev", _DEV]
    arguments += ["--size", str(min(walls.scratch, _SHARED_MEMORY)), "--tmpfs", f"{_DEV}/shm", "--remount-ro", _DEV]
    arguments += ["--perms", "1777", "--dir", _TEMPORARY, "--dir", "/root", "--dir", "/etc"]
    for name in _READ_ONLY_ETC:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for made in walls.folders:
        arguments += ["--dir", made]
    for path, target in walls.links.items():
        arguments += ["--symlink", target, path]
    for bind in walls.binds:
        arguments += ["--bind" if bind.writable else "--ro-bind", bind.source, bind.target]
    folder = walls.working_directory
    if folder and not _is_given(folder, walls):
        arguments += ["--dir", folder]
    for name, value in walls.environment.items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--chdir", folder or "/", "--", *walls.command]


def clean(target: str) -> str:
    """An absolute path without doubled, trailing or backward steps."""
    return "/" + posixpath.normpath(target).strip("/")


def depth(target: str) -> int:
    """How many folders deep a mount is: parents must be mounted before what lies in them."""
    return len([part for part in clean(target).split("/") if part])


def inside(target: str, folder: str) -> str | None:
    """Path of `target` below `folder`; None when it is not strictly below."""
    prefix = clean(folder).rstrip("/") + "/"
    return clean(target).removeprefix(prefix) if clean(target).startswith(prefix) and clean(target) != prefix else None


def _is_given(folder: str, walls: Walls) -> bool:
    """Whether a folder comes from the system, where none can be made."""
    return clean(folder).split("/")[1] in ("usr", "proc", "dev", *walls.system_links)
