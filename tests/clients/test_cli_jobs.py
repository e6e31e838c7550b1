"""`job run` and what follows it, as the program of each release talks to a stub of its release."""

from __future__ import annotations

import pytest
from cli import JOBS
from go_http import Refused
from job_specs import as_sent, docker_job, shell_job, wasm_job

ONE_RUN = [
    ("JobLevel", "Submission", "Job submitted"),
    ("ExecutionLevel", "Scheduling", "Requested execution on "),
    ("JobLevel", "State Update", "Running"),
    ("ExecutionLevel", "Execution", "Running"),
    ("ExecutionLevel", "Execution", "Completed successfully"),
    ("JobLevel", "State Update", "Completed"),
]


def shown(events):
    """Level, topic and message of printed lines; a node's id is left out."""
    return [
        (event["Type"], event["Event"]["Topic"], event["Event"]["Message"].split("n-")[0]) for event in events
    ]


def sent(cli):
    """Requests without the sign-in, ids and tokens replaced."""
    lines = [line for line in cli.wire.sent if "/api/v1/auth" not in line]
    return [line.replace(JOBS, "J").split("&next_token")[0] for line in lines]


def test_docker_run_prints_every_event_once_and_ends_with_the_job(cli):
    """`docker run` would hang, or end before the job does."""
    run = cli.docker_run(docker_job("echo", "hi"))
    assert shown(run.events) == ONE_RUN
    assert [event["SeqNum"] for event in run.events] == [1, 2, 3, 4, 5, 6]
    assert run.job["State"]["StateType"] == "Completed"
    assert {event["JobID"] for event in run.events} == {run.job_id}


def test_wasm_run_runs_the_module_that_the_program_uploads(cli, program):
    """`wasm run FILE` would fail, in the form that the release sends modules in."""
    run = cli.wasm_run(wasm_job(program))
    assert run.job["State"]["StateType"] == "Completed"
    (execution,) = cli.job_executions(run.job_id)
    assert execution["RunOutput"]["Stdout"] == "hello from wasm\n"


def test_the_progress_loop_asks_in_the_program_s_order(cli):
    """The stand-in would not be what users run, so that all its tests would say nothing."""
    run = cli.docker_run(docker_job("sleep", "0.2"), node_details=True)
    asked = sent(cli)
    assert asked[0] == "PUT J"
    ask_history = f"GET J/{run.job_id}/history?event_type=all&limit=10"
    assert set(asked[1:-3]) == {ask_history}
    assert asked[-3:] == [f"GET J/{run.job_id}", f"GET J/{run.job_id}/executions", f"GET J/{run.job_id}"]


def test_id_only_and_no_wait_print_the_id_alone(cli):
    """Scripts that take the id from the output would break."""
    quick = cli.docker_run(docker_job("sleep", "1"), wait=False)
    assert quick.events == []
    assert sent(cli) == ["PUT J"]
    waited = cli.docker_run(docker_job("true"), id_only=True)
    assert waited.job["State"]["StateType"] == "Completed"


def test_a_job_that_takes_a_while_is_waited_for(cli):
    """The program would say that the job is over while it runs."""
    run = cli.docker_run(docker_job("sleep", "0.6"))
    assert run.job["State"]["StateType"] == "Completed"
    assert len([line for line in sent(cli) if "/history" in line]) > 3


def test_follow_shows_the_log_from_its_first_line(cli):
    """`--follow` would miss what the job said before the program listened, or never return."""
    run = cli.docker_run(shell_job("for i in 1 2 3; do echo line $i; sleep 0.1; done"), follow=True)
    assert run.log == "line 1\nline 2\nline 3\n"
    wait_until_over(cli, run.job_id)


def wait_until_over(cli, job_id):
    """Look on until the history has ended."""
    list(cli._events(job_id, 0))


@pytest.mark.parametrize("kind", ["service", "daemon"])
def test_a_long_running_job_is_left_alone_once_it_has_begun(cli, kind):
    """`job run service.yaml` would never return."""
    run = cli.job_run(docker_job("sleep", "60", kind=kind))
    assert run.events[-1]["Type"] == "ExecutionLevel"
    assert run.job["State"]["StateType"] == "Running"
    cli.job_stop(run.job_id)


def test_an_ops_job_runs_once_on_every_node(cli):
    """`job run` of an ops job would hang or show too little."""
    run = cli.job_run(docker_job("true", kind="ops"))
    assert run.job["State"]["StateType"] == "Completed"
    executions = cli.job_executions(run.job_id)
    assert len({each["NodeID"] for each in executions}) == len(cli.node_list()) == len(executions)


