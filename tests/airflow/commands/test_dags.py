"""The jobs of a DAG file, before there is a run."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from airflow_provider_bacalhau.commands.dags import DagFileError, find_dag, job_tasks, read_file
from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN, is_unknown

HEAD = """\
from datetime import timedelta
from airflow.sdk import DAG, TaskGroup, task
from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator as Docker
from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator as Submit
from airflow_provider_bacalhau.operators.wasm import BacalhauWasmOperator as Wasm
with DAG("etl", schedule="@daily", params={"n": 2}, user_defined_macros={"team": "ada"}) as dag:
"""


@pytest.fixture
def tasks(tmp_path):
    """tasks(source of a DAG's body) -> {task id: JobTask}."""

    def read(body):
        file = tmp_path / "etl.py"
        file.write_text(HEAD + textwrap.indent(textwrap.dedent(body), "    "))
        return {one.task_id: one for dag in read_file(file).values() for one in job_tasks(dag)}

    return read


def engine(task):
    """Engine parameters of a task's job."""
    return task.facts.spec["Tasks"][0]["Engine"]["Params"]


def test_templates_are_rendered_with_what_a_dag_file_tells(tasks):
    """A spec would be judged with braces in it, or not at all."""
    one = tasks("Docker(task_id='a', image='acme/{{ team }}:{{ params.n }}', command=['{{ ds }}'], count='{{ params.n }}')")["a"]
    assert engine(one) == {"Image": "acme/ada:2", "Parameters": ["2026-01-01"]}
    assert one.facts.spec["Count"] == 2
    assert one.facts.unknown == ()
    assert one.facts.given["command"] == ["{{ ds }}"]
    assert one.facts.scheduled


def test_what_only_a_run_knows_is_named_and_does_no_harm(tasks):
    """A DAG with Variables could not be checked."""
    one = tasks("""Docker(task_id='a', image='acme/a:{{ var.value.tag }}', count='{{ var.value.n }}',
        inputs={'/in': "{{ ti.xcom_pull('x') }}", '/data': 's3://b/k'}, env='{{ var.json.env }}',
        resources={'memory': '{{ var.value.memory }}'}, constraints=['{{ var.value.where }}', 'region=eu'])""")["a"]
    assert one.problem == ""
    assert set(one.facts.unknown) == {"image", "count", "inputs", "env", "job_resources", "constraints"}
    spec = one.facts.spec
    assert (spec["Count"], len(spec["Constraints"])) == (1, 1)
    assert [one["Target"] for one in spec["Tasks"][0]["InputSources"]] == ["/data"]
    assert spec["Tasks"][0]["Resources"]["Memory"] == UNKNOWN


def test_another_jobs_result_becomes_an_input_of_its_kind(tasks):
    """A job would match nodes that cannot read what the job before it publishes."""
    found = tasks("""
        a = Docker(task_id='a', image='a:1', publisher='s3://b/{jobID}/{executionID}')
        Docker(task_id='b', image='a:1', inputs={'/in': a.output['bacalhau_job']})
        c = Docker(task_id='c', image='a:1', publisher='local')
        Docker(task_id='d', image='a:1', inputs={'/in': c.output})
        e = Docker(task_id='e', image='a:1')
        Docker(task_id='f', image='a:1', inputs={'/in': e.output})""")
    kinds = {name: [i["Source"]["Type"] for i in one.facts.spec["Tasks"][0].get("InputSources", ())] for name, one in found.items()}
    assert (kinds["b"], kinds["d"], kinds["f"]) == (["s3"], ["urlDownload"], [])
    assert found["f"].facts.unknown == ("inputs",)


def test_a_mapped_task_is_judged_by_its_first_item(tasks):
    """A mapped task would not be looked at."""
    found = tasks("""
        @task
        def items():
            return []
        with TaskGroup('g'):
            Docker.partial(task_id='a', image='a:1', retries=2).expand(command=[['x'], ['y']])
        Docker.partial(task_id='b', image='a:1').expand(command=items())
        Docker.partial(task_id='c').expand_kwargs(items())
        Submit.partial(task_id='d').expand(job_spec=items())
        Docker.partial(task_id='e').expand_kwargs([{'image': 'e:1'}])""")
    assert engine(found["g.a"]) == {"Image": "a:1", "Parameters": ["x"]}
    assert found["g.a"].facts.retries == 2
    assert found["b"].facts.unknown == ("command",)
    assert found["c"].facts is None
    assert found["d"].facts is None
    assert (found["c"].problem, found["d"].problem) == ("", "")
    assert engine(found["e"]) == {"Image": "e:1"}


def test_files_beside_the_dag_are_read_and_rendered(tasks, tmp_path):
    """`job_file` and modules would have to be linted apart."""
    (tmp_path / "job.yaml").write_text("Type: batch\nTasks:\n- Name: main\n  Engine: {Type: docker, Params: {Image: 'a:{{ ds }}'}}\n")
    (tmp_path / "a.wasm").write_bytes(b"\0asm")
    found = tasks("Submit(task_id='a', job_file='job.yaml')\nWasm(task_id='b', module='a.wasm')\nWasm(task_id='c', module='nope.wasm')")
    assert engine(found["a"])["Image"] == "a:2026-01-01"
    assert found["b"].facts.spec["Tasks"][0]["InputSources"][0]["Source"]["Type"] == "inline"
    assert "the module" in found["c"].problem


def test_limits_of_the_operator_are_in_the_spec(tasks):
    """A task with total_timeout would be told to set it."""
    found = tasks("Docker(task_id='a', image='a:1', total_timeout=timedelta(hours=1))\nDocker(task_id='b', image='a:1', execution_timeout=timedelta(hours=1))")
    assert found["a"].facts.spec["Tasks"][0]["Timeouts"] == {"TotalTimeout": 3600}
    assert found["b"].facts.spec["Tasks"][0]["Timeouts"] == {"TotalTimeout": 4200}
    assert found["b"].facts.execution_timeout == 3600


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("Docker(task_id='a', image='a:1', network='nope')", "network: 'nope' is unknown"),
        ("Docker(task_id='a', image='a:1', command='{{ ds')", "command: the template cannot be read"),
        ("Submit(task_id='a', job_spec='- 1')", "the document is a list"),
    ],
)
def test_a_spec_that_cannot_be_built_says_why(tasks, body, says):
    """The task would be left out and look healthy."""
    assert says in tasks(body)["a"].problem


