"""One run: inputs, result folders, publication, and nothing left behind."""

from __future__ import annotations

from typing import Any


from orchestrator_stub.domain.job import ResultPath, SpecConfig
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.store.queries import HistoryQuery

RELEASED = ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]
SINCE_16 = RELEASED[1:]
TWICE = (
    "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n"
    "• Node n-00000001: job already executed on this node more than once"
)
STOPPED = "Execution stop requested because job has been stopped"


async def test_publisher_gets_files_and_its_answer_is_kept(build: Any) -> None:
    """Broken: result folders, output files or the published result get lost on the way."""
    cluster = build(outcome={"stdout": b"text"})
    job = cluster.submit(
        "a", task_publisher=SpecConfig("fake"), task_result_paths=(ResultPath("out", "/outputs"),)
    )
    await cluster.settle()
    output = cluster.publisher.outputs[0]
    assert list(output.folders) == ["out"]
    assert cluster.runner.works[0].mounts[0].writable
    published = cluster.execution(job).published
    assert published == SpecConfig("fake", {"Name": cluster.execution(job).id})
    assert cluster.orchestrator.results(job) == [SpecConfig("fake", {"Name": output.execution.id, "Signed": True})]


async def test_failed_publication_fails_the_execution(build: Any) -> None:
    """Broken: a job whose results are lost is Completed."""
    cluster = build(outcome={"stdout": b"text"})
    cluster.publisher.fail = "failed to publish result: no bucket"
    job = cluster.submit("a", task_publisher=SpecConfig("fake"))
    await cluster.settle()
    assert cluster.state(job) is JobState.FAILED
    items = cluster.orchestrator.history(job, HistoryQuery()).items
    assert items[4].event.topic == "Publishing Results"
    assert cluster.execution(job).output is None
    assert cluster.orchestrator.results(job) == []


async def test_run_folder_is_gone_and_the_log_stays_an_hour(build: Any) -> None:
    """Broken: a finished job leaves its scratch folder, or its log goes too early or never (1.8+)."""
    cluster = build(outcome={"stdout": b"text"})
    job = cluster.submit("a")
    await cluster.settle()
    execution = cluster.execution(job)
    assert not (cluster.folder / "runs" / execution.id).exists()
    frames = [frame async for frame in cluster.orchestrator.logs.frames(execution, follow=False, tail=False)]
    assert frames == ['{"value":{"Type":1,"Line":"text"}}\n']
    await cluster.advance(3700, step=100)
    assert not (cluster.folder / "logs" / execution.id).exists()
