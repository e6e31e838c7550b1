"""BacalhauDockerOperator: arguments to a docker job, and other tasks' results as its inputs."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator


def run(context, **arguments):
    """Run an operator, and say what it submitted."""
    op = BacalhauDockerOperator(task_id="clean", image="acme/clean:1.4", **arguments)
    op.execute(context(op))
    return op


def test_all_arguments_end_in_the_job(orchestrator, context):
    """An argument without effect is worse than one that is refused."""
    run(
        context,
        command=["python", "clean.py"],
        env={"DAY": "2026-01-01"},
        inputs={"/inputs": "s3://raw/sales/*?region=eu-west-1"},
        publisher="s3://clean/{jobID}/{executionID}?region=eu-west-1&encoding=plain",
        resources={"cpu": 2, "memory": "4GB"},
        constraints=["region in (eu-west-1,eu-north-1)", "!spot"],
        labels={"team": "etl"},
        meta={"cost": "low"},
        name="nightly",
    )
    job = orchestrator.only_job()
    task = job["Tasks"][0]
    assert task["Engine"]["Params"] == {"Image": "acme/clean:1.4", "Parameters": ["python", "clean.py"]}
    assert task["Env"] == {"DAY": "2026-01-01"}
    assert task["InputSources"][0]["Target"] == "/inputs"
    assert task["Publisher"]["Type"] == "s3"
    assert task["ResultPaths"] == [{"Name": "outputs", "Path": "/outputs"}]
    assert task["Resources"] == {"CPU": "2", "Memory": "4GB"}
    assert [one["Key"] for one in job["Constraints"]] == ["region", "spot"]
    assert job["Labels"]["team"] == "etl"
    assert job["Meta"]["cost"] == "low"
    assert job["Name"].startswith("nightly-")


def test_a_text_runs_in_a_shell(orchestrator, context):
    """Pipes and redirections would reach the program as words."""
    run(context, command="sort a | uniq")
    parameters = orchestrator.only_job()["Tasks"][0]["Engine"]["Params"]["Parameters"]
    assert parameters == ["sh", "-c", "sort a | uniq"]


def test_resources_can_be_templated_and_come_from_default_args():
    """Airflow's own `resources` knows other words and may not be templated."""
    with DAG("d", schedule=None, default_args={"resources": {"cpu": "{{ params.cpu }}"}}):
        op = BacalhauDockerOperator(task_id="a", image="x")
    assert op.job_resources == {"cpu": "{{ params.cpu }}"}
    assert op.resources is None
    assert "job_resources" in op.template_fields


def test_it_maps_over_commands_and_survives_serialisation():
    """One job per item is how a cluster is filled; the scheduler reads the serialised form."""
    from airflow.serialization import serialized_objects as objects

    with DAG("d", schedule=None) as dag:
        BacalhauDockerOperator.partial(task_id="a", image="x", resources={"cpu": 1}).expand(command=[["a"], ["b"]])
    codec = getattr(objects, "DagSerialization", objects.SerializedDAG)
    back = codec.from_dict(codec.to_dict(dag))
    assert back.get_task("a").operator_extra_links


def test_a_templated_count_is_a_number(orchestrator, context):
    """A rendered "1" would be refused by the server."""
    run(context, count="1")
    assert orchestrator.only_job()["Count"] == 1


@pytest.mark.parametrize("argument", ["job_spec", "job_file"])
def test_a_whole_spec_is_refused(argument):
    """One of the two descriptions would win silently."""
    with pytest.raises(ConfigError, match="BacalhauSubmitJobOperator"):
        BacalhauDockerOperator(task_id="a", image="x", **{argument: "x"})


def test_several_executions_must_not_write_one_object(orchestrator, context):
    """The last execution's result would be the only one left."""
    with pytest.raises(Exception, match=r"\{executionID\}"):
        run(context, count=3, publisher="s3://b/out/{jobID}")
    assert orchestrator.puts == 0


def test_another_tasks_output_is_an_input(orchestrator, context, spec):
    """Job -> job is the reason to have results at all."""
    first = orchestrator.add({**spec, "Name": "parts"}, "Pending")
    orchestrator.results[first["ID"]] = [
        {
            "Type": "s3PreSigned",
            "Params": {"PreSignedURL": "https://s3/x?sig=1", "SourceSpec": {"Bucket": "b", "Key": "k/"}},
        }
    ]
    orchestrator.become(first["ID"], "Completed")
    run(context, inputs={"/parts": {"job_id": first["ID"], "namespace": "default"}, "/ref": "s3://ref/x"})
    sources = list(orchestrator.jobs.values())[-1]["Tasks"][0]["InputSources"]
    assert [one["Target"] for one in sources] == ["/parts/0", "/ref"]
    assert sources[0]["Source"] == {"Type": "s3", "Params": {"Bucket": "b", "Key": "k/*"}}


def test_an_input_job_without_results_is_named(orchestrator, context, spec):
    """The job would run on nothing."""
    first = orchestrator.add({**spec, "Name": "parts"})
    with pytest.raises(ConfigError, match=r"/parts.*published nothing"):
        run(context, inputs={"/parts": first["ID"]})
