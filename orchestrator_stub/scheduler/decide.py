"""The scheduler's one question: what should change for this job now? Pure: a look in, a plan out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator_stub.domain.plan import Plan
from orchestrator_stub.domain.states import JobType
from orchestrator_stub.domain.topics import STOPPED_WITH_JOB
from orchestrator_stub.domain.transitions import ExecutionEvent
from orchestrator_stub.scheduler.batch import decide_batch
from orchestrator_stub.scheduler.daemon import decide_daemon
from orchestrator_stub.scheduler.draft import Draft
from orchestrator_stub.scheduler.ops import decide_ops
from orchestrator_stub.scheduler.snapshot import Look

_BY_TYPE: Mapping[str, Callable[[Draft], None]] = {
    JobType.BATCH: decide_batch,
    JobType.SERVICE: decide_batch,
    JobType.OPS: decide_ops,
    JobType.DAEMON: decide_daemon,
}


def decide(look: Look) -> Plan:
    """The plan for one evaluation; it may be empty.

    Raises SelectorError when the job's constraints cannot be understood: servers accept such a job and never get
    further with it (FINDINGS 1 row 4.3).
    """
    draft = Draft(look)
    job = look.snapshot.job
    if job.state.is_terminal:
        draft.change(look.snapshot.live, ExecutionEvent.STOPPED, STOPPED_WITH_JOB)
    else:
        _BY_TYPE[look.evaluation.kind or job.type](draft)
    return draft.plan()
