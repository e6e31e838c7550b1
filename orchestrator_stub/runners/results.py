"""What every runner does with the names of result paths."""

from __future__ import annotations

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.runners.base import Work

CAPTURED = ("exitCode", "stderr", "stdout")
"""Files that the servers put beside the result paths of a run."""


def refuse_taken_names(work: Work) -> None:
    """Fail a finished run whose result path has the name of a captured file (FINDINGS-docker 4).

    :raises StepError: the recorded text
    """
    for path in work.task.result_paths:
        if path.name in CAPTURED:
            raise StepError(f"open {work.folder}/{path.name}: is a directory")
