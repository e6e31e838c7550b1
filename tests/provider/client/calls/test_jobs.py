"""The calls of jobs: what goes out, and how answers are read."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bacalhau.client.calls import jobs
from airflow_provider_bacalhau.client.protocol import read_answer
from airflow_provider_bacalhau.errors import AuthError, BrokenContract, ConfigError, Rejected, ServerFault
from airflow_provider_bacalhau.models.capabilities import Capabilities

JOBS = "/api/v1/orchestrator/jobs"
PAGE = Capabilities.from_version("v1.1.0")
NEWEST = Capabilities.from_version("v1.9.3")


def test_submit_sends_the_job_and_is_never_repeated():
    """A repeated submit makes a second job on every server up to 1.7."""
    call = jobs.submit({"Name": "x"})
    assert (call.method, call.path, call.body, call.idempotent) == ("PUT", JOBS, {"Job": {"Name": "x"}}, False)
    assert jobs.submit({}, force=True).body == {"Job": {}, "Force": True}


def test_every_other_call_may_be_repeated():
    """A lost answer to a read or a stop would fail a task."""
    calls = [
        jobs.get("j"),
        jobs.describe("j"),
        jobs.list_jobs(NEWEST),
        jobs.stop("j"),
        jobs.get_history("j"),
        jobs.get_executions("j"),
        jobs.get_results("j"),
        jobs.check_submit(),
    ]
    assert all(call.idempotent for call in calls)


def test_stop_gives_its_reason_in_both_places():
    """Released servers read the body only, the user's document names a query parameter."""
    call = jobs.stop("j-1", reason="airflow 1.1 on_kill", namespace="etl")
    assert (call.method, call.path) == ("DELETE", f"{JOBS}/j-1")
    assert call.body == {"reason": "airflow 1.1 on_kill"}
    assert call.query == (("reason", "airflow 1.1 on_kill"), ("namespace", "etl"))


def test_stop_without_reason_still_sends_a_body():
    """A DELETE without body would carry no Content-Type."""
    assert jobs.stop("j-1").body == {"reason": ""}
    assert jobs.stop("j-1").query == ()


@pytest.mark.parametrize(
    ("asked", "released", "page"),
    [
        ("create_time", "created_at", "create_time"),
        ("created_at", "created_at", "create_time"),
        ("modify_time", "modified_at", "modify_time"),
        ("modified_at", "modified_at", "modify_time"),
        ("id", "id", "id"),
        (None, None, None),
    ],
)
def test_each_server_gets_its_own_word_for_an_order(asked, released, page):
    """A released server answers 500 to `create_time`, the document's knows nothing else."""
    for facts, word in ((NEWEST, released), (PAGE, page)):
        assert dict(jobs.list_jobs(facts, order_by=asked).query).get("order_by") == word


def test_list_sends_every_parameter_of_the_document():
    """A parameter would be dropped on the way."""
    call = jobs.list_jobs(
        PAGE, namespace="*", labels=["a=1", "b"], limit=3, next_token="t", order_by="id", reverse=True
    )
    assert call.query == (
        ("namespace", "*"),
        ("labels", "a=1"),
        ("labels", "b"),
        ("limit", "3"),
        ("next_token", "t"),
        ("order_by", "id"),
        ("reverse", "true"),
    )


def test_history_sends_every_parameter_of_the_document():
    """A filter would be dropped on the way."""
    window = jobs.Window(1695883778.9, "execution", "e-1", "Qm1", 5, "t")
    assert jobs.get_history("j-1", window).query == (
        ("since", "1695883778"),
        ("event_type", "execution"),
        ("execution_id", "e-1"),
        ("node_id", "Qm1"),
        ("limit", "5"),
        ("next_token", "t"),
    )


def test_an_unknown_event_type_is_refused_before_sending():
    """The server's answer would be a validator's message in Go."""
    with pytest.raises(ConfigError, match="all, job or execution"):
        jobs.get_history("j-1", jobs.Window(event_type="jobs"))


