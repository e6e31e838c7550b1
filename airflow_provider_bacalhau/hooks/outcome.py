"""Our errors, turned into what Airflow understands. The only place that does so.

An error that repeating cannot help becomes a subclass of both itself and AirflowFailException, so that Airflow does
not retry and `except BacalhauJobFailed` still catches it.
"""

from __future__ import annotations

from airflow_provider_bacalhau.errors import ApiError, BacalhauError, ConfigError, JobError, NotFound, Rejected
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
        return error.retryable
    if isinstance(error, Rejected):
        return isinstance(error, NotFound)
    return not isinstance(error, ConfigError)


def airflow_error(error: BacalhauError) -> BacalhauError:
    """The exception to raise in a task for `error`: itself, or its never retried twin with all that it carries."""
    if is_retryable(error) or isinstance(error, AirflowFailException):
        return error
    twin = final(type(error))
    changed = twin.__new__(twin, *error.args)
    changed.args = error.args
    changed.__dict__.update(error.__dict__)
    return changed


def request_of(error: BacalhauError) -> str:
    """The request id under which an admin finds an error in the server's log; empty when there was no request."""
    return error.request_id if isinstance(error, ApiError) else ""
