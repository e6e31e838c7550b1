"""Errors as Airflow understands them: retried when that can help, final when it cannot, and never without their facts."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau import errors
from airflow_provider_bacalhau.hooks.outcome import airflow_error, final
from airflow_provider_bacalhau.version_compat import AirflowFailException


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (errors.ConfigError("x"), False),
        (errors.SpecError(["a: b"]), False),
        (errors.AuthError("x", status=401), False),
        (errors.Rejected("x", status=400), False),
        (errors.NotFound("x", status=404), True),
        (errors.Unreachable("x", maybe_applied=True), True),
        (errors.ServerFault("x", status=503), True),
        (errors.Conflict("x"), True),
        (errors.BrokenContract("x", status=200), True),
        (errors.ResultError("x"), True),
        (errors.HostRefused("x"), False),
        (errors.ArchiveRefused("x"), False),
        (errors.BacalhauJobFailed("x"), True),
        (errors.BacalhauJobStopped("x", retryable=False), False),
        (errors.AttemptOver("x"), True),
    ],
)
def test_what_repeating_cannot_help_is_final(error, retried):
    """Airflow would try three times what can never work, or give up on a blip."""
    raised = airflow_error(error)
    assert isinstance(raised, type(error))
    assert isinstance(raised, AirflowFailException) is not retried
    assert str(raised) == str(error)


def test_a_final_error_keeps_all_its_facts():
    """Callbacks and retry policies read them."""
    error = errors.BacalhauJobStopped("text", kind="stopped", job_id="j-1", exit_codes=[1], retryable=False, link="u")
    raised = airflow_error(error)
    assert (raised.kind, raised.job_id, raised.exit_codes, raised.link) == ("stopped", "j-1", (1,), "u")
    assert type(raised).__name__ == "BacalhauJobStopped"
    assert airflow_error(raised) is raised


def test_one_class_for_each_error():
    """`except` with a class from an earlier error would miss the next one."""
    assert final(errors.Rejected) is final(errors.Rejected)


@pytest.mark.parametrize("kind", [errors.Rejected, errors.ServerFault])
def test_the_request_id_is_at_hand(kind):
    """An admin could not find the request in the server's log."""
    raised = airflow_error(kind("Could not submit the job: no.", status=400, request_id="r-1"))
    assert str(raised) == "Could not submit the job: no. (request r-1)"
    assert (raised.request_id, raised.status) == ("r-1", 400)


def test_a_request_id_is_said_once():
    """The line would be twice as long and say no more."""
    assert str(airflow_error(errors.ServerFault("see request r-1", request_id="r-1"))) == "see request r-1"
