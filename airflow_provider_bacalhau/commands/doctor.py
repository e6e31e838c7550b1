"""`doctor`: is everything there that jobs need? One line for each check: what was seen, and the next step."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.commands.finding import Finding

if TYPE_CHECKING:
    from airflow_provider_bacalhau.commands.dags import JobTask
    from airflow_provider_bacalhau.commands.visit import Visit

_STATUS = "exit status: 0 nothing failed, 1 a check failed, 2 wrong usage"


def add(commands: Any) -> None:
    """Add the command to those of the parser (what `add_subparsers` gives)."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor", help="check a connection, its cluster and this Airflow", epilog=_STATUS, allow_abbrev=False
    )
    parser.add_argument("--conn-id", required=True, help="connection to check")
    parser.add_argument("--dag", metavar="DAG", help="match the jobs of this DAG (an id or a file) with the nodes, too")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> tuple[str, int]:
    """The text to print and the exit status.

    :param given: `conn_id`, and `dag` (a DAG's id or file, or None)
    """
    findings = list(findings_on(given.conn_id, given.dag))
    failed = sum(one.level == "FAIL" for one in findings)
    warned = sum(one.level == "warn" for one in findings)
    end = f"{len(findings)} checks, {failed} failed, {warned} warning{'' if warned == 1 else 's'}"
    return "".join(f"{line}\n" for line in [*findings, end]), int(failed > 0)


def findings_on(conn_id: str, dag: str | None = None) -> Iterator[Finding]:
    """Everything from the connection to the jobs of a DAG; a check that cannot be made for want of another is left out.

    :param dag: id or file.
    """
    from airflow_provider_bacalhau.commands import surroundings
    from airflow_provider_bacalhau.commands.visit import Visit

    tasks, trouble = _tasks_of(dag) if dag else ([], [])
    deferrable = any(task.facts is not None and task.facts.deferrable for task in tasks)
    with Visit(conn_id) as visit:
        for check in visit.checks():
            yield from check()
        for look in (surroundings.results, surroundings.airflow, surroundings.extras, surroundings.settings):
            yield from look(visit)
        yield from surroundings.triggerer(needed=deferrable)
        yield from trouble
        if dag and not trouble and not tasks:
            yield Finding("warn", dag, "no task of it runs a Bacalhau job")
        for task in tasks:
            yield _on_task(task, visit)


def _tasks_of(dag: str) -> tuple[list[JobTask], list[Finding]]:
    from pathlib import Path

    from airflow_provider_bacalhau.commands.dags import find_dag, job_tasks, read_file
    from airflow_provider_bacalhau.errors import ConfigError

    path = Path(dag)
    try:
        if path.suffix == ".py":
            if not path.is_file():
                raise ConfigError("there is no such file")
            dags = list(read_file(path.resolve()).values())
        else:
            dags = [find_dag(dag)]
    except ConfigError as error:
        return [], [Finding("FAIL", dag, str(error))]
    return [task for one in dags for task in job_tasks(one)], []


def _on_task(task: JobTask, visit: Visit) -> Finding:
    """The job of one task: whether its spec is right, and which nodes can take it."""
    from airflow_provider_bacalhau.errors import SpecError
    from airflow_provider_bacalhau.lifecycle.lint import lint_task
    from airflow_provider_bacalhau.lifecycle.matching import match, outlook
    from airflow_provider_bacalhau.lifecycle.wire import for_server

    if task.problem:
        return Finding("FAIL", task.task_id, task.problem)
    if task.facts is None:
        return Finding("warn", task.task_id, "its job is known only in a run, so nothing can be said before")
    errors = [one.text for one in lint_task(task.facts) if one.level == "error"]
    note = f" (known only in a run: {', '.join(task.facts.unknown)})" if task.facts.unknown else ""
    if errors:
        return Finding("FAIL", task.task_id, "; ".join(errors) + note)
    if visit.nodes is None:
        return Finding("warn", task.task_id, f"its spec is right, but there are no nodes to match it with{note}")
    try:
        wire = for_server(task.facts.spec, visit.capabilities)
    except SpecError as error:
        return Finding("FAIL", task.task_id, "; ".join(error.problems) + note)
    found = outlook(wire, match(wire, visit.nodes, visit.capabilities), visit.capabilities)
    return Finding(found.level, task.task_id, found.text + note)