def test_tasks_that_run_no_job_are_left_out(tasks):
    """A sensor would be told to name an image."""
    assert tasks("@task\ndef x(): pass\nx()") == {}


def test_a_file_that_breaks_says_in_which_line(tmp_path):
    """A user would get Airflow's traceback, or a DAG without tasks."""
    file = tmp_path / "broken.py"
    file.write_text("import os\n\nnope()\n")
    with pytest.raises(DagFileError, match="NameError: name 'nope' is not defined") as caught:
        read_file(file)
    assert caught.value.line == 3


def test_a_dag_is_found_by_its_id(monkeypatch, tmp_path):
    """`--dag etl` would need the file's path."""
    (tmp_path / "etl.py").write_text(HEAD + "    Docker(task_id='a', image='a:1')\n")
    (tmp_path / "bad.py").write_text("import airflow.sdk.DAG\n")
    monkeypatch.setenv(
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST",
        '[{"name": "mine", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"path": "%s"}}]' % tmp_path,
    )
    (one,) = job_tasks(find_dag("etl"))
    assert (one.dag_id, one.task_id, one.operator, one.file) == ("etl", "a", "BacalhauDockerOperator", tmp_path / "etl.py")
    with pytest.raises(ConfigError, match=r"there is no DAG nope .*bad\.py"):
        find_dag("nope")


@pytest.mark.parametrize("folder", ["example_dags", "tests/user_project/acme_etl/dags"])
def test_every_job_of_our_own_dags_can_be_built(folder):
    """The stand-ins would not be enough for ordinary DAGs."""
    files = sorted((Path(__file__).resolve().parents[3] / folder).glob("*.py"))
    found = [one for file in files for dag in read_file(file).values() for one in job_tasks(dag)]
    assert len(found) >= 4
    assert [one.task_id for one in found if one.facts is None or is_unknown(one.facts.spec.get("Type"))] == []
