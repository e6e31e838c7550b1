"""BacalhauGetResultsOperator: what jobs published, brought to one place."""

from __future__ import annotations

import io
import tarfile

import pytest

from airflow_provider_bacalhau.errors import ConfigError, ResultError
from airflow_provider_bacalhau.operators.results import BacalhauGetResultsOperator


def archive(**files):
    """A result archive as a node publishes it."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return data.getvalue()


@pytest.fixture
def published(orchestrator, spec, served):
    """A finished job whose result a node serves."""
    job = orchestrator.add({**spec, "Name": "a"}, "Pending")
    url = served(archive(stdout=b"hi\n", outputs__a=b"1\n"), name=f"e-{job['ID'][2:]}.tar.gz")
    orchestrator.results[job["ID"]] = [{"Type": "urlDownload", "Params": {"URL": url}}]
    orchestrator.become(job["ID"], "Completed")
    return job


def run(context, **arguments):
    """Fetch results."""
    op = BacalhauGetResultsOperator(task_id="fetch", **arguments)
    return op.execute(context(op))


def test_a_folder_gets_the_files(context, published, tmp_path):
    """The data would stay on the nodes."""
    written = run(context, job=published["ID"], target=str(tmp_path / "out"))
    assert sorted(path.rpartition("/")[2] for path in written) == ["a", "stdout"]
    assert any((tmp_path / "out").rglob("a"))


def test_only_what_is_wanted_comes(context, published, tmp_path):
    """Gigabytes would be copied for one file."""
    written = run(
        context, job={"job_id": published["ID"]}, target=str(tmp_path / "o"), only=["outputs/**"], layout="merged"
    )
    assert written == [str(tmp_path / "o" / "outputs" / "a")]
    assert (tmp_path / "o" / "outputs" / "a").read_text() == "1\n"


def test_nothing_published_is_an_error_unless_allowed(context, orchestrator, spec, tmp_path):
    """An empty folder would look like a good result."""
    job = orchestrator.add({**spec, "Name": "a"})
    with pytest.raises(ResultError, match="published nothing"):
        run(context, job=job["ID"], target=str(tmp_path / "o"))
    assert run(context, job=job["ID"], target=str(tmp_path / "o"), allow_empty=True) == []


def test_a_relative_target_is_refused(context, published):
    """Files would land in a worker's working directory."""
    with pytest.raises(ConfigError, match="absolute folder"):
        run(context, job=published["ID"], target="out")
