"""Verdicts: what the end of a job means for its task. Texts are those of released servers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from airflow_provider_bacalhau.lifecycle.verdict import Verdict, facts_of, handle, judge, phases_of, stdout_of
from airflow_provider_bacalhau.models.responses import HistoryItem

BORN = 1_700_000_000

NO_NODE = (
    "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n"
    "• Node n-aaaaaaaa: job already executed on this node more than once"
)


@pytest.fixture
def ran(make_execution):
    """An execution that ran to an end."""

    def make(number=0, exit_code=0, **fields):
        values = {"compute": "Completed", "desired": "Stopped", "ended": 1_700_000_030, "exit_code": exit_code}
        return make_execution(number, **{**values, **fields})

    return make


@pytest.fixture
def broke(make_execution):
    """An execution that failed."""

    def make(number=0, message="", **fields):
        values = {"compute": "Failed", "desired": "Stopped", "ended": 1_700_000_030, "compute_message": message}
        return make_execution(number, **{**values, **fields})

    return make


def test_a_completed_job_succeeds(make_job, ran):
    """The main path."""
    verdict = judge(make_job("Completed", ended=1_700_000_031), [ran()])
    assert (verdict.outcome, verdict.kind, verdict.exit_codes) == ("succeeded", "completed", (0,))
    assert (verdict.seconds, verdict.submitted_at, verdict.finished_at) == (31, 1_700_000_000, 1_700_000_031)


def test_a_non_zero_exit_code_fails_though_the_server_says_completed(make_job, ran):
    """Downstream tasks would run on what a broken program left."""
    verdict = judge(make_job("Completed"), [ran(exit_code=3)])
    assert (verdict.outcome, verdict.kind, verdict.exit_codes) == ("failed", "exit_code", (3,))


def test_exit_codes_may_be_allowed(make_job, ran):
    """fail_on_exit_code=False is the user's word."""
    assert judge(make_job("Completed"), [ran(exit_code=3)], fail_on_exit_code=False).succeeded


def test_minus_one_of_a_completed_wasm_execution_is_zero(make_job, ran):
    """Every wasm module that returns from _start would fail otherwise."""
    verdict = judge(make_job("Completed", engine="wasm"), [ran(exit_code=-1)])
    assert (verdict.outcome, verdict.exit_codes) == ("succeeded", (0,))


def test_minus_one_of_docker_is_a_failure(make_job, ran):
    """There it means that the node could not tell."""
    assert judge(make_job("Completed"), [ran(exit_code=-1)]).kind == "exit_code"


def test_exit_codes_come_by_partition_then_creation(make_job, ran):
    """A user who zips them with partitions would blame the wrong one."""
    executions = [ran(1, 7, partition=1), ran(2, 5, partition=0, started=1_700_000_020), ran(3, 0, partition=0)]
    assert judge(make_job("Completed", count=2), executions).exit_codes == (0, 5, 7)


def test_failed_and_stopped_executions_have_no_exit_code(make_job, broke, make_execution):
    """They report 0, which would look like a success."""
    stopped = make_execution(1, compute="Cancelled", desired="Stopped")
    verdict = judge(make_job("Failed", state_message=NO_NODE), [broke(0, "x"), stopped])
    assert verdict.exit_codes == ()
    assert [one.exit_code for one in verdict.executions] == [None, None]


def test_completed_without_a_completed_execution_ran_nothing(make_job):
    """A batch of Count 0 is Completed at once on old servers; its task must not go on without a result."""
    assert judge(make_job("Completed"), []).kind == "nothing_ran"
    assert judge(make_job("Completed", count=0), [], spec_count=1).kind == "nothing_ran"
    assert judge(make_job("Completed", type="ops", count=0), []).kind == "nothing_ran"


def test_nothing_ran_is_fine_when_the_spec_says_count_0(make_job):
    """Somebody who asks for none gets none."""
    assert judge(make_job("Completed", count=0), [], spec_count=0).succeeded


def test_the_real_cause_is_the_last_failed_executions(make_job, broke):
    """The job's own text only says that no node is left."""
    first = broke(0, 'image not available: "localhost/nope:latest"', ended=1_700_000_010)
    last = broke(1, "failed to start container: failed to start container: x", ended=1_700_000_020)
    verdict = judge(make_job("Failed", state_message=NO_NODE), [first, last])
    assert (verdict.kind, verdict.message) == ("start", "failed to start container: failed to start container: x")
    assert verdict.scheduler_reasons == ("Node n-aaaaaaaa: job already executed on this node more than once",)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('image not available: "localhost/nope:latest"', "image"),
        ("creating container: Error response from daemon: x", "start"),
        ("invalid docker engine param: 'Image' cannot be empty", "spec"),
        ("calculating resource usage of job: failed to fetch s3 input: operation error S3: HeadObject", "input"),
        ("failed to publish s3 result: operation error S3: PutObject, NoSuchBucket", "publish"),
        ("preparing arguments: invalid wasm engine entry module. cannot be nil", "spec"),
        ("failed to get pre-signed URL for managed S3 publisher", "publish"),
        ("wasm error: unreachable\nwasm stack trace:\n\t.$2()", "trap"),
        ("Execution stop requested because node has disappeared", "node_lost"),
        ("Failing due to node restart", "node_lost"),
        ("execution completed unexpectedly", "ended"),
        ("something new", "execution"),
    ],
)
def test_kinds_of_failures(make_job, broke, text, kind):
    """Kinds decide what is retried and which hint is shown."""
    verdict = judge(make_job("Failed", state_message=NO_NODE), [broke(0, text)])
    assert (verdict.outcome, verdict.kind) == ("failed", kind)


