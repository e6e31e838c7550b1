"""A failure as people read it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_bacalhau.errors import (
    BacalhauJobFailed,
    BacalhauJobLost,
    BacalhauJobStopped,
    BacalhauJobTimedOut,
)
from airflow_provider_bacalhau.lifecycle.diagnose import error_from, explain, hint_for, summary
from airflow_provider_bacalhau.lifecycle.verdict import ExecutionSummary, Verdict

JOB = "j-5b2f0c11-1111-4222-8333-444444444444"
BERLIN = ExecutionSummary(
    "e-91ac22d0-1111-4222-8333-444444444444", "edge-berlin-07", 0, "Completed", 137, 1_000.0, 1_000.0 + 2_472
)
HAMBURG = ExecutionSummary(
    "e-0f11aa02-1111-4222-8333-444444444444", "edge-hamburg-02", 1, "Completed", 0, 1_000.0, 1_000.0 + 2_282
)
KILLED = Verdict(
    "failed",
    "exit_code",
    JOB,
    "etl",
    "etl-train-x",
    "Completed",
    "exit code 137",
    (137, 0),
    (BERLIN, HAMBURG),
    stderr_tail="Traceback\nMemoryError",
    seconds=2_472,
)


def test_the_block_reads_as_promised():
    """People and their alerts rely on this form."""
    text = explain(
        KILLED,
        task="etl.train",
        published=["s3://acme-clean/2026-01-01/x.tar.gz"],
        try_number=1,
        max_tries=2,
        request_id="7c1f",
    )
    assert text.splitlines() == [
        "Bacalhau job j-5b2f0c11 (etl.train) failed: exit code 137 on edge-berlin-07 after 41m12s (killed; out of memory?)",
        "  partition 0  e-91ac22d0  edge-berlin-07   Completed  exit 137  41m12s",
        "  partition 1  e-0f11aa02  edge-hamburg-02  Completed  exit 0    38m02s",
        "stderr (last 20 lines):",
        "  Traceback",
        "  MemoryError",
        "published: s3://acme-clean/2026-01-01/x.tar.gz",
        "airflow: try 1 of 3, the next try submits a new job | bacalhau job describe j-5b2f0c11 --namespace etl | request 7c1f",
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (126, "not executable"),
        (127, "not found"),
        (137, "out of memory"),
        (139, "segmentation fault"),
        (-1, "could not tell"),
        (1, ""),
    ],
)
def test_hints_of_exit_codes(code, words):
    """A bare number sends people to a search engine."""
    verdict = replace(KILLED, exit_codes=(code,), executions=(replace(BERLIN, exit_code=code),))
    hint = hint_for(verdict)
    assert words in hint
    assert bool(hint) == bool(words)


def test_the_schedulers_empty_reason_is_explained():
    """The server says only "2 of 2 nodes: ", which nobody understands."""
    verdict = Verdict(
        "failed", "no_nodes", JOB, message="x", scheduler_reasons=("12 of 12 nodes:",), node_counts=(200, 12, 12)
    )
    assert hint_for(verdict) == (
        "count=200 but 12 nodes match; a Bacalhau job runs at most once per node: use .expand(), one job per item"
    )
    one = replace(verdict, node_counts=(3, 1, 1), scheduler_reasons=("Node n-a:",))
    assert hint_for(one).startswith("count=3 but 1 node matches;")
    line, _, shown, *_ = explain(replace(verdict, message="not enough nodes\n• 12 of 12 nodes: "), task="etl.train").splitlines()
    assert "(etl.train) failed: not enough nodes (count=200 but" in line
    assert shown == "  scheduler: 12 of 12 nodes: (no reason given)"


def test_the_schedulers_reason_is_the_hint():
    """ "not enough nodes" alone is no cause."""
    reason = "3 of 3 nodes: does not support docker, only wasm"
    text = "not enough nodes to run job. requested: 1, available: 3, suitable: 0."
    verdict = Verdict("failed", "no_nodes", JOB, message=text, scheduler_reasons=(reason,), node_counts=(1, 3, 0))
    assert summary(verdict).endswith("suitable: 0 (does not support docker, only wasm)")
    assert f"  scheduler: {reason}" in explain(verdict).splitlines()
    labels = f"Node n-a: labels map[{'x' * 200}] don't match required selectors [region = eu]"
    hint = hint_for(replace(verdict, scheduler_reasons=(labels,)))
    assert hint == "labels don't match required selectors [region = eu]"


def test_a_busy_node_names_the_argument():
    """1.5.2 fails at once on a busy node without a queue timeout."""
    assert "set queue_timeout" in hint_for(Verdict("failed", "busy", JOB, message="x", node_counts=(1, 1, 0)))


@pytest.mark.parametrize("phase", ["accept", "queue", "run", "total"])
def test_a_timeout_names_the_argument_to_raise(phase):
    """Four limits look alike from outside."""
    verdict = Verdict("timed_out", "timeout", JOB, message="too long", phase=phase, seconds=120)
    assert f"{phase}_timeout" in summary(verdict)
    assert summary(verdict).startswith("Bacalhau job j-5b2f0c11 timed out: too long after 2m00s")


def test_nodes_that_say_the_same_share_a_line():
    """A hundred nodes with a hundred labels would be a hundred long lines."""
    reasons = [f"Node n-{n}: labels map[name:n-{n}] don't match required selectors [region = mars]" for n in range(3)]
    verdict = Verdict("failed", "no_nodes", JOB, message="x", scheduler_reasons=(*reasons, "1 of 4 nodes: y"))
    assert [line for line in explain(verdict).splitlines() if "scheduler" in line] == [
        "  scheduler: 3 nodes: labels don't match required selectors [region = mars]",
        "  scheduler: 1 of 4 nodes: y",
    ]


def test_a_sentence_is_said_once():
    """Six executions that failed alike would say six times what the first line says."""
    said = 'image not available: "acme/a:1"'
    failed = replace(BERLIN, state="Failed", exit_code=None, message=said)
    other = replace(failed, partition=2, message="boom")
    verdict = Verdict("failed", "image", JOB, message=said, executions=(failed, failed, other, other))
    assert (explain(verdict).count(said), explain(verdict).count("boom")) == (1, 1)


def test_a_program_that_is_not_there_is_no_unreadable_spec():
    """The hint would send people to the wrong place."""
    verdict = Verdict("failed", "command", JOB, message="unable to find the entrypoint 'nope' in the WASM module")
    assert "check entrypoint and command" in summary(verdict)


def test_a_timeout_tells_what_took_how_long():
    """Nobody could tell a full cluster from a slow program."""
    phases = "accepted after 2s, queued 40s, ran 31m00s"
    verdict = Verdict("timed_out", "timeout", JOB, message="too long", phase="run", seconds=1_902, phases=phases)
    assert explain(verdict).splitlines()[1] == f"  {phases}"


def test_the_request_that_had_no_answer_is_named():
    """An admin would look for the wrong request in the server's log."""
    verdict = Verdict("lost", "unreachable", JOB, message="no answer", request_id="r-1")
    assert explain(verdict, request_id="r-2").endswith("| request r-1")
    assert explain(replace(verdict, request_id=""), request_id="r-2").endswith("| request r-2")


