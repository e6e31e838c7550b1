"""The runner that only pretends."""

from __future__ import annotations

from orchestrator_stub.runners.base import Finished
from orchestrator_stub.runners.scripted import ScriptedRunner


async def test_everything_succeeds_and_says_nothing(make_work):
    """Tests of everything around a job need no engine."""
    work = make_work("docker", {"Image": ""})
    ScriptedRunner().check(work.task)
    assert await ScriptedRunner().run(work) == Finished(0)
    assert work.log.snapshot() == []
