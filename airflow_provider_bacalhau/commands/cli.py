"""The command line: `python -m airflow_provider_bacalhau COMMAND --conn-id ...`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence

from airflow_provider_bacalhau.commands import doctor, lint, nodes, reap
from airflow_provider_bacalhau.errors import BacalhauError

PROGRAM = "python -m airflow_provider_bacalhau"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; answers the exit status (2: wrong usage, 1: it could not be done, else the command's own).

    What it was asked for goes to the standard output, everything else, Airflow's log too, to the error output.
    """
    parser = argparse.ArgumentParser(prog=PROGRAM, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    doctor.add(commands)
    lint.add(commands)
    nodes.add(commands)
    reap.add(commands)
    try:
        given = parser.parse_args(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    with contextlib.redirect_stdout(sys.stderr):
        from airflow_provider_bacalhau.version_compat import AirflowNotFoundException, use_stored_connections

        use_stored_connections()
        try:
            answer: str | tuple[str, int] = given.run(given)
        except BacalhauError as error:
            return _complain(str(error))
        except AirflowNotFoundException:
            from airflow_provider_bacalhau.hooks.connection import missing

            return _complain(missing(given.conn_id))
    text, status = answer if isinstance(answer, tuple) else (answer, 0)
    sys.stdout.write(text)
    return status


def _complain(text: str) -> int:
    sys.stderr.write(f"{PROGRAM}: {text}\n")
    return 1
