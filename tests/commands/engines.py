"""Container engines for tests: Podman or Docker from Debian's packages, each in folders of its own, and one small image.

Nothing of the machine's own engines is touched, no registry is asked. `python tests/commands/engines.py podman` starts
one by hand and says where its socket is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

IMAGE = "localhost/busybox:latest"
PATIENCE = 20.0
"""Seconds that an engine may take to answer."""
LIMITS = "nofile=1024:1024", "nproc=4096:4096"
"""An engine may ask for more than the machine that the tests run on lets it have."""


class NoEngineError(Exception):
    """The engine cannot run here; the text says why."""


@contextmanager
def engine(kind: str) -> Iterator[Path]:
    """The socket of a fresh engine that has IMAGE; it ends with everything in it.

    :param kind: podman or docker
    :raises NoEngineError: it is not installed, or does not run containers here
    """
    if os.geteuid() != 0:
        raise NoEngineError("only root can start an engine of its own")
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-"))
    start = {"podman": _podman, "docker": _docker}[kind]
    try:
        with start(folder) as socket:
            _import(socket, _busybox(folder))
            _prove(socket)
            yield socket
    finally:
        subprocess.run(["umount", "--quiet", "--recursive", folder], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _podman(folder: Path) -> Iterator[Path]:
    if not shutil.which("podman"):
        raise NoEngineError("podman is not installed")
    config = folder / "containers.conf"
    words = ", ".join(f'"{limit}"' for limit in LIMITS)
    config.write_text(f'[containers]\ndefault_ulimits=[{words}]\n[engine]\ncgroup_manager="cgroupfs"\n')
    base = ["podman", "--root", folder / "root", "--runroot", folder / "run", "--tmpdir", folder / "tmp"]
    base += ["--runtime", "runc"] if shutil.which("runc") else []
    environment = {**os.environ, "CONTAINERS_CONF": str(config)}
    socket = folder / "api.sock"
    had_bridge = Path("/sys/class/net/cni-podman0").exists()
    try:
        with _served([*base, "system", "service", "--time", "0", f"unix://{socket}"], environment, socket, folder):
            yield socket
    finally:
        subprocess.run([*base, "rm", "--all", "--force", "--time", "0"], env=environment, capture_output=True, check=False)
        used = subprocess.run(["ip", "link", "show", "master", "cni-podman0"], capture_output=True, check=False).stdout
        if not had_bridge and not used:
            subprocess.run(["ip", "link", "delete", "cni-podman0"], capture_output=True, check=False)


@contextmanager
def _docker(folder: Path) -> Iterator[Path]:
    daemon = shutil.which("dockerd")
    if not daemon:
        raise NoEngineError("dockerd is not installed")
    socket = folder / "api.sock"
    command = [daemon, "--data-root", folder / "data", "--exec-root", folder / "run", "--pidfile", folder / "pid"]
    command += ["--host", f"unix://{socket}", "--bridge", "none", "--iptables=false", "--ip-masq=false"]
    command += [word for limit in LIMITS for word in ("--default-ulimit", limit)]
    with _served(command, dict(os.environ), socket, folder):
        yield socket


@contextmanager
def _served(command: list, environment: dict[str, str], socket: Path, folder: Path) -> Iterator[None]:
    """The engine's own process, until it answers and while it is needed."""
    log = folder / "log"
    # What watches over a container leaves files such as `oom` where it was started.
    with log.open("wb") as output, subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    ) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not _answers(socket):
                if process.poll() is not None or time.monotonic() > deadline:
                    last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
                    raise NoEngineError(f"{Path(command[0]).name} does not run here: {last[0]}")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def client(socket: Path) -> httpx.Client:
    """Speaks to an engine, for what tests look at behind the stub's back."""
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://engine", timeout=PATIENCE)


def _answers(socket: Path) -> bool:
    try:
        with client(socket) as asking:
            return asking.get("/version").is_success
    except httpx.TransportError:
        return False


def _busybox(folder: Path) -> Path:
    """A tar archive with this machine's busybox, what it needs to be loaded, and a link for each of its commands."""
    program = shutil.which("busybox")
    if not program:
        raise NoEngineError("busybox, of which the image is made, is not installed")
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    path = folder / "image.tar"
    with tarfile.open(path, "w", dereference=True) as archive:
        archive.add(program, "bin/busybox")
        for library in re.findall(r"/\S+", linked):
            archive.add(library, library.lstrip("/"))
        for name in listed:
            if name != "busybox" and "/" not in name:
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
        place = tarfile.TarInfo("tmp")
        place.type, place.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(place)
    return path


def _import(socket: Path, image: Path) -> None:
    name, _, tag = IMAGE.partition(":")
    with client(socket) as asking:
        parameters = {"fromSrc": "-", "repo": name, "tag": tag, "changes": "ENV PATH=/bin"}
        answer = asking.post("/images/create", params=parameters, content=image.read_bytes())
    if answer.is_error or '"error"' in answer.text:
        raise NoEngineError(f"the image cannot be imported: {answer.text.strip()}")


def _prove(socket: Path) -> None:
    """Run one container with every limit that the stub asks for."""
    wanted = {"NetworkMode": "none", "Memory": 64 * 2**20, "NanoCpus": 500_000_000, "PidsLimit": 64}
    with client(socket) as asking:
        made = asking.post("/containers/create", json={"Image": IMAGE, "Cmd": ["true"], "HostConfig": wanted})
        if made.is_error:
            raise NoEngineError(f"no container can be made: {made.json()['message']}")
        one = f"/containers/{made.json()['Id']}"
        started = asking.post(f"{one}/start")
        asking.post(f"{one}/wait")
        asking.delete(one, params={"force": "1"})
        if started.is_error:
            raise NoEngineError(f"no container can be started: {started.json()['message']}")


if __name__ == "__main__":
    with engine(sys.argv[1] if len(sys.argv) > 1 else "podman") as where:
        print(f"DOCKER_HOST=unix://{where}", flush=True)
        sys.stdin.read()
