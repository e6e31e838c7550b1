"""Build the virtual environment of one Airflow release from the exact pins, only when something changed.

    python3 tests/commands/bootstrap.py 3.3.2     -> .venv
    python3 tests/commands/bootstrap.py 3.1.8     -> .venv-3.1
    python3 tests/commands/bootstrap.py clients   -> .venv-clients

Runs on any Python 3.8 or newer, with the standard library alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "tests" / "pins"
CACHE = ROOT / ".cache"
MAIN_RELEASE = "3.3.2"
CLIENTS = "clients"
"""No Airflow release: the client packages that users have, whose requirements do not fit beside Airflow's pins."""
CANDIDATES = ("python3.13", "python3.12", "python3.11")
FITTING = ((3, 11), (3, 12), (3, 13))
PROBE = "import pip, sqlite3, ssl, sys; print(sys.version.split()[0])"
SAY_EVERY = 4.0


class CannotBuild(Exception):
    """No environment could be made; the text says why and what to do."""


def main(arguments: list[str]) -> int:
    """Make the environment of the release (or CLIENTS) named in `arguments`; returns the exit code."""
    release = arguments[0] if arguments else MAIN_RELEASE
    folder = environment_folder(release)
    try:
        with one_at_a_time():
            if release == CLIENTS:
                bring_up_to_date(folder, PINS / f"{CLIENTS}.txt", with_project=False)
            else:
                bring_up_to_date(folder, PINS / f"airflow-{release}.txt")
    except CannotBuild as problem:
        print(f"bootstrap: {problem}", file=sys.stderr)
        return 1
    return 0


def environment_folder(release: str) -> Path:
    """Folder of a release's environment: `.venv` for the main one, `.venv-3.1` for 3.1.8."""
    return ROOT / (".venv" if release == MAIN_RELEASE else ".venv-" + release.rsplit(".", 1)[0])


def bring_up_to_date(folder: Path, pins: Path, with_project: bool = True) -> None:
    """Build, refresh or leave alone the environment in `folder`. Raises CannotBuild.

    Without the project nothing but the pins is installed: the client packages declare their developers' tools.
    """
    stamp = folder / "built-from"
    # An environment holds absolute paths: a checkout that moved needs a new one.
    wanted = [digest(str(folder).encode(), pins.read_bytes()), digest((ROOT / "pyproject.toml").read_bytes())]
    built = stamp.read_text().split() if stamp.exists() else []
    if built == wanted:
        return
    python = python_of(folder)
    if built[:1] != wanted[:1]:
        if not pins.exists():
            raise CannotBuild(f"there are no pins for this release: {pins.relative_to(ROOT)} is missing.")
        say(f"building {folder.name} from {pins.relative_to(ROOT)}")
        shutil.rmtree(folder, ignore_errors=True)
        uv = make_environment(folder)
        alone = [] if with_project else ["--no-deps"]
        install(python, uv, [*alone, "-r", str(pins)], f"installing {count_pins(pins)} packages")
    else:
        stamp.unlink()
        uv = find_uv(python, may_install=False)
    if with_project:
        install(python, uv, ["--no-deps", "--no-build-isolation", "-e", str(ROOT)], "installing this project")
    stamp.write_text("\n".join(wanted) + "\n")


def make_environment(folder: Path) -> Path | None:
    """An empty environment with pip, or one made by uv; returns uv's path or None. Raises CannotBuild."""
    for candidate in fitting_pythons():
        shutil.rmtree(folder, ignore_errors=True)
        if quiet(candidate, "-m", "venv", str(folder)) and quiet(str(python_of(folder)), "-c", PROBE):
            say(f"python: {candidate}")
            return find_uv(python_of(folder), may_install=True)
    shutil.rmtree(folder, ignore_errors=True)
    uv = find_uv(Path(sys.executable), may_install=True)
    if uv and quiet(str(uv), "venv", "--quiet", "--python", ">=3.11,<3.14", str(folder), env=uv_environment()):
        say("python: chosen by uv")
        return uv
    raise CannotBuild(
        "no Python 3.11, 3.12 or 3.13 with working venv and pip was found and uv could not bring one; "
        "install one of them (Debian: apt-get install python3-venv python3-pip) and run the command again."
    )


