"""Every example DAG runs, and does what its text says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import wasmtime

EXAMPLES = Path(__file__).resolve().parents[2] / "example_dags"


def test_the_program_is_what_its_source_says():
    """Users would read one program and run another."""
    source = (EXAMPLES / "programs" / "numbers.wat").read_text()
    assert bytes(wasmtime.wat2wasm(source)) == (EXAMPLES / "programs" / "numbers.wasm").read_bytes()


def test_the_demo_hands_a_result_from_job_to_job_and_back_into_airflow(stub, s3, run_file, look):
    """The main job: S3 in, a program, S3 out, the next job, the next task."""
    run = run_file(EXAMPLES / "bacalhau_demo.py")["bacalhau_demo"]
    assert run.state == "success", look.states(run)
    assert str(look.xcom(run, "bring_back")) == "30"
    result = look.xcom(run, "total", "result")
    assert re.fullmatch(r"s3://demo-results/total/j-[0-9a-f-]{36}/e-[0-9a-f-]{36}/", result)
    assert look.xcom(run, "total") == result
    bucket, key = result.removeprefix("s3://").split("/", 1)
    assert s3.get_object(Bucket=bucket, Key=f"{key}outputs/total.txt")["Body"].read() == b"30\n"
    handle = look.xcom(run, "squares", "bacalhau_job")
    assert handle["state"] == "Completed"
    assert handle["exit_codes"] == [0]
    assert look.xcom(run, "squares", "job_id") == handle["job_id"]
    assert look.xcom(run, "squares") == look.xcom(run, "squares", "results") == handle["results"]


def test_fire_and_forget_fetches_what_the_job_published(stub, s3, run_file, look):
    """A job that nobody waited for would be lost."""
    run = run_file(EXAMPLES / "bacalhau_fire_and_forget.py")["bacalhau_fire_and_forget"]
    assert set(look.states(run).values()) == {"success"}
    written = look.xcom(run, "fetch")
    assert len(written) == 1
    bucket, key = written[0].removeprefix("s3://").split("/", 1)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"1\n4\n9\n"


def test_the_fan_out_merges_what_five_jobs_published(stub, s3, run_file, look):
    """A mapped task's results would not reach the next job, or not in order."""
    run = run_file(EXAMPLES / "bacalhau_fan_out.py")["bacalhau_fan_out"]
    assert set(look.states(run).values()) == {"success"}
    assert str(look.xcom(run, "show")) == str(sum(n * n + (10 * n) ** 2 for n in range(1, 6)))
    jobs = {look.xcom(run, "squares", "job_id", map_index=i) for i in range(5)}
    assert len(jobs) == 5


def test_the_failing_job_shows_why_and_leaves_its_handle_behind(stub, run_file, look, caplog):
    """A failed task would leave nothing for the task that repairs or notifies."""
    run = run_file(EXAMPLES / "bacalhau_failing_job.py")["bacalhau_failing_job"]
    assert run.state == "success"
    assert look.states(run) == {"broken": "failed", "look": "success"}
    assert look.xcom(run, "look") == [3]
    assert look.xcom(run, "broken") is None


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_name_no_endpoint(path):
    """An example would only work against the stub, not against the cluster that the connection names."""
    assert not re.search(r"(?i)endpoint|127\.0\.0\.1|localhost", path.read_text().split('"""', 2)[2])
