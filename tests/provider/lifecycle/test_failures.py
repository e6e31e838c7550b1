"""What the failure texts of recorded servers mean."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.lifecycle.failures import SchedulerReport, kind_of, read_report, timed_out_phase


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('image not available: "localhost/nope:latest"', "image"),
        ("Execution stop requested because node has disappeared", "node_lost"),
        ("Failing due to node restart", "node_lost"),
        ("invalid docker engine param: 'Image' cannot be empty", "spec"),
        ("calculating resource usage of job: error getting job disk space requirements: missing data prefix", "input"),
        ("Error response from daemon: invalid reference format", "image"),
        ("failed to start container: executable file not found: Error response from daemon: x", "command"),
        ("creating container: Error response from daemon: no command specified", "command"),
        ("unable to find the entrypoint 'nope' in the WASM module", "command"),
        ("failed to start container: failed to start container: Error response from daemon: x", "start"),
        ("creating container: Error response from daemon: x", "start"),
        ("execution error: wasm error: unreachable", "trap"),
        ("rejected bid: this node does not run jobs that require network access", "rejected"),
        ("execution completed unexpectedly", "ended"),
        ("something that no release says", "execution"),
    ],
)
def test_recorded_messages_have_their_kind(message, kind):
    """A user's retry policy could not tell a typo in an image from a lost node."""
    assert kind_of(message) == kind


def test_the_topic_helps_where_the_text_is_silent():
    """A failed download with a driver's own words would be any failure."""
    assert kind_of("boom", "Downloading Inputs") == "input"
    assert kind_of("boom", "Publishing Results") == "publish"


def test_the_servers_own_timeouts_name_their_phase():
    """The error could not say which limit to raise."""
    assert timed_out_phase("Job timed out. Job took longer than 3s") == "total"
    assert timed_out_phase("Execution timed out after 3s") == "run"
    assert timed_out_phase("boom") == ""


def test_a_schedulers_refusal_is_taken_apart():
    """The error could not say how many nodes there are, and why none fits."""
    text = (
        "not enough nodes to run job. requested: 3, available: 2, suitable: 0.\n"
        "• 2 of 2 nodes: does not support docker, only wasm"
    )
    assert read_report(text) == SchedulerReport(3, 2, 0, ("2 of 2 nodes: does not support docker, only wasm",))
    empty = "not enough nodes to run job. requested: 3, available: 2, suitable: 2.\n• 2 of 2 nodes: "
    assert read_report(empty) == SchedulerReport(3, 2, 2, ("2 of 2 nodes:",))


def test_the_refusals_of_ops_jobs_and_of_the_old_release_are_read_too():
    """Their jobs would fail without a reason."""
    assert read_report("not matching nodes to run job out of 4 available nodes.") == SchedulerReport(None, 4, 0, ())
    assert read_report("no matching nodes to run job") == SchedulerReport(None, None, 0, ())
    assert read_report("not enough nodes to run job. requested: 3, available: 1. ") == SchedulerReport(3, 1, None, ())
    assert read_report("stopped by a person") is None
