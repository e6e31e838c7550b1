"""What waiting clients rely on: a history's token is empty exactly when nothing can come any more (fact sheet 7.3)."""

from __future__ import annotations

import base64

from cli import JOBS
from go_types import TERMINAL_JOB
from job_specs import docker_job, shell_job
from programs import with_partitions


def parts(token):
    """Order, direction, limit and offset of a token."""
    order, direction, limit, offset = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().split(":")
    return order, direction, int(limit), int(offset)


def page(cli, job_id, token="", **query):
    """One look as the progress loop takes it."""
    return cli.job_history(job_id, limit=10, next_token=token, **query)


def state(cli, job_id):
    """State of the job now."""
    return cli._get_job(job_id)["State"]["StateType"]


def test_the_token_is_empty_exactly_when_the_job_is_over(cli):
    """Clients would stop too early, or wait for ever."""
    job_id = cli.docker_run(docker_job("sleep", "0.5"), wait=False).job_id
    token, seen, looks = "", [], 0
    while True:
        before = state(cli, job_id)
        answer = page(cli, job_id, token)
        after = state(cli, job_id)
        looks += 1
        seen += answer["Items"]
        if answer["NextToken"]:
            assert before not in TERMINAL_JOB
            assert parts(answer["NextToken"]) == ("", "N", 10, seen[-1]["SeqNum"] + 1)
        else:
            assert after in TERMINAL_JOB
            break
        token = answer["NextToken"]
    assert looks > 3
    assert [item["SeqNum"] for item in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1]["Event"]["Message"] == "Completed"


def test_an_empty_page_repeats_its_token(cli):
    """A client that follows the token would skip what comes next."""
    job_id = cli.job_run(docker_job("sleep", "30", kind="service")).job_id
    first = page(cli, job_id)
    again = page(cli, job_id, first["NextToken"])
    assert again == {"NextToken": first["NextToken"], "Items": []}
    assert page(cli, job_id, again["NextToken"]) == again
    cli.job_stop(job_id)
    rest = page(cli, job_id, again["NextToken"])
    assert rest["Items"][0]["Event"]["Message"] == "Job requested to stop before completion"


def test_pages_meet_without_gap_or_overlap(cli):
    """`job history --limit 2 --next-token ...` would lose events."""
    run = cli.docker_run(docker_job("true"))
    shown, token = [], ""
    while True:
        answer = cli.job_history(run.job_id, limit=2, next_token=token)
        shown.append([item["SeqNum"] for item in answer["Items"]])
        token = answer["NextToken"]
        if not token:
            break
    assert shown == [[1, 2], [3, 4], [5, 6]]


def test_a_token_without_limit_keeps_none(cli):
    """The next page would be cut to nothing."""
    job_id = cli.job_run(docker_job("sleep", "30", kind="service")).job_id
    token = cli.job_history(job_id)["NextToken"]
    assert parts(token)[2] == 0
    cli.job_stop(job_id)
    assert cli.job_history(job_id, next_token=token)["Items"]


def test_a_waiting_job_keeps_its_token(cli):
    """A client would take a job that waits for a node for one that is over."""
    constraint = {"Key": "region", "Operator": "=", "Values": ["mars"]}
    spec = docker_job("true", Constraints=[constraint], task={"Timeouts": {"QueueTimeout": 600}})
    job_id = cli.docker_run(spec, wait=False).job_id
    assert state(cli, job_id) == "Queued"
    answer = page(cli, job_id)
    assert [item["Event"]["Topic"] for item in answer["Items"]] == ["Submission", "Queueing"]
    assert answer["NextToken"]
    assert page(cli, job_id, answer["NextToken"]) == {"NextToken": answer["NextToken"], "Items": []}
    cli.job_stop(job_id)


def test_a_stopped_job_s_history_ends(cli):
    """A client that waits for a job that somebody else stops would never return."""
    job_id = cli.job_run(docker_job("sleep", "30", kind="service")).job_id
    cli.job_stop(job_id)
    events = list(cli._events(job_id, 0))
    assert "Job requested to stop before completion" in [event["Event"]["Message"] for event in events]


@with_partitions
def test_an_execution_s_history_ends_with_it(cli):
    """Who watches one of several executions would wait for the others."""
    script = 'test "$BACALHAU_PARTITION_INDEX" = 0 || sleep 30'
    job_id = cli.docker_run(shell_job(script, Count=2), wait=False).job_id
    while not (done := [each for each in cli.job_executions(job_id) if each["ComputeState"]["StateType"] == 9]):
        pass
    (live,) = [each for each in cli.job_executions(job_id) if each["ComputeState"]["StateType"] == 5]
    assert page(cli, job_id, execution_id=done[0]["ID"])["NextToken"] == ""
    assert page(cli, job_id, execution_id=live["ID"])["NextToken"]
    assert page(cli, job_id)["NextToken"]
    cli.job_stop(job_id)


def test_described_history_has_no_token_even_while_the_job_runs(cli):
    """`include=history` is one page; a client that follows its token would read the same page for ever."""
    job_id = cli.job_run(docker_job("sleep", "30", kind="service")).job_id
    described = cli.job_describe(job_id)
    assert described["History"]["Items"]
    assert (described["History"]["NextToken"], described["Executions"]["NextToken"]) == ("", "")
    cli.job_stop(job_id)


def test_a_running_job_has_no_results_yet(cli):
    """A client that asks too early would take an error for the end."""
    job_id = cli.docker_run(docker_job("sleep", "30", task={"Publisher": {"Type": "local"}}), wait=False).job_id
    assert cli.job_results(job_id) == []
    cli.job_stop(job_id)


def test_include_takes_blanks_doubles_and_strangers(cli):
    """Programs of other releases ask with other words."""
    run = cli.docker_run(docker_job("true"))
    whole = cli.job_describe(run.job_id)
    body = cli.wire.get(
        f"{JOBS}/{run.job_id}", lambda value, at: value, {"include": " history , executions,nonsense,history"}
    )
    assert body == whole
