"""`reap`: stop the jobs of this Airflow whose tasks are over or gone."""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.errors import BacalhauError, ConfigError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_provider_bacalhau.lifecycle.reap import Sight, TaskKey

ORPHANS = 3
"""Exit status when jobs are left that should be stopped."""

CHUNK = 500
"""Runs that the database is asked for at once."""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AGE = re.compile(r"(?:\d+[smhd])+|\d+")
_STATUS = (
    "exit status: 0 nothing is left over (with --yes: all of it was stopped and seen ended), 3 jobs are left over, "
    "1 it could not be done, 2 wrong usage. Times are UTC."
)


def add(commands: Any) -> None:
    """Add the command to those of the parser (what `add_subparsers` gives)."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "reap",
        help="stop jobs whose tasks are over or gone",
        description="Shows which live jobs of this Airflow outlived their tasks, and stops them with --yes. Asks "
        "Airflow's database, so it runs where the scheduler could.",
        epilog=_STATUS,
        allow_abbrev=False,
    )
    parser.add_argument("--conn-id", required=True, help="connection to ask")
    parser.add_argument(
        "--older-than",
        type=duration,
        default="1h",
        metavar="AGE",
        help="never stop a job that was made less than this ago, by the server's clock, however its task ended: "
        "90s, 30m, 1h, 2d (default: 1h)",
    )
    parser.add_argument("--yes", action="store_true", help="do it; without this nothing is stopped")
    parser.add_argument("--limit", type=_count, metavar="N", help="stop at most N jobs, the oldest first")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> tuple[str, int]:
    """The text to print and the exit status.

    :param given: `conn_id`, `older_than` (seconds), `yes`, `limit` (None: all)
    :raises BacalhauError: no deployment is set, or the cluster or Airflow's database cannot be asked
    :raises AirflowNotFoundException: there is no such connection
    """
    from airflow_provider_bacalhau.hooks.attempt import configured_deployment
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
    from airflow_provider_bacalhau.jobs.reaping import carry_out, find
    from airflow_provider_bacalhau.lifecycle.reap import Outcome

    hook = BacalhauHook(given.conn_id)
    try:
        plan = find(
            hook.get_conn(),
            states_in_database,
            deployment=hook.options.deployment or configured_deployment(),
            namespace=hook.namespace,
            older_than=given.older_than,
        )
        done = carry_out(hook.get_conn(), plan, limit=given.limit) if given.yes else None
    finally:
        hook.close()
    outcome = done or Outcome(plan, done=False, limit=given.limit)
    text = "".join(f"{line}\n" for line in [*plan.told(), *outcome.told("add --yes")])
    return text, 1 if outcome.failed else ORPHANS if outcome.left else 0


def duration(text: str) -> float:
    """Seconds of `90s`, `30m`, `1h30m`, `2d`, or of a number alone."""
    if not _AGE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; give one such as 90s, 30m, 1h or 2d")
    parts = re.findall(r"(\d+)([smhd]?)", text)
    return float(sum(int(number) * _UNITS[unit or "s"] for number, unit in parts))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of jobs")
    return int(text)


def states_in_database(keys: Sequence[TaskKey]) -> dict[TaskKey, Sight]:
    """What Airflow's database says about task instances, for a process that may read it; a worker may not.

    :raises BacalhauError: it cannot be read. ConfigError: it is not the database of an Airflow that runs anything.
    """
    from airflow.utils.session import create_session
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with create_session() as session:
            _must_be_in_use(session)
            return dict(_sights(session, keys))
    except SQLAlchemyError as error:
        raise BacalhauError(
            f"Airflow's database cannot be read ({type(error).__name__}): run this with the scheduler's configuration, "
            "[database] sql_alchemy_conn above all."
        ) from error


def _must_be_in_use(session: Session) -> None:
    """An empty database, such as a shell without the scheduler's settings has, would make an orphan of every job."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    if session.scalar(select(DagRun.id).limit(1)) is None:
        raise ConfigError(
            "Airflow's database here has not a single run, so every job would look left over: run this with the "
            "scheduler's configuration, [database] sql_alchemy_conn above all."
        )


def _sights(session: Session, keys: Sequence[TaskKey]) -> Iterator[tuple[TaskKey, Sight]]:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    from airflow_provider_bacalhau.lifecycle.reap import Sight

    by_dag: dict[str, list[TaskKey]] = defaultdict(list)
    for key in keys:
        by_dag[key.dag_id].append(key)
    one = TaskInstance
    columns = (one.run_id, one.task_id, one.map_index, one.state, one.end_date, one.try_number, one.max_tries)
    for dag_id, of_dag in by_dag.items():
        for start in range(0, len(of_dag), CHUNK):
            some = of_dag[start : start + CHUNK]
            runs = sorted({key.run_id for key in some})
            states = select(DagRun.run_id, DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id.in_(runs))
            known: dict[str, Any] = {row.run_id: row.state for row in session.execute(states)}
            tasks = sorted({key.task_id for key in some})
            rows = session.execute(
                select(*columns).where(one.dag_id == dag_id, one.run_id.in_(runs), one.task_id.in_(tasks))
            )
            found = {(row.run_id, row.task_id, row.map_index): row for row in rows}
            for key in some:
                row = found.get((key.run_id, key.task_id, key.map_index))
                if row is None:
                    yield key, Sight(missing="task" if key.run_id in known else "run")
                    continue
                yield key, Sight(
                    state=None if row.state is None else str(row.state),
                    run_state=str(known.get(key.run_id, "")) or None,
                    ended_at=row.end_date.timestamp() if row.end_date is not None else None,
                    try_number=row.try_number,
                    tries=None if row.max_tries is None else row.max_tries + 1,
                )