def fitting_pythons() -> list[str]:
    """Interpreters to try, best first: the named ones, then the one this script runs on."""
    found = [path for path in map(shutil.which, CANDIDATES) if path]
    return found + ([sys.executable] if sys.version_info[:2] in FITTING else [])


def find_uv(python: Path, may_install: bool) -> Path | None:
    """uv of the pinned version in the cache folder, installed by `python`'s pip; None when that fails."""
    pin = PINS / "uv.txt"
    home = CACHE / pin.read_text().strip().replace("==", "-")
    uv = home / "bin" / "uv"
    if not uv.exists() and may_install:
        command = [str(python), "-m", "pip", "install", "--quiet", "--target", str(home), "-r", str(pin)]
        patiently(command, "fetching uv, which installs faster than pip", dict(os.environ))
    return uv if uv.exists() else None


def install(python: Path, uv: Path | None, what: list[str], title: str) -> None:
    """Install with uv (five times faster), else with pip; modules are compiled either way. Raises CannotBuild."""
    env = without(os.environ, "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV")
    if uv:
        command = [str(uv), "pip", "install", "--python", str(python), "--compile-bytecode", *what]
        if patiently(command, title, uv_environment(env)):
            return
        say("uv did not get through, going on with pip")
    if not patiently([str(python), "-m", "pip", "install", "--compile", *what], title, env):
        raise CannotBuild(f"{title} failed; the lines above say why (is the package index reachable?).")


def uv_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment in which uv uses the index, links and certificates that pip is configured for."""
    env = dict(os.environ if base is None else base)
    configured = {}
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    for line in listed.stdout.decode(errors="replace").splitlines():
        key, separator, value = line.partition("=")
        if separator:
            configured[key.rsplit(".", 1)[-1]] = value.strip("'\"")
    for option, variable in (
        ("index-url", "UV_DEFAULT_INDEX"),
        ("extra-index-url", "UV_INDEX"),
        ("find-links", "UV_FIND_LINKS"),
        ("trusted-host", "UV_INSECURE_HOST"),
        ("cert", "SSL_CERT_FILE"),
    ):
        if configured.get(option):
            env.setdefault(variable, configured[option])
    return env


def patiently(command: list[str], title: str, env: Mapping[str, str]) -> bool:
    """Run `command` and say every few seconds that it goes on; its output is shown when it fails."""
    log = CACHE / "bootstrap.log"
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=str(ROOT))
        say(title)
        while True:
            try:
                code = process.wait(timeout=SAY_EVERY)
                break
            except subprocess.TimeoutExpired:
                say(f"{title} ({time.monotonic() - started:.0f} s)")
            except BaseException:
                process.terminate()
                process.wait()
                raise
    if code:
        sys.stderr.write(log.read_text(errors="replace")[-4000:])
    return code == 0


def quiet(*command: str, env: Mapping[str, str] | None = None) -> bool:
    """Run a command without showing anything; True when it succeeded."""
    clean = without(os.environ if env is None else env, "PYTHONPATH", "VIRTUAL_ENV")
    try:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean, timeout=180, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two commands started together must not build the same environment twice."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "bootstrap.lock").open("w") as lock:
        try:
            import fcntl
        except ImportError:  # no such locks on this system: two builds at once stay possible there
            yield
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def python_of(folder: Path) -> Path:
    """The environment's interpreter."""
    return folder / "bin" / "python"


def count_pins(pins: Path) -> int:
    """Number of pinned packages."""
    return sum(1 for line in pins.read_text().splitlines() if "==" in line)


def digest(*parts: bytes) -> str:
    """Short fingerprint of some bytes."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:24]


def without(env: Mapping[str, str], *names: str) -> dict[str, str]:
    """A copy of an environment without these variables."""
    return {name: value for name, value in env.items() if name not in names}


def say(text: str) -> None:
    """One line for the person who waits."""
    print(f"bootstrap: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
