"""`job logs`, as the program of each release reads the log sockets of a stub of its release."""

from __future__ import annotations

import pytest
from go_http import BrokenLog
from job_specs import docker_job, shell_job

LONG = "i=0; while [ $i -lt 200 ]; do echo 0123456789abcdef; i=$((i+1)); done"


def test_logs_of_a_finished_job_are_shown_and_the_program_ends(cli):
    """`job logs` would hang or print nothing."""
    run = cli.docker_run(shell_job("echo out; echo err >&2"))
    assert sorted(cli.job_logs(run.job_id).splitlines()) == ["err", "out"]
    assert sorted(cli.job_logs(run.job_id, follow=True).splitlines()) == ["err", "out"]


def test_a_running_job_is_followed_from_its_beginning_to_its_end(cli):
    """`job logs -f` would miss lines, or not end with the job."""
    job_id = cli.docker_run(shell_job("echo one; sleep 0.4; echo two"), wait=False).job_id
    wait_for_state(cli, job_id, "Running")
    assert cli.job_logs(job_id, follow=True) == "one\ntwo\n"


def wait_for_state(cli, job_id, state):
    """Look until the job has the state."""
    while cli.job_describe(job_id)["Job"]["State"]["StateType"] != state:
        pass


def test_a_running_job_is_dumped_without_following(cli):
    """`job logs` of a service would never return."""
    job_id = cli.docker_run(shell_job("echo one; sleep 20"), wait=False).job_id
    log = ""
    while not log:
        wait_for_state(cli, job_id, "Running")
        log = cli.job_logs(job_id)
    assert log == "one\n"
    cli.job_stop(job_id)


def test_the_log_of_one_execution_is_found_by_its_id(cli):
    """`--execution-id` would be refused."""
    run = cli.docker_run(docker_job("echo", "mine"))
    (execution,) = cli.job_executions(run.job_id)
    assert cli.job_logs(run.job_id, execution_id=execution["ID"]) == "mine\n"


def test_what_is_kept_of_a_long_log(cli, program):
    """Users of old servers would be promised logs that a real one no longer has."""
    run = cli.docker_run(shell_job(LONG))
    whole = "0123456789abcdef\n" * 200
    shown = cli.job_logs(run.job_id)
    if program.knows_versions:
        assert shown == whole
    else:
        assert shown == whole[:2048] + "\n"


@pytest.mark.parametrize("ref", ["j-nope", "j-00000000-0000-4000-8000-000000000000"])
def test_an_unknown_job_is_told_in_a_frame(cli, ref, program):
    """The handshake has succeeded by then, so that nothing else could tell it."""
    head = "" if program.knows_versions else f"failed to open log stream for job {ref}: "
    reason = f"job not found: {ref}" if program.knows_versions or ref == "j-nope" else "bucket not found"
    with pytest.raises(BrokenLog, match=f"^{head}{reason}$"):
        cli.job_logs(ref)


def test_a_job_that_never_ran_has_no_log(cli):
    """The program would wait for a log that never comes."""
    constraint = {"Key": "region", "Operator": "=", "Values": ["mars"]}
    run = cli.docker_run(docker_job("true", Constraints=[constraint]))
    with pytest.raises(BrokenLog, match="no executions found for job"):
        cli.job_logs(run.job_id)


def test_a_job_whose_executions_all_failed_names_none(cli):
    """The user would not learn that an execution has to be named."""
    run = cli.docker_run(docker_job("no-such-program"))
    with pytest.raises(BrokenLog, match=f"unable to find execution  in job {run.job_id}"):
        cli.job_logs(run.job_id)
