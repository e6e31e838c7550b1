"""The handle as a whole: what happened, and the stub it belongs to."""

from __future__ import annotations

import http.client
import json

import pytest

from orchestrator_stub.testing import StubHandle
from orchestrator_stub.testing.exchange import StubError

META = {"airflow-dag-id": "etl", "airflow-task-id": "clean", "airflow-run-id": "r1", "airflow-map-index": "-1"}


def test_a_double_submit_is_seen(bacalhau_stub, submit):
    """Work that is done twice would look like work that is done once."""
    submit(Meta=META, Labels={"team": "a"})
    assert bacalhau_stub.submissions(dag="etl", task="clean") == 1
    submit(Meta=META, Labels={"team": "b"})
    submit(Meta=META | {"airflow-task-id": "train", "airflow-map-index": "2"})
    assert bacalhau_stub.submissions(dag="etl", task="clean") == 2
    assert bacalhau_stub.submissions(dag="etl") == 3
    assert bacalhau_stub.submissions(run="other") == 0
    assert bacalhau_stub.submissions(label="team") == 2
    assert {key: len(ids) for key, ids in bacalhau_stub.submitted().items()} == {"etl/clean/r1": 2, "etl/train/r1/2": 1}


def test_a_submit_whose_answer_was_lost_counts(bacalhau_stub, submit):
    """The one double submit that matters most would not be seen."""
    bacalhau_stub.fault("PUT", "*/jobs", "drop_reply")
    with pytest.raises((OSError, http.client.HTTPException)):
        submit(Meta=META)
    submit(Meta=META)
    assert bacalhau_stub.submissions(dag="etl", task="clean", run="r1") == 2


def test_the_journal_is_of_the_clients(bacalhau_stub, submit, look):
    """A test would count the looks of the handle itself."""
    job_id = submit()
    bacalhau_stub.jobs()
    look(f"/api/v1/orchestrator/jobs/{job_id}")
    look("/api/v1/agent/alive")
    journal = bacalhau_stub.journal()
    assert [(entry.method, entry.status, entry.jobs) for entry in journal] == [
        ("PUT", 200, (job_id,)),
        ("GET", 200, (job_id,)),
        ("GET", 200, ()),
    ]
    assert [entry.seq for entry in bacalhau_stub.journal(job=job_id)] == [journal[0].seq, journal[1].seq]
    assert bacalhau_stub.journal(since=journal[1].seq) == journal[2:]


@pytest.mark.parametrize("bacalhau_stub_flags", [["--emulate", each] for each in ("docs", "1.5.2", "1.9.3")])
def test_jobs_and_executions_of_every_release(bacalhau_stub, submit):
    """A handle would know one release only."""
    jobs = [submit(), submit(Namespace="etl")]
    assert [job["ID"] for job in bacalhau_stub.jobs()] == jobs
    assert [job["ID"] for job in bacalhau_stub.jobs(namespace="etl")] == jobs[1:]
    assert len(bacalhau_stub.executions(jobs[0])) == 1


def test_a_reset_is_a_new_beginning(bacalhau_stub, submit):
    """A stub could not be used for one scenario after the other."""
    bacalhau_stub.on(image="never:1").exit(0)
    bacalhau_stub.fault("GET", "*/never", "reset")
    with pytest.raises(AssertionError):
        assert bacalhau_stub.unused() == []
    submit()
    bacalhau_stub.reset()
    assert bacalhau_stub.unused() == bacalhau_stub.jobs() == bacalhau_stub.journal() == []
    bacalhau_stub.on(image="acme/clean").exit(0)
    submit()
    assert bacalhau_stub.unused() == []


def test_what_was_not_needed_is_named(bacalhau_stub, submit):
    """A test would prove less than it says."""
    bacalhau_stub.on(image="acme/clean").exit(0)
    bacalhau_stub.on(image="acme/claen").exit(0)
    bacalhau_stub.on(image="acme/rare", optional=True).exit(0)
    bacalhau_stub.fault("GET", "*/jobs", "reset")
    bacalhau_stub.fault("GET", "*/nodes", "reset", optional=True)
    submit()
    assert bacalhau_stub.unused() == [
        "script never played: on(image='acme/claen').exit(0)",
        "fault never met: fault('GET', '*/jobs', 'reset', nth=1, times=1)",
    ]
    bacalhau_stub.reset()


def test_the_environment_leads_to_the_stub(bacalhau_stub):
    """Airflow, or Bacalhau's own program, would talk to another server."""
    variables = bacalhau_stub.environment()
    connection = json.loads(variables["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    assert bacalhau_stub.url == f"http://{connection['host']}:{connection['port']}"
    assert connection["extra"]["webui_url"] == f"{bacalhau_stub.url}/stub/#/jobs/{{job_id}}"
    assert bacalhau_stub.info["s3"]["endpoint"] in variables["AIRFLOW_CONN_AWS_DEFAULT"]


def test_any_running_stub_can_be_taken_in_hand(bacalhau_stub, submit):
    """Only stubs of this process could be used."""
    other = StubHandle(f"{bacalhau_stub.url}/")
    other.on(image="acme/clean").exit(4)
    job_id = submit()
    assert other.executions(job_id)[0]["RunOutput"]["ExitCode"] == 4
    assert other.unused() == []
    other.close()


def test_a_stub_that_ended_is_one_sentence():
    """A handle kept too long would fail with a traceback of sockets."""
    with pytest.raises(StubError, match="no stub answers at http://127.0.0.1:1: "):
        StubHandle("http://127.0.0.1:1").jobs()