def test_a_failed_job_is_told_with_its_reason(cli):
    """The user would look for the cause in vain, or wait for ever."""
    run = cli.docker_run(docker_job("no-such-program"))
    assert run.job["State"]["StateType"] == "Failed"
    errors = [event["Event"] for event in run.events if event["Event"].get("Details", {}).get("IsError") == "true"]
    assert "no-such-program" in errors[0]["Message"]
    assert errors[-1]["Message"] == run.job["State"]["Message"]


def test_a_job_that_fits_no_node_ends_at_once(cli):
    """`--constraints` with a typing mistake would hang the program."""
    constraint = {"Key": "region", "Operator": "=", "Values": ["mars"]}
    run = cli.docker_run(docker_job("true", Constraints=[constraint]))
    assert run.job["State"]["StateType"] == "Failed"
    assert "don't match required selectors [region = mars]" in run.job["State"]["Message"]
    assert cli.job_executions(run.job_id) == []


def test_an_exit_code_is_no_failure_but_is_kept(cli):
    """A script that reads the exit code from `job executions --output json` would see 0."""
    run = cli.docker_run(shell_job("echo out; echo err >&2; exit 3"))
    (execution,) = cli.job_executions(run.job_id)
    assert run.job["State"]["StateType"] == "Completed"
    assert execution["RunOutput"] == {
        "Stdout": "out\n",
        "StdoutTruncated": False,
        "stderr": "err\n",
        "StderrTruncated": False,
        "ExitCode": 3,
        "ErrorMsg": "",
    }


def test_what_the_program_leaves_out_is_no_warning_and_no_error(cli, program):
    """Every `job run` would print warnings that no real server gives, or be refused for its nulls."""
    spec = wasm_job(program)
    spec = {"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": spec["Tasks"][0]["Engine"]}]} | (
        {"Tasks": spec["Tasks"]} if program.wasm_module_is_path else {}
    )
    run = cli.job_run(spec)
    assert run.warnings == []
    assert run.job["State"]["StateType"] == "Completed"


def test_a_described_job_can_be_run_again(cli, program):
    """`job describe ID --output json | job run` would fail: system fields are ignored with a warning each."""
    run = cli.docker_run(docker_job("true"))
    described = cli.job_describe(run.job_id)["Job"]
    kept = {key: described[key] for key in ("Type", "Count", "Constraints", "Labels", "Tasks")}
    again = cli.job_run(kept | {"Name": f"again-{run.job_id}"})
    assert again.job["State"]["StateType"] == "Completed"


def test_the_client_s_ids_stand_in_the_job(cli):
    """Who submitted a job could not be seen."""
    run = cli.docker_run(docker_job("true"))
    meta = cli.job_describe(run.job_id)["Job"]["Meta"]
    assert meta["bacalhau.org/client.instance.id"] == "0035969ec53f6e7f"
    assert meta["bacalhau.org/client.installation.id"] == "1a2b3c4d-0000-4000-8000-000000000000"


def test_a_wrong_spec_is_refused_with_the_server_s_sentence(cli):
    """The program would print an answer that it cannot read."""
    with pytest.raises(Refused) as refused:
        cli.job_run(docker_job("true", kind="nonsense"))
    assert refused.value.status == 400
    assert 'invalid job type: "nonsense"' in refused.value.fields["Message"]


def test_unknown_ids_are_refused_with_the_server_s_sentence(cli):
    """A typing mistake would look like a broken server."""
    for ask in (cli.job_describe, cli.job_history, cli.job_executions, cli.job_stop, cli.job_results):
        with pytest.raises(Refused) as refused:
            ask("j-nope")
        assert (refused.value.status, refused.value.fields["Message"]) == (404, "job not found: j-nope")


def test_short_ids_work_everywhere(cli):
    """Users copy the short ids that the tables show."""
    run = cli.docker_run(docker_job("echo", "short", task={"Publisher": {"Type": "local"}}))
    short = run.job_id[:10]
    assert cli.job_describe(short)["Job"]["ID"] == run.job_id
    assert cli.job_history(short)["Items"] == run.events
    assert [each["JobID"] for each in cli.job_executions(short)] == [run.job_id]
    assert len(cli.job_results(short)) == 1
    assert cli.job_logs(short) == "short\n"


def test_the_program_sends_what_users_programs_send(program):
    """The stand-in would not be the released program."""
    task = as_sent(docker_job("echo"), program)
    if program.sends_normalised:
        assert (task["Meta"], task["Constraints"], task["Tasks"][0]["Publisher"]) == ({}, [], {"Type": ""})
        assert task["Tasks"][0]["Network"] == {"Type": "None"}
    else:
        assert (task["Meta"], task["Constraints"], task["Tasks"][0]["Publisher"]) == (None, None, None)
        assert "Network" not in task["Tasks"][0]
    assert task["State"] == {"StateType": "Undefined"}