def test_a_topic_names_the_kind_where_the_text_does_not(make_job, broke):
    """History knows in which phase it failed."""
    history = [HistoryItem(execution_id=broke().id, topic="Publishing Results", message="disk full")]
    assert judge(make_job("Failed"), [broke(0, "disk full")], history).kind == "publish"


def test_a_service_that_ends_keeps_its_exit_code(make_job, broke):
    """It is the only failed execution whose exit code is real."""
    verdict = judge(make_job("Failed", type="service"), [broke(0, "execution completed unexpectedly", exit_code=1)])
    assert (verdict.kind, verdict.exit_codes) == ("ended", (1,))


def test_no_node(make_job):
    """The counts and the reasons are all that a user has to go by."""
    text = "not enough nodes to run job. requested: 3, available: 2, suitable: 2.\n• 2 of 2 nodes: "
    verdict = judge(make_job("Failed", state_message=text), [])
    assert (verdict.kind, verdict.node_counts, verdict.scheduler_reasons) == ("no_nodes", (3, 2, 2), ("2 of 2 nodes:",))


def test_ops_without_a_match(make_job):
    """Ops jobs have their own text."""
    text = "not matching nodes to run job out of 4 available nodes.\n• 4 of 4 nodes: does not support foo, only wasm"
    verdict = judge(make_job("Failed", type="ops", state_message=text), [])
    assert (verdict.kind, verdict.node_counts) == ("no_nodes", (None, 4, 0))


def test_a_busy_node_is_its_own_kind(make_job):
    """1.5.2 fails at once on a busy node; the hint is another one than for a missing node."""
    text = (
        "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n"
        "• Node n-a: node busy with available capacity {CPU: 1.30}"
    )
    assert judge(make_job("Failed", state_message=text), []).kind == "busy"


def test_no_node_after_queueing_is_a_queue_timeout(make_job):
    """The server says the same as without a queue; the user's limit passed."""
    late = make_job("Failed", state_message=NO_NODE, timeouts={"QueueTimeout": 600}, ended=1_700_000_601)
    verdict = judge(late, [])
    assert (verdict.outcome, verdict.phase) == ("timed_out", "queue")
    history = [HistoryItem(type="JobLevel", topic="Queueing", message="Job queued. x")]
    assert judge(make_job("Failed", state_message=NO_NODE), [], history).phase == "queue"


def test_a_job_that_failed_at_once_was_not_queued(make_job):
    """Ops jobs never queue: raising the queue timeout would not help."""
    text = "not matching nodes to run job out of 1 available nodes.\n• Node n-a: does not support foo, only wasm"
    job = make_job("Failed", type="ops", state_message=text, timeouts={"QueueTimeout": 600})
    assert judge(job, []).kind == "no_nodes"


@pytest.mark.parametrize(
    ("job_text", "execution_text", "phase"),
    [
        ("Job timed out. Job took longer than 3s", "Execution timed out after 3s", "total"),
        (NO_NODE, "Execution timed out after 3s", "run"),
        (NO_NODE, "Execution timed out. Execution took longer than 1m0s", "run"),
    ],
)
def test_the_servers_timeouts(make_job, broke, job_text, execution_text, phase):
    """A timeout told as a failure sends people to the program instead of the limit."""
    verdict = judge(make_job("Failed", state_message=job_text), [broke(0, execution_text)])
    assert (verdict.outcome, verdict.kind, verdict.phase) == ("timed_out", "timeout", phase)


def test_stopped_by_somebody(make_job):
    """The reason is the only trace of who did it."""
    verdict = judge(make_job("Stopped", state_message="too expensive"), [])
    assert (verdict.outcome, verdict.message) == ("stopped", "too expensive")


def test_reasons_of_old_servers_are_in_the_history(make_job):
    """Before 1.5 a job's State.Message is always empty."""
    history = [
        HistoryItem(type="JobLevel", message="Job created"),
        HistoryItem(type="JobLevel", message="job canceled by user"),
    ]
    assert judge(make_job("Stopped"), [], history).message == "job canceled by user"


