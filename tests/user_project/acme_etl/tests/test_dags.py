"""DAGs of the project, broken on purpose."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_bacalhau.errors import BacalhauJobFailed
from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator
from airflow_provider_bacalhau.testing import RunDag
from orchestrator_stub.testing import StubHandle


def clean_succeeds(stub: StubHandle) -> None:
    """The first half of the DAG `etl`."""
    stub.s3.put("s3://acme-raw/sales/2026-01-01/a.csv", b"id\n1\n")
    stub.on(task="clean").file("outputs/clean.csv", b"id\n1\n").exit(0)


def test_a_job_of_six_hours_takes_two_looks(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """A test would take as long as the job."""
    clean_succeeds(bacalhau_stub)
    train = bacalhau_stub.on(task="train").after("6h").exit(0)
    before = bacalhau_stub.clock.now
    run = run_dag("dags/etl.py", logical_date="2026-01-01")
    assert run.tasks == {"clean": "success", "train": "success"}, run.explain()
    assert train.hits == 1
    assert timedelta(hours=6) <= bacalhau_stub.clock.now - before < timedelta(hours=7)
    (job_id,) = bacalhau_stub.submitted(task="train").popitem()[1]
    looks = [entry for entry in bacalhau_stub.journal(job=job_id) if entry.path.endswith(job_id)]
    assert 2 <= len(looks) <= 5


def test_a_program_that_always_dies_fails_the_run(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """A training that ran out of memory twice would look like a success."""
    clean_succeeds(bacalhau_stub)
    bacalhau_stub.on(task="train").err("Killed").after("4s").exit(137)
    run = run_dag("dags/etl.py", logical_date="2026-01-01")
    assert run.state == "failed"
    assert run.tries("train") == 2
    error = run.error("train")
    assert isinstance(error, BacalhauJobFailed)
    assert error.exit_codes == (137,)
    assert "exit code 137" in run.explain()


def test_an_image_that_cannot_be_started_is_named(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """An engine's complaint would be lost between the cluster and the task."""
    bacalhau_stub.s3.put("s3://acme-raw/sales/2026-01-01/a.csv", b"")
    bacalhau_stub.on(image="acme/clean").fail("manifest for acme/clean:1.4 not found")
    run = run_dag("dags/etl.py", logical_date="2026-01-01")
    assert run.tasks == {"clean": "failed", "train": "upstream_failed"}
    assert "manifest for acme/clean:1.4 not found" in run.explain()


def test_a_lost_node_is_replaced(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """A machine that dies would take the run with it."""
    clean_succeeds(bacalhau_stub)
    bacalhau_stub.on(task="train", attempt=1).after("10m").node_lost()
    bacalhau_stub.on(task="train").after("40m").exit(0)
    run = run_dag("dags/etl.py", logical_date="2026-01-01")
    assert run.state == "success", run.explain()
    assert run.tries("train") == 1
    assert bacalhau_stub.submissions(dag="etl", task="train") == 1


def test_a_fan_out_is_submitted_once_for_each_item(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """Answers that get lost would start jobs twice."""
    bacalhau_stub.on(task="count").log("14").exit(0)
    bacalhau_stub.fault("PUT", "*/jobs", "drop_reply", times=2)
    run = run_dag("dags/regions.py")
    assert run.state == "success", run.explain()
    assert run.xcom("report") == 42
    assert run.xcom("count", key="exit_codes") == [[0], [0], [0]]
    assert [len(jobs) for jobs in bacalhau_stub.submitted(dag="regions").values()] == [1, 1, 1]


def test_one_region_fails_and_is_tried_again(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """One bad item would fail its siblings, or never be tried again."""
    bacalhau_stub.on(task="count", label={"airflow-map": "1"}, attempt=1).exit(2)
    bacalhau_stub.on(task="count").log("1").exit(0)
    run = run_dag("dags/regions.py", conf={"regions": ["eu", "us"]}, run_id="by-hand")
    assert run.state == "success", run.explain()
    assert run.run_id == "by-hand"
    assert (run.tries("count", map_index=0), run.tries("count", map_index=1)) == (1, 2)


def test_a_sensor_waits_for_a_job_of_the_night(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """A sensor's minutes would be real ones."""
    bacalhau_stub.on(image="acme/nightly").after("2h").file("outputs/report.txt", "all well\n").exit(0)
    run = run_dag("dags/nightly.py", logical_date="2026-02-03")
    assert run.state == "success", run.explain()
    assert bacalhau_stub.s3.read("s3://acme-reports/2026-02-03/outputs/report.txt") == b"all well\n"


def test_an_orchestrator_that_is_away_for_a_while_costs_nothing(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """A restart of the cluster's API would fail every run."""
    clean_succeeds(bacalhau_stub)
    bacalhau_stub.on(task="train").after("1h").exit(0)
    bacalhau_stub.fault("GET", "*/jobs/*", "status", status=503, nth=2, times=3)
    bacalhau_stub.fault("GET", "*/jobs/*", "reset", nth=8)
    run = run_dag("dags/etl.py", logical_date="2026-01-01")
    assert run.state == "success", run.explain()


def test_a_dag_made_in_a_test(bacalhau_stub: StubHandle, run_dag: RunDag) -> None:
    """An operator could not be tried without a file."""
    bacalhau_stub.on(image="busybox").log("hello").exit(0)
    with DAG("made_here", schedule=None) as dag:
        BacalhauDockerOperator(task_id="hello", image="busybox:1.36", command="echo hello", xcom_value="stdout")
    run = run_dag(dag)
    assert run.xcom("hello") == "hello"
    assert "Submitted Bacalhau job" in run.logs("hello")
