"""`job list`, `describe`, `history`, `executions` and `stop`, as the program of each release reads the answers."""

from __future__ import annotations

import pytest
from job_specs import docker_job

LIVE = {"1.5.2": 3}
"""ComputeState of a running execution; BidAccepted (5) in all later releases."""
CANCELLED = 11


def test_list_shows_the_oldest_first_and_pages(cli):
    """`job list --limit 2 --next-token ...` would show jobs twice or lose some."""
    mark = {"Labels": {"list": f"of-{id(cli)}"}}
    ids = [cli.docker_run(docker_job("true", **mark), wait=False).job_id for _ in range(5)]
    labels, shown, token = f"list=of-{id(cli)}", [], ""
    while True:
        page = cli.job_list(limit=2, labels=labels, next_token=token)
        shown += [job["ID"] for job in page["Items"]]
        token = page["NextToken"]
        if not token:
            break
    assert shown == ids
    newest = cli.job_list(limit=2, labels=labels, reverse="true", order_by="created_at")
    assert [job["ID"] for job in newest["Items"]] == ids[:2:-1]


def test_list_as_it_is_typed_leaves_canaries_out(cli):
    """The program always asks for jobs that are no canaries."""
    canary = cli.docker_run(docker_job("true", Labels={"bacalhau_canary": "true"})).job_id
    plain = cli.docker_run(docker_job("true")).job_id
    listed = [job["ID"] for job in cli.job_list(limit=1000)["Items"]]
    assert plain in listed
    assert canary not in listed


def test_describe_brings_job_history_and_executions_together(cli):
    """`job describe` shows all three from one answer."""
    run = cli.docker_run(docker_job("echo", "seen"))
    described = cli.job_describe(run.job_id)
    assert described["Job"] == run.job
    assert described["History"] == {"NextToken": "", "Items": run.events}
    assert described["Executions"] == {"NextToken": "", "Items": cli.job_executions(run.job_id)}
    assert described["Executions"]["Items"][0]["RunOutput"]["Stdout"] == "seen\n"


def test_a_running_job_described(cli, program):
    """The table of executions would call a running one new, or finished."""
    run = cli.job_run(docker_job("sleep", "30", kind="service"))
    described = cli.job_describe(run.job_id)
    (execution,) = described["Executions"]["Items"]
    assert described["Job"]["State"]["StateType"] == "Running"
    assert described["History"]["NextToken"] == ""
    assert execution["DesiredState"]["StateType"] == 1
    assert execution["ComputeState"]["StateType"] == LIVE.get(program.release, 5)
    assert execution["RunOutput"]["ExitCode"] == 0
    cli.job_stop(run.job_id)


def test_stop_ends_the_job_with_the_program_s_reason(cli):
    """`job stop` would leave the job running, or say nothing of who stopped it."""
    run = cli.job_run(docker_job("sleep", "30", kind="service"))
    assert cli.job_stop(run.job_id)
    described = cli.job_describe(run.job_id)
    assert described["Job"]["State"] == {"StateType": "Stopped", "Message": "Stopped at user request"}
    last = [event["Event"] for event in described["History"]["Items"] if event["Type"] == "JobLevel"][-1]
    assert (last["Topic"], last["Message"]) == ("Scheduling", "Job requested to stop before completion")
    assert last["Details"] == {"Reason": "Stopped at user request"}
    while cli.job_executions(run.job_id)[0]["ComputeState"]["StateType"] != CANCELLED:
        pass  # the job is stopped at once, its program a moment later


def test_stop_of_a_job_that_is_over_does_not_even_ask(cli):
    """The program tells it from the state that it reads first."""
    run = cli.docker_run(docker_job("true"))
    with pytest.raises(RuntimeError, match="The current state is: Completed"):
        cli.job_stop(run.job_id)
    assert not [line for line in cli.wire.sent if line.startswith("DELETE")]


def test_history_filters_by_level_and_execution(cli):
    """`--event-type` and `--execution-id` would show everything or nothing."""
    run = cli.docker_run(docker_job("true"))
    of_job = cli.job_history(run.job_id, event_type="job")["Items"]
    of_executions = cli.job_history(run.job_id, event_type="execution")["Items"]
    assert {item["Type"] for item in of_job} == {"JobLevel"}
    assert {item["Type"] for item in of_executions} == {"ExecutionLevel"}
    assert len(of_job) + len(of_executions) == len(run.events)
    (execution,) = cli.job_executions(run.job_id)
    assert cli.job_history(run.job_id, execution_id=execution["ID"])["Items"] == of_executions
