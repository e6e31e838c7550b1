"""`lint`: what is wrong with a job spec or with the jobs of a DAG, as `path:line`, without a server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.errors import ConfigError, SpecError

if TYPE_CHECKING:
    from airflow_provider_bacalhau.commands.dags import JobTask
    from airflow_provider_bacalhau.lifecycle.lint import Problem

SPECS = (".yaml", ".yml", ".json")
_STATUS = "exit status: 0 nothing or warnings only, 1 an error was found, 2 wrong usage or nothing to read"


@dataclass(frozen=True, slots=True)
class Remark:
    """A line of the output."""

    file: str
    line: int
    level: str
    text: str


def add(commands: Any) -> None:
    """Add the command to those of the parser (what `add_subparsers` gives)."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "lint", help="what is wrong with a job spec or a DAG's jobs; asks no server", epilog=_STATUS, allow_abbrev=False
    )
    parser.add_argument("what", metavar="FILE|DAG", help="a job spec (.yaml, .json), a DAG file (.py), or a DAG's id")
    parser.add_argument("--format", choices=("text", "github"), default="text", help="github: a workflow's annotations")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> tuple[str, int]:
    """The text to print and the exit status.

    :param given: `what` (a file or a DAG's id) and `format` ("text" or "github")
    """
    try:
        remarks, seen = remarks_on(given.what)
    except ConfigError as error:
        sys.stderr.write(f"{given.what}: {error}\n")
        return "", 2
    failed = any(one.level == "error" for one in remarks)
    if given.format == "github":
        return "".join(f"{annotation(one)}\n" for one in remarks), int(failed)
    lines = [f"{one.file}:{one.line}: {one.level}: {one.text}" for one in remarks]
    return "".join(f"{line}\n" for line in [*lines, _summary(remarks, seen)]), int(failed)


def remarks_on(what: str) -> tuple[list[Remark], str]:
    """All remarks on a file or DAG in the order of their lines, and what was looked at ("2 jobs").

    :raises ConfigError: there is no such file or DAG.
    """
    path = Path(what)
    if path.suffix in SPECS:
        return list(_on_spec(path, _read(path))), "1 job"
    if path.suffix != ".py":
        from airflow_provider_bacalhau.commands.dags import find_dag

        return _on_tasks([find_dag(what)])
    from airflow_provider_bacalhau.commands.dags import DagFileError, read_file

    _read(path)
    try:
        dags = read_file(path.resolve())
    except DagFileError as error:
        return [Remark(_shown(path), error.line, "error", str(error))], "nothing"
    return _on_tasks(list(dags.values()))


def annotation(one: Remark) -> str:
    """A remark as a command to a workflow of GitHub's."""
    place = _escaped(one.file).replace(":", "%3A").replace(",", "%2C")
    return f"::{one.level} file={place},line={one.line}::{_escaped(one.text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _summary(remarks: Sequence[Remark], seen: str) -> str:
    counts = [(sum(one.level == level for one in remarks), level) for level in ("error", "warning")]
    found = " and ".join(f"{count} {level}{'' if count == 1 else 's'}" for count, level in counts if count)
    return f"{found or 'nothing to say'}; looked at {seen}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ConfigError(f"the file cannot be read: {why}") from error


def _shown(path: Path) -> str:
    """A path as somebody types it who stands here."""
    whole = path.resolve()
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)


def _on_spec(path: Path, text: str) -> Iterator[Remark]:
    """Remarks on a spec file; its templates stand for what is known only in a run, as in a task's `job_file`."""
    import yaml
    from jinja2 import TemplateSyntaxError

    from airflow_provider_bacalhau.commands.lines import SpecLines
    from airflow_provider_bacalhau.lifecycle.lint import Problem, lint_spec
    from airflow_provider_bacalhau.lifecycle.loading import load_spec
    from airflow_provider_bacalhau.lifecycle.templates import environment, rendered
    from airflow_provider_bacalhau.version_compat import redacted

    file = _shown(path)
    try:
        plain = str(rendered(text, {}, environment()))
        lines = SpecLines(plain)
        problems = lint_spec(load_spec(plain), redacted)
    except TemplateSyntaxError as error:
        yield Remark(file, error.lineno, "error", f"the template cannot be read: {error.message}")
        return
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        yield Remark(file, mark.line + 1 if mark else 1, "error", f"neither YAML nor JSON: {error.problem}")
        return
    except SpecError as error:
        problems = [Problem("error", one) for one in error.problems]
    except ConfigError as error:
        problems = [Problem("error", str(error), "Constraints" if "constraint" in str(error) else "")]
    remarks = [Remark(file, lines.at(one.path), one.level, one.text) for one in problems]
    yield from sorted(remarks, key=lambda one: one.line)


def _on_tasks(dags: Sequence[Any]) -> tuple[list[Remark], str]:
    from airflow_provider_bacalhau.commands.dags import job_tasks

    tasks = [task for dag in dags for task in job_tasks(dag)]
    remarks = [remark for task in tasks for remark in _on_task(task)]
    return sorted(remarks, key=lambda one: (one.file, one.line)), f"{len(tasks)} job{'' if len(tasks) == 1 else 's'}"


def _on_task(task: JobTask) -> Iterator[Remark]:
    from airflow_provider_bacalhau.commands.lines import NOWHERE, DagLines
    from airflow_provider_bacalhau.lifecycle.lint import Problem, lint_task, made_up_at_parse
    from airflow_provider_bacalhau.version_compat import redacted

    try:
        call = DagLines(task.file.read_text(encoding="utf-8")).call(task.task_id)
    except (OSError, SyntaxError, UnicodeDecodeError):  # a DAG of a zip file, say
        call = NOWHERE
    problems: list[Problem] = [Problem("error", task.problem)] if task.problem else []
    if task.facts is not None:
        problems += lint_task(task.facts, redacted)
        problems += made_up_at_parse(task.facts, call.made_up)
    for one in problems:
        yield Remark(_shown(task.file), call.line, one.level, f"{task.task_id}: {one.text}")
