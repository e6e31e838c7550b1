"""The command line: `serve`, `run` and `env`. Parses, starts, prints; decides nothing about jobs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from orchestrator_stub.control.info import banner, environment, export_lines, seen_from
from orchestrator_stub.domain.errors import EXTRA, SettingsError
from orchestrator_stub.engine.workplace import clear_abandoned
from orchestrator_stub.settings.flags import OWN_KEY, Settings, add_address_flags, parse

if TYPE_CHECKING:
    from orchestrator_stub.app import Stub

USAGE = """usage: bacalhau-stub serve [flags]            serve until SIGTERM or Ctrl-C
       bacalhau-stub run [flags] -- COMMAND    serve while COMMAND runs, with the variables set
       bacalhau-stub env [--host H] [--port P] print the variables of a running stub for a shell"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; answers the exit status (2: wrong usage, 1: it could not be done)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command, rest = (words[0], words[1:]) if words else ("", [])
    try:
        if command == "serve":
            return _serve(parse(rest))
        if command == "run":
            return _run(rest)
        if command == "env":
            return _env(rest)
    except SettingsError as error:
        _complain(str(error))
        return 2
    except ModuleNotFoundError as error:
        _complain(f"{EXTRA} ({error.name} is missing)")
        return 1
    except KeyboardInterrupt:
        return 130
    if command in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    _complain(f"unknown command {command!r}" if command else "give a command")
    print(USAGE, file=sys.stderr)
    return 2


def _announce(text: str) -> None:
    """Print; who has heard enough of it (`| head`) does not end the stub."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    print(f"bacalhau-stub: {text}", file=sys.stderr)


def _serve(settings: Settings) -> int:
    stub = _make(settings)

    async def serve() -> int:
        try:
            await stub.start()
        except OSError as error:
            _complain(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; try --port 0")
            return 1
        _announce("\n".join(banner(stub.info)))
        spare_what_lasts()
        clearing = asyncio.create_task(asyncio.to_thread(clear_abandoned))
        await _until_told()
        await stub.stop()
        await clearing
        return 0

    return asyncio.run(serve())


def _make(settings: Settings) -> Stub:
    """The stub; while its modules are imported, the sandbox is tried, so that the first answer comes sooner."""
    if settings.docker_runner not in ("auto", "sandbox"):
        from orchestrator_stub.app import Stub

        return Stub(settings)
    from orchestrator_stub.runners.trial import trial

    with ThreadPoolExecutor(1) as threads:
        trying = threads.submit(trial)
        from orchestrator_stub.app import Stub

        return Stub(settings, tried=trying.result)


def spare_what_lasts() -> None:
    """Let the collector of cyclic garbage look only at what is new since it last looked at everything.

    What the stub remembers is no garbage, and there is much of it: with ten thousand jobs, looking through all of it
    holds everybody up for a third of a second. Only for a process of the stub's own.
    """
    gc.freeze()
    gc.callbacks.append(_spare)


def _spare(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()


async def _until_told() -> None:
    """Wait for SIGTERM or SIGINT; a second one ends at once."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        if told.is_set():
            os._exit(130)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    await told.wait()


def _run(words: list[str]) -> int:
    if "--" not in words or words[-1] == "--":
        raise SettingsError("run needs a command after --, for example: bacalhau-stub run -- pytest -q")
    cut = words.index("--")
    flags, command = words[:cut], words[cut + 1 :]
    if not any(flag.split("=")[0] == "--port" for flag in flags):
        flags = [*flags, "--port", "0"]
    settings = parse(flags, prog="bacalhau-stub run")
    stub = _make(settings)

    async def run() -> int:
        try:
            await stub.start()
        except OSError as error:
            _complain(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}")
            return 1
        spare_what_lasts()
        try:
            key = next((user.api_key for user in settings.users if user.alias == OWN_KEY), "")
            return await _child(command, environment(stub.info, with_board=True, api_key=key))
        finally:
            await stub.stop()

    return asyncio.run(run())


async def _child(command: list[str], variables: dict[str, str]) -> int:
    """Run the command with the variables added, hand signals on, answer its exit status as a shell would."""
    try:
        child = await asyncio.create_subprocess_exec(*command, env={**os.environ, **variables})
    except OSError as error:
        _complain(f"cannot run {command[0]}: {error.strerror}")
        return 127
    loop = asyncio.get_running_loop()

    def hand_on(number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, hand_on, number)
    code = await child.wait()
    return code if code >= 0 else 128 - code


def _env(words: list[str]) -> int:
    import argparse

    from orchestrator_stub.control.ask import NoStubError, ask

    parser = argparse.ArgumentParser(prog="bacalhau-stub env")
    add_address_flags(parser)
    parser.add_argument("--control-token", default="", metavar="TOKEN", help="where the stub is on another machine")
    given = parser.parse_args(words)
    try:
        print("\n".join(export_lines(seen_from(ask(given.host, given.port, given.control_token), given.host))))
    except NoStubError as error:
        _complain(str(error))
        return 1
    return 0
