"""How a node reports that an input cannot be had, at the bid (goldens 14, 42, 73)."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator_stub.domain.errors import StepError

_USAGE = "calculating resource usage of job: "
_SPACE = "error getting job disk space requirements: "


def unavailable(reason: str) -> StepError:
    """An input whose size could not be told, with a reason that carries no error code of its own."""
    return StepError(f"{_USAGE}{_SPACE}{reason}", details={"ErrorCode": "Bacalhau:"})


def refused(message: str, details: Mapping[str, str]) -> StepError:
    """The same where the reason has a code of its own: the middle words are left out, as recorded."""
    return StepError(f"{_USAGE}{message}", details=details)