def test_an_altered_job_fails(make_job, ran):
    """Its result is that of somebody else's spec."""
    verdict = judge(make_job("Completed", version=2), [ran()], expected_version=1)
    assert (verdict.outcome, verdict.kind) == ("failed", "altered")
    assert judge(make_job("Completed", version=2), [ran()]).succeeded


def test_a_completed_execution_says_nothing(make_job, ran):
    """From 1.6 on it keeps the message "Running" of its start."""
    verdict = judge(make_job("Completed"), [ran(compute_message="Running", desired_message="execution completed")])
    assert verdict.executions[0].message == ""


def test_stderr_of_the_execution_that_went_wrong(make_job, ran):
    """The tail of a healthy partition helps nobody."""
    executions = [ran(0, 0, stderr="fine\n"), ran(1, 2, partition=1, stderr="".join(f"line {n}\n" for n in range(30)))]
    assert judge(make_job("Completed"), executions).stderr_tail.splitlines() == [f"line {n}" for n in range(10, 30)]


def test_stdout_by_partition(ran, broke):
    """xcom_value="stdout" gives what the programs printed, in order."""
    assert stdout_of([ran(1, partition=1, stdout="b\n"), ran(0, stdout="a\n"), broke(2, stdout="no")]) == "a\nb\n"


def test_verdict_survives_an_event(make_job, broke):
    """A deferred failure must read like an inline one."""
    verdict = judge(make_job("Failed", state_message=NO_NODE), [broke(0, "x")])
    assert Verdict.from_plain(json.loads(json.dumps(verdict.to_plain()))) == verdict
    assert Verdict.from_plain({**verdict.to_plain(), "new_field": 1}) == verdict


def test_handle(make_job, ran):
    """The handle is what users and other tasks rely on."""
    verdict = judge(make_job("Completed", ended=1_700_000_031), [ran()])
    made = handle(verdict, results=["s3://b/k"], adopted=True, server="https://acme.io")
    assert json.loads(json.dumps(made)) == {
        "job_id": "j-5b2f0c11-1111-4222-8333-444444444444",
        "name": "etl-train-x",
        "namespace": "etl",
        "state": "Completed",
        "exit_codes": [0],
        "results": ["s3://b/k"],
        "submitted_at": "2023-11-14T22:13:20+00:00",
        "finished_at": "2023-11-14T22:13:51+00:00",
        "seconds": 31.0,
        "adopted": True,
        "server": "https://acme.io",
        "executions": [
            {
                "id": "e-00000000-1111-4222-8333-444444444444",
                "node": "n-aaaaaaaa-1111-4222-8333-444444444444",
                "partition": 0,
                "state": "Completed",
                "exit_code": 0,
                "started_at": "2023-11-14T22:13:20+00:00",
                "ended_at": "2023-11-14T22:13:50+00:00",
            }
        ],
    }


def test_handle_right_after_submit_and_of_a_large_job(make_job, make_execution):
    """XCom is no place for ten thousand executions."""
    made = handle(facts_of(make_job("Pending"), [make_execution(number) for number in range(150)]))
    assert (made["state"], made["finished_at"], len(made["executions"])) == ("Pending", None, 100)


# ---- what took how long ----


def queueing(at):
    """The event of a job that waits for a node."""
    moment = datetime.fromtimestamp(BORN + at, UTC).isoformat()
    return HistoryItem(topic="Queueing", type="JobLevel", time=moment)


@pytest.mark.parametrize(
    ("started", "queued", "text"),
    [
        ([2], None, "accepted after 2s, ran 58s"),
        ([42], 2, "accepted after 2s, queued 40s, ran 18s"),
        ([], 2, "accepted after 2s, queued 58s"),
        ([], None, "not accepted in 1m00s"),
        ([2, 30], None, "accepted after 2s, ran 58s in 2 executions"),
    ],
)
def test_the_phases_of_a_job(make_job, make_execution, started, queued, text):
    """Nobody could tell which limit to raise."""
    executions = [make_execution(number, started=BORN + at) for number, at in enumerate(started)]
    history = [] if queued is None else [queueing(queued)]
    assert phases_of(make_job(), executions, history, 60.0) == text


def test_the_servers_own_timeout_has_its_phases(make_job, make_execution):
    """A job that waited long and ran short would look like a slow program."""
    job = make_job("Failed", ended=BORN + 60, state_message="Job timed out. Job took longer than 1m0s")
    assert judge(job, [make_execution(started=BORN + 40)]).phases == "accepted after 40s, ran 20s"


def test_phases_survive_the_triggerer(make_job, make_execution):
    """A deferred task would say less than one that waits."""
    verdict = judge(make_job("Failed", ended=BORN + 60, state_message="Job timed out."), [make_execution()])
    assert Verdict.from_plain(json.loads(json.dumps(verdict.to_plain()))) == verdict
