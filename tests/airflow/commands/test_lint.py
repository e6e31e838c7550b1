"""`lint` as it is typed: lines, formats, exit status; and what it says to good DAGs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
JOB = """\
type: batch
count: 3
tasks:
  - name: main
    engine:
      type: docker
      params: {image: acme/train, parameters: "--day {{ ds }}"}
    resources:
      memory: 4 potatoes
    publisher: {type: s3, params: {bucket: b, key: models}}
"""
DAG = """\
from airflow.sdk import DAG
from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator

with DAG("etl", schedule=None) as dag:
    BacalhauDockerOperator(task_id="good", image="acme/good:1", total_timeout=60)

    BacalhauDockerOperator(
        task_id="bad", image="acme/bad", retries=1, total_timeout=60, env={"T": "{{ macros.datetime.now() }}"},
        publisher="s3://b/models", count=2)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The test's own folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_spec_file_is_annotated_line_by_line(here, command):
    """A user would have to look for the key."""
    (here / "job.yaml").write_text(JOB)
    status, out, _ = command("lint", "job.yaml")
    assert status == 1
    assert [re.match(r"job\.yaml:(\d+): (\w+): (\S+)", line).groups() for line in out.splitlines()[:-1]] == [
        ("7", "error", "Tasks[0].Engine.Params.Parameters:"),
        ("7", "warning", "Tasks[0].Engine.Params.image:"),
        ("9", "error", "Tasks[0].Resources.Memory:"),
        ("10", "error", "Tasks[0].Publisher.Params.Key:"),
        ("10", "warning", "Tasks[0].Publisher:"),
    ]
    assert out.splitlines()[-1] == "3 errors and 2 warnings; looked at 1 job"


def test_a_dag_file_is_annotated_at_its_operators(here, command):
    """A finding could not be told from one of another task."""
    (here / "etl.py").write_text(DAG)
    status, out, _ = command("lint", "etl.py")
    assert status == 1
    lines = out.splitlines()
    assert [line.split(": ")[:3] for line in lines[:-1]] == [
        ["etl.py:7", "error", "bad"], ["etl.py:7", "warning", "bad"], ["etl.py:7", "warning", "bad"], ["etl.py:7", "warning", "bad"],
    ]
    assert "is never adopted by a retry" in out
    assert lines[-1] == "1 error and 3 warnings; looked at 2 jobs"


def test_the_format_of_a_workflow(here, command):
    """The findings would not appear beside the lines of a pull request."""
    (here / "a,b.py").write_text(DAG)
    _, out, _ = command("lint", "a,b.py", "--format", "github")
    first = out.splitlines()[0]
    assert first.startswith("::error file=a%2Cb.py,line=7::bad: Tasks[0].Publisher.Params.Key: several executions")
    assert "looked at" not in out


def test_warnings_alone_do_not_fail(here, command):
    """A build would stop for advice."""
    (here / "job.json").write_text('{"Type": "batch", "Tasks": [{"Name": "m", "Engine": {"Type": "docker", "Params": {"Image": "a"}}}]}')
    assert command("lint", "job.json")[0] == 0


def test_a_secret_in_a_spec_is_shown_by_its_line_only(here, command):
    """A log of the build would tell the secret to even more people."""
    (here / "job.yaml").write_text(JOB.replace("4 potatoes", "4GB\n    env:\n      DB_PASSWORD: hunter2"))
    _, out, err = command("lint", "job.yaml")
    assert "job.yaml:11: warning: Tasks[0].Env.DB_PASSWORD: a secret" in out
    assert "env:NAME" in out
    assert "hunter2" not in out + err


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("job.yaml", "type: batch\ntasks: [\n", "job.yaml:3: error: neither YAML nor JSON"),
        ("job.yaml", "type: batch\nname: {{ ds\n", "job.yaml:2: error: the template cannot be read"),
        ("job.yaml", "- 1\n", "job.yaml:1: error: the document is a list"),
        ("job.yaml", "type: batch\nconstraints: a b c\n", "job.yaml:2: error: constraint 'a b c' cannot be read"),
        ("etl.py", "import os\nnope()\n", "etl.py:2: error: the file cannot be imported: NameError"),
    ],
)
def test_a_file_that_cannot_be_read_has_an_annotation_too(here, command, name, text, says):
    """A broken file would be a traceback."""
    (here / name).write_text(text)
    status, out, _ = command("lint", name)
    assert status == 1
    assert out.startswith(says), out


@pytest.mark.parametrize(("what", "says"), [("nope.yaml", "cannot be read: No such file"), ("nope.py", "cannot be read"), ("nope", "there is no DAG nope")])
def test_what_is_not_there_is_exit_2(here, command, monkeypatch, what, says):
    """A build would go on with nothing looked at."""
    bundle = '[{"name": "none", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"path": "%s"}}]'
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", bundle % here)
    status, out, err = command("lint", what)
    assert (status, out) == (2, "")
    assert says in err


def readme_dag(folder):
    """The README's DAG as a file."""
    source = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    file = folder / "readme.py"
    file.write_text(source)
    return file


def test_our_own_dags_have_no_error_and_only_warnings_that_are_true(tmp_path, command):
    """A rule that cries on a good DAG teaches to look away: jobs without any limit are all that is said of ours."""
    files = [*ROOT.glob("example_dags/*.py"), *ROOT.glob("tests/user_project/acme_etl/dags/*.py"), readme_dag(tmp_path)]
    assert len(files) >= 8
    for file in files:
        status, out, _ = command("lint", str(file))
        assert status == 0, out
        lines = out.splitlines()[:-1]
        assert [line for line in lines if "nobody ends the job when Airflow is gone" not in line] == []
