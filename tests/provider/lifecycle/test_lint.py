"""Rules over a spec and over a task: each cries where it should, and nowhere else."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.lifecycle.lint import TaskFacts, lint_spec, lint_task, made_up_at_parse, value_at
from airflow_provider_bacalhau.lifecycle.templates import UNKNOWN

S3 = {"Type": "s3", "Params": {"Bucket": "b", "Key": "x/{jobID}/{executionID}"}}


def spec(*, image="acme/clean:1.4", total=1800, **fields):
    """A job that nothing can be said against."""
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": image}}, "Publisher": S3}
    task["ResultPaths"] = [{"Name": "outputs", "Path": "/outputs"}]
    if total:
        task["Timeouts"] = {"TotalTimeout": total}
    return {"Type": "batch", "Count": 1, "Tasks": [task | fields.pop("task", {})], **fields}


def said(**facts):
    """Level and beginning of what is said about a task."""
    facts.setdefault("spec", spec())
    return [(one.level, one.text[:40]) for one in lint_task(TaskFacts(**facts))]


def test_a_good_task_is_left_alone():
    """A linter that cries at good DAGs is switched off."""
    given = {"env": {"DAY": "{{ ds }}"}, "publisher": "s3://b/{{ ts }}/{jobID}", "command": ["{{ run_id }}"]}
    assert said(given=given, retries=3, deferrable=True, scheduled=True, xcom_value="result") == []


def test_problems_of_the_spec_keep_their_path():
    """An error would be shown at the first line of the file."""
    (one,) = lint_spec(spec(task={"Resources": {"Memory": "4 potatoes"}}))
    assert (one.level, one.path) == ("error", "Tasks[0].Resources.Memory")


def test_advice_is_a_warning():
    """A key that the next run overwrites would fail the build, or go unseen."""
    shared = {"Type": "s3", "Params": {"Bucket": "b", "Key": "models"}}
    assert [one.level for one in lint_spec(spec(task={"Publisher": shared}))] == ["warning"]
    assert [one.level for one in lint_spec(spec(task={"Publisher": shared}, Count=3))] == ["error", "warning"]


def test_what_only_a_run_knows_is_not_judged():
    """`memory: {{ var.value.memory }}` would be called unreadable."""
    unknown = {"Resources": {"Memory": UNKNOWN}, "Publisher": {"Type": "s3", "Params": {"Bucket": "b", "Key": UNKNOWN}}}
    assert lint_spec(spec(task=unknown, image=UNKNOWN)) == []


@pytest.mark.parametrize(
    ("image", "cried"),
    [("acme/train", True), ("host:5000/train", True), ("acme/train:latest", True), ("host:5000/train:2", False), ("a@sha256:12", False), (f"acme/{UNKNOWN}", False)],
)
def test_an_image_without_a_version_is_named(image, cried):
    """Two tries of a task would run two programs."""
    assert bool(lint_spec(spec(image=image))) is cried


def test_values_that_change_between_tries():
    """A retry would restart the running job, each time, without a word before."""
    given = {"env": {"AT": "{{ macros.datetime.now() }}"}}
    assert said(given=given, retries=1) == [("warning", "env: macros.datetime.now changes with ev")]
    assert said(given=given) == [], "without retries there is nothing to adopt"


def test_values_that_python_makes_up():
    """`labels={"run": str(uuid4())}` is another spec in every process."""
    facts = TaskFacts(spec=spec(), given={"labels": {}}, retries=1)
    (one,) = made_up_at_parse(facts, {"labels": "uuid4()", "start_date": "datetime.now()"})
    assert one.text.startswith("labels: uuid4() is called whenever the DAG file is read")


def test_retries_that_throw_the_job_away():
    """durable=False looks like safety and restarts what runs well."""
    assert said(retries=2, durable=False) == [("warning", "durable=False with retries: a retry afte")]
    assert said(durable=False) == []


@pytest.mark.parametrize(
    ("facts", "cried"),
    [({}, True), ({"deferrable": True}, False), ({"on_kill_action": "leave"}, False), ({"waits": False}, False), ({"retries": 0}, False)],
)
def test_a_long_job_that_a_worker_waits_for(facts, cried):
    """Six hours of work would be lost to a rollout of the workers."""
    long = {"spec": spec(total=6 * 3600), "retries": 1}
    assert (("warning", "a long job waited for in a worker: a wor") in said(**long | facts)) is cried
    assert said(spec=spec(total=60), retries=1) == []


def test_services_pile_up():
    """Every run of the schedule would leave one more behind; the task itself refuses it."""
    service = spec(Type="service")
    assert said(spec=service, scheduled=True) == [("error", "every scheduled run would add one more s")]
    assert said(spec=service, scheduled=True, on_existing="new") == said(spec=service) == []


@pytest.mark.parametrize(
    ("facts", "cried"),
    [
        ({"spec": spec(total=None)}, True),
        ({"spec": spec(total=None), "waits": False, "execution_timeout": 60.0}, True),
        ({"spec": spec(total=None, task={"Timeouts": {"ExecutionTimeout": 60}})}, False),
        ({"spec": spec(total=None, Type="service")}, False),
        ({}, False),
    ],
)
def test_a_job_that_nobody_bounds(facts, cried):
    """When all of Airflow is gone, the job would run on for ever."""
    assert bool(said(**facts)) is cried


def test_one_result_of_many():
    """The task would fail after its job is done."""
    assert said(spec=spec(Count=2), xcom_value="result") == [("error", "xcom_value='result' wants one result, th")]
    bare = spec(task={"Publisher": None, "ResultPaths": None})
    assert said(spec=bare, xcom_value="result") == [("warning", "xcom_value='result' wants a result, but ")]
    assert said(spec=bare, xcom_value="result", unknown=("publisher",)) == []


def test_a_secret_is_named_by_its_path_also_when_a_run_brings_it():
    """A password would stand where everybody who may read jobs can read it."""
    def redact(value):
        if isinstance(value, dict):
            return {name: "***" if "PASSWORD" in name else redact(one) for name, one in value.items()}
        return [redact(one) for one in value] if isinstance(value, list) else value

    for secret, cried in (("hunter2", 1), (UNKNOWN, 1), ("env:DB_PASSWORD", 0)):
        found = lint_spec(spec(task={"Env": {"DB_PASSWORD": secret, "DAY": "x"}}), redact)
        assert [one.path for one in found] == ["Tasks[0].Env.DB_PASSWORD"] * cried
        assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("path", "value"),
    [("Type", "batch"), ("Tasks[0].Name", "main"), ("Tasks[7].Name", None), ("Nope.Name", None), ("", None)],
)
def test_paths_lead_into_a_spec(path, value):
    """A mark would be looked for in the wrong place."""
    assert value_at(spec(), path) == value
