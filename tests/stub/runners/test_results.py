"""Names of result paths that collide with captured files."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.runners.results import refuse_taken_names


@pytest.mark.parametrize("name", ["stdout", "stderr", "exitCode"])
async def test_taken_names_fail_the_run(make_work, name):
    """FINDINGS-docker 4: the archive would have two entries of one name."""
    with pytest.raises(StepError, match=rf"^open /.*/{name}: is a directory$"):
        refuse_taken_names(make_work("docker", {}, results={name: "/s"}))


async def test_other_names_do_not(make_work):
    """Every job with results would fail."""
    refuse_taken_names(make_work("docker", {}, results={"outputs": "/outputs"}))
