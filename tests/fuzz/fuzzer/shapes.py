"""Keys of the answers, in their order: of the released servers (fact sheet 3), and of the user's document."""

from __future__ import annotations

from typing import Any

JOB = "ID Name Namespace Type Priority Count Constraints Meta Labels Tasks State Version Revision CreateTime ModifyTime".split()
TASK = "Name Engine Publisher Env Meta InputSources ResultPaths Resources Network Timeouts".split()
EXECUTION = (
    "ID Namespace EvalID Name NodeID JobID Job JobVersion AllocatedResources DesiredState ComputeState PublishedResult "
    "RunOutput PreviousExecution NextExecution FollowupEvalID PartitionIndex Revision CreateTime ModifyTime"
).split()
HISTORY = "SeqNum Type JobID JobVersion ExecutionID Event Time JobState ExecutionState".split()
NODE = "Info Membership Connection ConnectionState".split()
DOCS_EXECUTION = [key for key in EXECUTION if key not in ("Job", "JobVersion", "PartitionIndex")]
DOCS_HISTORY = "Type JobID NodeID ExecutionID JobState ExecutionState NewRevision Comment Time".split()
DOCS_NODE = "PeerInfo NodeType Labels ComputeNodeInfo BacalhauVersion".split()
ERROR = "Status Message RequestID Code Component Hint Details".split()

SUBMITTED = "JobID EvaluationID Warnings".split()
RERUN = "EvaluationID JobID JobVersion Warnings".split()
MAY_BE_ABSENT = {
    *"Env Meta InputSources ResultPaths Job JobVersion PartitionIndex ExecutionID JobState ExecutionState".split(),
    *"ConnectionState ComputeNodeInfo Hint Details Error Params".split(),
}
FRESH_KEYS = {"Job", "JobVersion"}


def misplaced(fields: Any, keys: list[str], always: frozenset[str] = frozenset()) -> str:
    """What is wrong with an object's keys: unknown, missing, or in another order; "" when nothing is."""
    if not isinstance(fields, dict):
        return f"{type(fields).__name__} instead of an object"
    given = list(fields)
    wanted = [key for key in keys if key in fields or key not in MAY_BE_ABSENT or key in always]
    return "" if given == wanted else f"keys {given} instead of {wanted}"


def job_problems(job: Any) -> list[str]:
    """What is wrong with a job."""
    wrong = misplaced(job, JOB)
    if wrong:
        return [f"job: {wrong}"]
    tasks = [misplaced(task, TASK) for task in job["Tasks"]]
    found = [f"task: {each}" for each in tasks if each]
    if len(job["Tasks"]) != 1:
        found.append(f"job with {len(job['Tasks'])} tasks")
    if job["State"].get("StateType") not in ("Pending", "Queued", "Running", "Completed", "Failed", "Stopped"):
        found.append(f"job state {job['State']}")
    return found


def list_problems(body: Any, key: str, item: list[str], *, token_last: bool = False) -> list[str]:
    """What is wrong with a list of things that have these keys."""
    keys = [key, "NextToken"] if token_last else ["NextToken", key]
    wrong = misplaced(body, keys)
    if wrong:
        return [wrong]
    if not isinstance(body["NextToken"], str) or not isinstance(body[key], list):
        return ["NextToken is no text or the list is none"]
    return [f"{key}: {wrong}" for wrong in (misplaced(each, item) for each in body[key][:20]) if wrong]