def test_executions_send_every_parameter_of_the_document():
    """A parameter would be dropped; `create_time` is read by each release here."""
    call = jobs.get_executions("j-1", limit=2, next_token="t", order_by="created_at", reverse=True, namespace="n")
    assert call.query == (
        ("limit", "2"),
        ("next_token", "t"),
        ("order_by", "create_time"),
        ("reverse", "true"),
        ("namespace", "n"),
    )


def test_logs_are_followed_unless_told_otherwise():
    """The booleans appear only when true (fact sheet 11.1)."""
    assert jobs.logs("j-1").query == (("follow", "true"),)
    assert jobs.logs("j-1", follow=False, tail=True, execution_id="e-1", namespace="n").query == (
        ("execution_id", "e-1"),
        ("tail", "true"),
        ("namespace", "n"),
    )


@pytest.mark.parametrize(
    ("job_id", "path"), [("a/b", "a%2Fb"), ("a b?c#d", "a%20b%3Fc%23d"), ("j-1/../nodes", "j-1%2F..%2Fnodes")]
)
def test_ids_and_names_are_quoted(job_id, path):
    """A name with a slash or a question mark would reach another route."""
    assert jobs.get(job_id).path == f"{JOBS}/{path}"


@pytest.mark.parametrize("job_id", ["", ".", ".."])
def test_an_id_that_would_reach_another_route_is_refused(job_id):
    """An empty id would list or, with DELETE, hit the collection."""
    for make in (jobs.get, jobs.stop, jobs.get_results, jobs.logs):
        with pytest.raises(ConfigError, match="job id is needed"):
            make(job_id)


@pytest.mark.parametrize("release", ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"])
def test_describe_reads_all_in_one_answer(recorded, release):
    """Released servers would be asked three times for what they send at once."""
    described = read_answer(jobs.describe("j"), recorded(release, "06", "include-2"), NEWEST)
    assert described.missing() is None
    job, executions, history = described.parts()
    assert job.state == "Completed"
    assert [one.compute_state for one in executions] == ["Completed"]
    assert [item.seq for item in history] == [1, 2, 3, 4, 5, 6]


def test_describe_asks_for_the_rest_where_include_is_unknown(answer):
    """The document's server ignores `include`: executions and history would be missing, by the full id."""
    described = read_answer(jobs.describe("j-1"), answer(200, {"Job": {"ID": "j-1234"}}), PAGE)
    first = described.missing()
    assert first.path == f"{JOBS}/j-1234/executions"
    body = {"NextToken": "", "Executions": [{"ID": "e-1", "ComputeState": {"StateType": 7}}]}
    described = read_answer(first, answer(200, body), PAGE)
    second = described.missing()
    assert second.path == f"{JOBS}/j-1234/history"
    described = read_answer(second, answer(200, {"NextToken": "", "History": []}), PAGE)
    assert described.missing() is None
    assert [one.compute_state for one in described.parts()[1]] == ["Completed"]


def test_the_check_passes_when_the_empty_submit_is_refused_for_being_empty(recorded):
    """A connection that may submit would be reported as one that may not."""
    for release in ("1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"):
        refusal = recorded(release, "26", "no-job")
        assert refusal.status == 400
        assert "empty/nil job" in json.loads(refusal.body)["Message"]
        assert read_answer(jobs.check_submit(), refusal, NEWEST) is None


@pytest.mark.parametrize("release", ["1.7.0", "1.8.0", "1.9.3"])
def test_the_check_fails_without_the_right_to_submit(recorded_auth, release):
    """A connection that may only read would be reported as good."""
    for step in ("anon-submit", "reader-stop", "bad-bearer-wrong"):
        with pytest.raises(AuthError):
            read_answer(jobs.check_submit(), recorded_auth(release, step), NEWEST)


def test_the_check_fails_on_everything_else(answer):
    """A broken server or a proxy would pass for a server that takes jobs."""
    for status, body, error in ((500, {"Message": "x"}, ServerFault), (413, {"Message": "x"}, Rejected)):
        with pytest.raises(error):
            read_answer(jobs.check_submit(), answer(status, body), NEWEST)
    with pytest.raises(BrokenContract):
        read_answer(jobs.check_submit(), answer(200, {"JobID": "j-1"}), NEWEST)
