"""Reading a job."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.job import Job


def test_a_recorded_job_is_read(recorded, release):
    """A job of one of the releases would come out with holes."""
    body = recorded(release, "06", "wait")["Job"]
    job = Job.read(body)
    assert job.state == "Completed"
    assert job.is_terminal
    assert (job.id, job.name, job.namespace, job.type) == (body["ID"], body["ID"], "default", "batch")
    assert (job.priority, job.count, job.labels["k"], job.meta["m"]) == (5, 1, "v", "1")
    assert (job.version, job.revision) == (body["Version"], body["Revision"])
    assert job.create_time == body["CreateTime"] > 10**18
    assert job.engine == "wasm"


def test_a_recorded_job_comes_back_as_it_was(recorded, release):
    """A hook method would return something else than the server's own words."""
    body = recorded(release, "06", "wait")["Job"]
    assert Job.read(body).to_plain() == body


def test_the_reason_of_a_stop_is_kept(recorded, release):
    """The author of a stop would be unknown: the reason is the only place for it."""
    job = Job.read(recorded(release, "21", "immediately")["Job"])
    assert job.state == "Stopped"
    assert job.state_message
    assert job.to_plain()["State"]["Message"] == job.state_message


def test_the_documents_job_is_read(page):
    """The job that the user's document prints would not be readable."""
    job = Job.read(page["describe_job"]["Job"])
    assert job.name == "A sample job"
    assert job.state == "Completed"
    assert job.create_time == 1695883778909107178
    assert job.tasks[0]["Timeouts"] == {"ExecutionTimeout": 1800}
    assert job.engine == "docker"


def test_resources_are_read_in_both_spellings():
    """The real 1.1.0 calls them ResourcesConfig (FINDINGS-1.1.0 1)."""
    job = Job.read({"ID": "j-1", "Tasks": [{"Name": "main", "ResourcesConfig": {"CPU": "1"}}]})
    assert job.tasks == [{"Name": "main", "Resources": {"CPU": "1"}}]


def test_a_bare_job_is_read_with_defaults(page):
    """The document's list prints jobs with nothing but an id."""
    job = Job.read(page["list_jobs"]["Jobs"][0])
    assert (job.state, job.labels, job.tasks, job.engine) == ("Undefined", {}, [], "")
    assert not job.is_terminal


def test_unknown_fields_states_and_nulls_do_not_break_a_read():
    """An upgraded server would make every running task fail."""
    job = Job.read(
        {
            "ID": "j-1",
            "New": {"x": 1},
            "Labels": None,
            "Meta": {"n": 1},
            "State": {"StateType": "Paused", "Message": None},
        }
    )
    assert (job.state, job.labels, job.meta) == ("Paused", {}, {"n": "1"})


@pytest.mark.parametrize(
    "body", [None, [], {}, {"ID": None}, {"ID": "j-1", "Count": "many"}, {"ID": "j-1", "Tasks": 3}]
)
def test_what_is_no_job_is_refused(body):
    """Nonsense would be taken for a job in an unknown state and waited for."""
    with pytest.raises((ValueError, TypeError)):
        Job.read(body)
