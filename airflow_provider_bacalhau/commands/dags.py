"""The jobs of a DAG before there is a run: each task's spec, built by its own operator from stand-ins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.errors import BacalhauError, ConfigError, SpecError
from airflow_provider_bacalhau.lifecycle.lint import TaskFacts
from airflow_provider_bacalhau.version_compat import dag_bag

if TYPE_CHECKING:
    import jinja2

DAY = "2026-01-01"
"""The day of the run that templates are rendered for."""
_BLANK: Mapping[str, Any] = {
    **dict.fromkeys(("env", "inputs", "outputs", "publisher", "job_resources", "constraints", "network", "command")),
    **dict.fromkeys(("entrypoint", "working_dir", "labels", "meta", "name", "namespace", "job_overrides")),
    "count": 1,
    "parameters": (),
    "module": {"Type": "inline", "Params": {"URL": "data:,"}},
}
"""What an argument is taken for that is wholly known only in a run."""
_PUBLISHED: Mapping[str, Any] = {
    "s3": {"Type": "s3", "Params": {"Bucket": "known-only-in-a-run", "Key": "known-only-in-a-run"}},
    "ipfs": {"Type": "ipfs", "Params": {"CID": "known-only-in-a-run"}},
    "local": {"Type": "urlDownload", "Params": {"URL": "http://known-only-in-a-run/"}},
}
"""An input for what a job published, by its publisher."""


@dataclass(frozen=True, slots=True)
class JobTask:
    """A task that runs a Bacalhau job."""

    dag_id: str
    task_id: str
    operator: str
    """Its class."""
    file: Path
    facts: TaskFacts | None
    """None: nothing can be said of its job, for `problem` or because all of it is known only in a run."""
    problem: str = ""
    """Why its spec cannot be built."""


def read_file(path: Path) -> dict[str, Any]:
    """The DAGs of a file by id; nothing is stored, no database is asked.

    :raises DagFileError: it cannot be imported.
    """
    bag = dag_bag(str(path), safe_mode=False)
    if bag.import_errors:
        raise DagFileError(path, next(iter(bag.import_errors.values())))
    return dict(bag.dags)


def find_dag(dag_id: str) -> Any:
    """The DAG of an id, from the DAG bundles of this Airflow.

    :raises ConfigError: no bundle has it.
    """
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    broken: list[str] = []
    manager: Any = DagBundlesManager  # Airflow left it without types
    for bundle in manager().get_all_dag_bundles():
        bundle.initialize()
        bag = dag_bag(str(bundle.path))
        if (dag := bag.dags.get(dag_id)) is not None:
            return dag
        broken += [str(path) for path in bag.import_errors]
    hint = f"; these files cannot be imported: {', '.join(broken)}" if broken else ""
    raise ConfigError(f"there is no DAG {dag_id} in the DAG bundles of this Airflow{hint}")


class DagFileError(ConfigError):
    """A DAG file that cannot be imported; `line` is where in it, 1 when that cannot be told."""

    def __init__(self, path: Path, trace: str) -> None:
        places = re.findall(rf'File "{re.escape(str(path))}", line (\d+)', trace)
        self.line = int(places[-1]) if places else 1
        last = next((line.strip() for line in reversed(trace.splitlines()) if line.strip()), "it cannot be imported")
        super().__init__(f"the file cannot be imported: {last}")


def job_tasks(dag: Any) -> list[JobTask]:
    """The tasks of a DAG that run a Bacalhau job, in its order."""
    from airflow_provider_bacalhau.operators.job import BacalhauJobOperator

    found = []
    for task in dag.tasks:
        kind = getattr(task, "operator_class", None) or type(task)
        if isinstance(kind, type) and issubclass(kind, BacalhauJobOperator):
            facts, problem = _built(dag, task)
            found.append(JobTask(dag.dag_id, task.task_id, kind.__name__, Path(dag.fileloc), facts, problem))
    return found


def _built(dag: Any, task: Any) -> tuple[TaskFacts | None, str]:
    try:
        operator = _unmapped(task)
        if operator is None:
            return None, ""
        return _facts(dag, operator), ""
    except SpecError as error:
        return None, "; ".join(error.problems)
    except BacalhauError as error:
        return None, str(error)


def _unmapped(task: Any) -> Any | None:
    """The operator of a mapped task's first item, as far as the DAG file tells it; None when it does not."""
    from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN

    if not hasattr(task, "expand_input"):
        return task
    expanded = getattr(task.expand_input, "value", None)
    if isinstance(expanded, Mapping):
        first = {name: _first(value) for name, value in expanded.items()}
    else:
        first = dict(expanded[0]) if isinstance(expanded, list | tuple) and expanded else {}
    try:
        return task.unmap({name: UNKNOWN if _is_reference(value) else value for name, value in first.items()})
    except TypeError:  # an argument that it cannot do without comes from .expand_kwargs()
        return None


def _first(values: Any) -> Any:
    from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN

    if isinstance(values, Mapping) and values:
        return next(iter(values.items()))
    return values[0] if isinstance(values, list | tuple) and values else UNKNOWN


def _is_reference(value: Any) -> bool:
    return hasattr(value, "resolve") and hasattr(value, "iter_references")


