"""Run a DAG of a file, or one made in the test, to its end in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.testing.inprocess import Recorder, eager_sensors, patched, signals_given_back
from airflow_provider_bacalhau.testing.run import Run, TaskState

if TYPE_CHECKING:
    from airflow.sdk import DAG

NOW = "now"
_DAGS_FOLDER = "AIRFLOW__CORE__DAGS_FOLDER"


class DagError(Exception):
    """There is no such DAG, or its file cannot be read; the text says which there are, or what was raised."""


class RunDag:
    """Runs DAGs of a project, one after the other."""

    def __init__(self, folders: Sequence[Path], bundle: str) -> None:
        """Made by the fixture `run_dag`. `folders`: where relative paths begin, first match first."""
        self._folders = tuple(folders)
        self._bundle = bundle

    def __call__(
        self,
        path_or_dag: str | Path | DAG,
        *,
        dag_id: str | None = None,
        logical_date: str | date | None = NOW,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
    ) -> Run:
        """Run it to its end: tasks one after the other, triggers at once, retries without their delay.

        :param path_or_dag: a DAG file, as an absolute path or from pytest's root or the test's folder; or a DAG.
        :param dag_id: which one, where a file has several.
        :param logical_date: "2026-01-01", a date or a datetime (UTC unless it says otherwise); None: a run without
            one, as assets start.
        :param conf: the run's configuration.
        :param run_id: default as Airflow makes it.
        :raises DagError: there is no such file or DAG, or the file cannot be read
        """
        when = _moment(logical_date)
        with signals_given_back(), self._ready(path_or_dag, dag_id) as dag:
            return _run(dag, when=when, conf=conf, run_id=run_id)

    @contextmanager
    def _ready(self, path_or_dag: str | Path | DAG, dag_id: str | None) -> Iterator[DAG]:
        """The DAG, read and stored; inside, what lies beside it can be imported."""
        if isinstance(path_or_dag, str | Path):
            file = self._found(Path(path_or_dag))
            with _importing_from(_dags_folder(file)):
                yield self._stored(self._read(file), file, dag_id)
            return
        if not hasattr(path_or_dag, "task_dict"):
            raise DagError(f"{path_or_dag!r} is no DAG; give a DAG file, or call the function that @dag decorates")
        bag = _bags().DagBag(dag_folder=self._folders[0], load_op_links=False, collect_dags=False)
        bag.bag_dag(path_or_dag)
        yield self._stored(bag, None, path_or_dag.dag_id)

    def _found(self, path: Path) -> Path:
        places = dict.fromkeys(folder / path for folder in self._folders)  # an absolute path stays as it is
        for place in places:
            if place.is_file():
                return place.resolve()
        raise DagError(f"there is no DAG file {' or '.join(map(str, places))}")

    def _read(self, file: Path) -> Any:
        bag = _bags().DagBag(dag_folder=str(file), load_op_links=False, safe_mode=False)
        if bag.import_errors:
            raise DagError("\n".join(bag.import_errors.values()))
        return bag

    def _stored(self, bag: Any, file: Path | None, dag_id: str | None) -> DAG:
        """The DAG, once it is stored as the dag-processor does it: tasks find a DAG only by its stored form."""
        dag = _chosen(bag.dags, file, dag_id)
        import_module("airflow.dag_processing.bundles.manager").DagBundlesManager().sync_bundles_to_db()
        _bags().sync_bag_to_db(bag, self._bundle, None)
        return dag


def _bags() -> Any:
    try:
        return import_module("airflow.dag_processing.dagbag")
    except ImportError:  # before 3.2
        return import_module("airflow.models.dagbag")


def _dags_folder(file: Path) -> Path:
    """What would be Airflow's DAGs folder: the nearest one above the file that is called so, else the file's own."""
    return next((folder for folder in file.parents if folder.name == "dags"), file.parent)


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """What lies in a DAGs folder can be imported by its DAGs."""
    before = os.environ.get(_DAGS_FOLDER)
    sys.path.insert(0, str(folder))
    os.environ[_DAGS_FOLDER] = str(folder)
    try:
        yield
    finally:
        del os.environ[_DAGS_FOLDER]
        if before is not None:
            os.environ[_DAGS_FOLDER] = before
        with suppress(ValueError):  # a DAG file may have put the path in order by itself
            sys.path.remove(str(folder))


def _chosen(dags: Mapping[str, DAG], file: Path | None, dag_id: str | None) -> DAG:
    if not dags:
        raise DagError(f"{file} holds no DAG; is the function that @dag decorates called at the end?")
    if dag_id is None and len(dags) == 1:
        return next(iter(dags.values()))
    if dag_id is not None and dag_id in dags:
        return dags[dag_id]
    what = f"has no DAG {dag_id!r}" if dag_id else "holds several DAGs"
    raise DagError(f"{file} {what}; give dag_id, one of {', '.join(sorted(dags))}")


def _run(dag: DAG, *, when: datetime | None, conf: Mapping[str, Any] | None, run_id: str | None) -> Run:
    recorder = Recorder()
    with ExitStack() as stack:
        stack.enter_context(eager_sensors(dag))
        stack.enter_context(patched(run_id, recorder))
        ended = dag.test(logical_date=when, run_conf=None if conf is None else dict(conf))
    states = [TaskState(ti.task_id, ti.map_index, str(ti.state), ti.try_number) for ti in ended.get_task_instances()]
    order = {name: number for number, name in enumerate(dag.task_dict)}
    found = str(ended.run_id)
    return Run(
        dag_id=dag.dag_id,
        run_id=found,
        state=str(ended.state),
        instances=sorted(states, key=lambda each: (order.get(each.task, 0), each.map_index)),
        attempts=recorder.attempts,
        read_xcom=lambda task, key: _xcom(dag.dag_id, found, task, key),
    )


def _moment(when: str | date | None) -> datetime | None:
    if when is None:
        return None
    if when == NOW:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(when) if isinstance(when, str) else when
    except ValueError:
        raise ValueError(f"logical_date={when!r}: give a date or a time, such as 2026-01-01") from None
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _xcom(dag_id: str, run_id: str, task: str, key: str) -> dict[int, Any]:
    from sqlalchemy import select

    model = import_module("airflow.models.xcom").XComModel
    backend = import_module("airflow.sdk.execution_time.xcom").XCom
    wanted = select(model.map_index, model.value).where(
        model.dag_id == dag_id, model.run_id == run_id, model.task_id == task, model.key == key
    )
    with import_module("airflow.utils.session").create_session() as session:
        found = dict(session.execute(wanted).all())
    return {index: backend.deserialize_value(SimpleNamespace(value=value)) for index, value in found.items()}
