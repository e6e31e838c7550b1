"""Our errors, turned into what Airflow understands. The only place that does so.

An error that repeating cannot help becomes a subclass of both itself and AirflowFailException, so that Airflow does
not retry and `except BacalhauJobFailed` still catches it.
"""

from __future__ import annotations

from airflow_provider_bacalhau.errors import ApiError, BacalhauError, JobError
from airflow_provider_bacalhau.version_compat import AirflowFailException

_FINAL: dict[type[BacalhauError], type[BacalhauError]] = {}


def final(kind: type[BacalhauError]) -> type[BacalhauError]:
    """The class of errors that are `kind` and are never retried."""
    if kind not in _FINAL:
        words = {"__doc__": kind.__doc__, "__module__": kind.__module__}
        _FINAL[kind] = type(kind.__name__, (kind, AirflowFailException), words)
    return _FINAL[kind]


def is_retryable(error: BacalhauError) -> bool:
    """Whether the next try may go better: not when the request, a field, or the job itself has to change first."""
    if isinstance(error, JobError):
        return error.retryable  # the task's `retry_on_external_stop` may have overruled the table
    from airflow_provider_bacalhau.lifecycle.retries import rule_for

    return rule_for(error).retried


def airflow_error(error: BacalhauError) -> BacalhauError:
    """The exception to raise in a task for `error`: itself, or its never retried twin with all that it carries.

    That of a request ends with the request's id, under which an admin finds it in the server's log.
    """
    request_id = error.request_id if isinstance(error, ApiError) else ""
    if request_id and request_id not in str(error):
        error = _copy(error, type(error), (f"{error} (request {request_id})",))
    if is_retryable(error) or isinstance(error, AirflowFailException):
        return error
    return _copy(error, final(type(error)), error.args)


def _copy(error: BacalhauError, kind: type[BacalhauError], args: tuple[object, ...]) -> BacalhauError:
    changed = kind.__new__(kind, *args)
    changed.args = args
    changed.__dict__.update(error.__dict__)
    return changed