def _facts(dag: Any, operator: Any) -> TaskFacts | None:
    from airflow_provider_bacalhau.lifecycle.durations import seconds_of

    built = _Stage(dag, operator)
    spec = built.spec()
    if spec is None:
        return None
    limit = operator.execution_timeout
    return TaskFacts(
        spec=spec,
        given={name: getattr(operator, name, None) for name in operator.template_fields},
        unknown=tuple(built.unknown),
        retries=int(operator.retries or 0),
        deferrable=bool(operator.deferrable),
        durable=bool(operator.durable),
        waits=bool(operator.wait_for_completion),
        on_kill_action=operator.on_kill_action,
        on_existing=operator.on_existing,
        scheduled=getattr(dag, "schedule", None) is not None,
        execution_timeout=seconds_of(limit),
        xcom_value=operator.xcom_value,
    )


class _Stage:
    """A copy of an operator, set up as for a run that is not there."""

    def __init__(self, dag: Any, operator: Any) -> None:
        self._dag = dag
        self._operator = operator.prepare_for_execution()
        self._within = _environment(operator)
        self._known = _known(dag, operator)
        self.unknown: list[str] = []
        """Arguments of which something is known only in a run."""

    def spec(self) -> dict[str, Any] | None:
        """The job, before the connection has its say; None when all of it is known only in a run.

        :raises ConfigError: it cannot be built.
        """
        from airflow_provider_bacalhau.lifecycle.spec import load_spec, merge, outlives_task, with_timeouts
        from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN

        one = self._operator
        for name in one.template_fields:
            value = self._argument(name)
            if value == UNKNOWN and name in ("job_spec", "job_file"):
                return None
            setattr(one, name, value)
        one.get_template_env = lambda dag=None: self._within  # noqa: ARG005 - for job_file; Airflow's signature
        built = merge(load_spec(one.build_spec(self._known)), one.job_overrides or {})
        built["Namespace"] = one.namespace or built.get("Namespace") or "default"
        if not isinstance(built.get("Tasks"), list) or not all(isinstance(task, dict) for task in built["Tasks"]):
            return built
        kept = outlives_task(built, waits=one.wait_for_completion, on_kill_action=one.on_kill_action)
        return with_timeouts(
            built,
            queue=one.queue_timeout,
            run=one.run_timeout,
            total=one.total_timeout,
            execution_timeout=None if kept else one.execution_timeout,
        )

    def _argument(self, name: str) -> Any:
        from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN, is_unknown

        value = self._rendered(name, getattr(self._operator, name))
        if is_unknown(value):
            self.unknown.append(name)
        if name == "inputs" and isinstance(value, Mapping):
            return self._inputs(value)
        if name == "constraints" and isinstance(value, list | tuple):
            return [one for one in value if one != UNKNOWN]
        return _BLANK.get(name, value) if value == UNKNOWN else value

    def _inputs(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs without those that only a run knows, and that a server would be asked for."""
        from airflow_provider_bacalhau.lifecycle.handles import is_handle
        from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN

        found = {target: one for target, one in value.items() if one != UNKNOWN and not is_handle(one)}
        if len(found) < len(value) and "inputs" not in self.unknown:
            self.unknown.append("inputs")
        return found

    def _rendered(self, name: str, value: Any) -> Any:
        from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN, rendered

        if isinstance(value, str):
            try:
                return rendered(value, self._known, self._within)
            except _syntax_error() as error:
                raise ConfigError(f"{name}: the template cannot be read: {error.message}") from error
        if isinstance(value, Mapping):
            return {key: self._rendered(name, item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._rendered(name, item) for item in value]
        if _is_reference(value):
            return _published_by(value) if name == "inputs" else UNKNOWN
        return value


def _syntax_error() -> type[jinja2.TemplateSyntaxError]:
    from jinja2 import TemplateSyntaxError

    return TemplateSyntaxError


def _published_by(reference: Any) -> Any:
    """An input of the kind that another task's job publishes, where that task says so."""
    from airflow_provider_bacalhau.lifecycle.sources import parse_publisher
    from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN

    producers = [operator for operator, _ in reference.iter_references()]
    publishers = []
    for one in producers:
        told = getattr(one, "publisher", None) or getattr(one, "partial_kwargs", {}).get("publisher")
        try:
            publishers.append((parse_publisher(told) or {}).get("Type") if isinstance(told, str | Mapping) else None)
        except ConfigError:  # a template, or wrong: that task's own line says so
            publishers.append(None)
    kinds = set(publishers)
    return _PUBLISHED.get(str(kinds.pop()), UNKNOWN) if len(kinds) == 1 else UNKNOWN


def _environment(operator: Any) -> jinja2.Environment:
    from airflow_provider_bacalhau.lifecycle.templates import environment

    return environment(operator.get_template_env())


def _known(dag: Any, operator: Any) -> dict[str, Any]:
    """What a run's templates may name and a DAG file already tells; dates are those of a run of `DAY`."""
    import pendulum
    from airflow.sdk.execution_time import macros

    day = pendulum.parse(DAY)
    text = f"{DAY}T00:00:00+00:00"
    bare = DAY.replace("-", "")
    moments: Sequence[str] = ("logical_date", "data_interval_start", "data_interval_end")
    return {
        **dict.fromkeys(moments, day),
        "ds": DAY,
        "ds_nodash": bare,
        "ts": text,
        "ts_nodash": f"{bare}T000000",
        "ts_nodash_with_tz": f"{bare}T000000+0000",
        "run_id": f"manual__{text}",
        "params": dict(_params(dag, operator)),
        "dag": dag,
        "task": operator,
        "macros": macros,
    }


def _params(dag: Any, operator: Any) -> Iterator[tuple[str, Any]]:
    from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN

    for params in (dag.params, operator.params):
        for name in params:
            value = params.get_param(name).value
            yield name, value if _is_plain(value) else UNKNOWN


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | list | dict) or value is None