@pytest.mark.parametrize(("outcome", "kind", "final"), [("stopped", "stopped", True), ("failed", "spec", True), ("failed", "image", False)])
def test_what_is_not_said_follows_the_table(outcome, kind, final):
    """`hook.wait_for_job` in a task would be retried where the operator is not."""
    verdict = Verdict(outcome, kind, JOB, message="x")
    assert error_from(verdict, explain(verdict)).retryable is not final
    assert ("not retried" in explain(verdict, max_tries=2)) is final


@pytest.mark.parametrize("length", [10, 100, 1_000])
@pytest.mark.parametrize("task", ["etl.train", "d" * 250 + "." + "t" * 250])
def test_the_first_line_is_short_and_keeps_what_matters(length, task):
    """Lists and mails cut longer lines, at the end, where the duration and the hint are."""
    verdict = Verdict("failed", "image", JOB, "etl", message="x " * length, seconds=5)
    line = summary(verdict, task=task)
    assert len(line) <= 200
    assert "\n" not in line
    assert line.startswith("Bacalhau job j-5b2f0c11 (")
    assert line.endswith(" after 5s (check the image's name, and that the node may pull it)")


def test_a_long_message_is_whole_in_the_block():
    """The cut half is often the one with the cause."""
    message = "failed: " + "word " * 60 + "the cause"
    text = explain(Verdict("failed", "execution", JOB, message=message))
    assert "the cause" not in text.splitlines()[0]
    assert "the cause" in text


def test_who_stopped_it():
    """A job stopped by a person and one stopped by its own task need other reactions."""
    human = Verdict("stopped", "stopped", JOB, message="too expensive", seconds=1.1)
    assert summary(human) == "Bacalhau job j-5b2f0c11 was stopped by somebody else after 1.1s, reason: too expensive"
    assert "by somebody else after 1.1s, no reason given" in summary(replace(human, message=""))
    assert "by try 2 of its own task after 1.1s, reason: on_kill" in summary(replace(human, message="airflow 7.2 on_kill"))
    assert len(summary(replace(human, message="x" * 500))) == 200


def test_many_executions_show_the_bad_ones():
    """One failed partition of ten thousand must not hide behind the first twenty."""
    many = tuple(replace(HAMBURG, partition=n) for n in range(99)) + (replace(BERLIN, partition=99),)
    lines = explain(replace(KILLED, executions=many)).splitlines()
    assert lines[1].startswith("  partition 99")
    assert "  ... and 80 more executions" in lines


@pytest.mark.parametrize(
    ("tries", "options", "words"),
    [
        ((1, 0), {}, "try 1 of 1, no try left"),
        ((3, 2), {}, "try 3 of 3, no try left"),
        ((1, 2), {"retryable": False}, "try 1 of 3, not retried"),
        ((1, 2), {}, "try 1 of 3, the next try submits a new job"),
    ],
)
def test_the_next_step(tries, options, words):
    """The last line says whether somebody has to act."""
    text = explain(KILLED, try_number=tries[0], max_tries=tries[1], **options)
    assert words in text.splitlines()[-1]


def test_a_lost_job_is_looked_for_again():
    """It may still run; the next try does not submit beside it."""
    text = explain(Verdict("lost", "unreachable", JOB, message="no answer"), try_number=1, max_tries=1)
    assert "the next try looks for the job first" in text.splitlines()[-1]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        ("failed", BacalhauJobFailed),
        ("stopped", BacalhauJobStopped),
        ("timed_out", BacalhauJobTimedOut),
        ("lost", BacalhauJobLost),
    ],
)
def test_the_typed_error_carries_the_facts(outcome, error):
    """Callbacks and retry policies read these attributes."""
    raised = error_from(replace(KILLED, outcome=outcome), "first\nrest", retryable=False, link="http://x")
    assert type(raised) is error
    assert (raised.summary, raised.kind, raised.job_id, raised.namespace) == ("first", "exit_code", JOB, "etl")
    assert (raised.exit_codes, raised.stderr_tail, raised.retryable) == ((137, 0), "Traceback\nMemoryError", False)
    assert raised.executions[0]["node"] == "edge-berlin-07"
    assert raised.link == "http://x"
