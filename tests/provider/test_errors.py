"""The error tree: what callers may catch, and what errors carry."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau import errors


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (errors.SpecError, errors.ConfigError),
        (errors.AuthError, errors.Rejected),
        (errors.NotFound, errors.Rejected),
        (errors.Unreachable, errors.ApiError),
        (errors.Conflict, errors.ApiError),
        (errors.ServerFault, errors.ApiError),
        (errors.BrokenContract, errors.ApiError),
        (errors.HostRefused, errors.ResultError),
        (errors.ArchiveRefused, errors.ResultError),
        (errors.BacalhauJobFailed, errors.JobError),
        (errors.BacalhauJobStopped, errors.JobError),
        (errors.BacalhauJobTimedOut, errors.JobError),
        (errors.BacalhauJobLost, errors.JobError),
    ],
)
def test_every_error_is_caught_by_its_branch(kind, parent):
    """A user who catches a branch would miss some of its errors."""
    assert issubclass(kind, parent)
    assert issubclass(kind, errors.BacalhauError)


def test_a_spec_error_lists_every_problem():
    """The user would mend one problem a try."""
    error = errors.SpecError(["Type: missing", "Tasks: missing"])
    assert error.problems == ("Type: missing", "Tasks: missing")
    assert "Type: missing; Tasks: missing" in str(error)


def test_an_api_error_keeps_all_that_the_server_said():
    """The report to the server's operator would lack the request id."""
    error = errors.Rejected("no", status=400, code="BadRequest", component="JobStore", hint="h", request_id="r-1")
    assert (error.status, error.code, error.component, error.hint, error.request_id) == (400, "BadRequest", "JobStore", "h", "r-1")


def test_a_job_error_is_summed_up_by_its_first_line():
    """A notification would carry the whole block."""
    assert errors.BacalhauJobFailed("first\nsecond").summary == "first"
    assert errors.BacalhauJobFailed("text", summary="short").summary == "short"
