"""The runner that only pretends."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.base import Finished
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.scripted import ScriptedRunner


async def test_everything_succeeds_and_says_nothing(make_work):
    """Tests of everything around a job need no engine."""
    work = make_work("docker", {"Image": ""})
    ScriptedRunner().check(work.task)
    assert await ScriptedRunner().run(work) == Finished(0)
    assert work.log.snapshot() == []


async def test_an_image_that_is_to_be_missing_is_refused(make_work):
    """`--images` would have no effect where no sandbox works."""
    runner = ScriptedRunner(Images(RELEASES["1.9.3"], [ImageRule("acme/gone", missing=True)]))
    with pytest.raises(StepError, match="image not available"):
        runner.check(make_work("docker", {"Image": "acme/gone"}).task)
    runner.check(make_work("docker", {"Image": "acme/clean"}).task)
