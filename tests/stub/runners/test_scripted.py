"""The runner that only pretends."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.stage import Stage
from orchestrator_stub.logs.buffer import Chunk
from orchestrator_stub.runners.base import Finished
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.scripted import Player, Refuser, ScriptedRunner, chance


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


class Time:
    """A clock for one run: it says how long was slept, and only goes on by that."""

    def __init__(self):
        self.slept = []
        self._now = 1_000 * SECOND

    def now(self):
        return self._now

    async def sleep_until(self, due):
        self.slept.append((due - self._now) / SECOND)
        self._now = due

    async def for_ever(self):
        raise asyncio.CancelledError


@pytest.fixture
def play(make_work):
    """Plays stages for a job with the result path `outputs`; what it printed stays in `work.log`."""

    async def play(*stages, lose_node=lambda _: None, begun=lambda: None, **more):
        work = replace(make_work("docker", {}, results={"outputs": "/out"}, **more), clock=Time())
        play.work = work
        return await Player(stages, lose_node, begun).run(work)

    return play


async def test_stages_come_one_after_the_other(play):
    """A follower of the log would see all at once, or a run take another time than it says."""
    stages = (Stage(after=2400, stdout="a"), Stage(stderr="b\n"), Stage(after=0.5, stdout="c\nd", stderr="e", exit=137))
    assert await play(*stages) == Finished(137)
    assert play.work.clock.slept == [2400, 0.5]
    assert play.work.log.snapshot() == [Chunk(1, b"a\n"), Chunk(2, b"b\n"), Chunk(1, b"c\nd\n"), Chunk(2, b"e\n")]


async def test_without_an_end_of_its_own_a_run_ends_well(play):
    """Every script would need a last word."""
    assert await play() == await play(Stage(stdout="x")) == Finished(0)


async def test_a_script_that_fails_fails_in_its_own_words(play):
    """An engine's failure could not be rehearsed."""
    with pytest.raises(StepError, match="^no space left$"):
        await play(Stage(stdout="x"), Stage(fail="no space left"))
    assert play.work.log.snapshot() == [Chunk(1, b"x\n")]


async def test_a_run_that_hangs_ends_only_by_being_stopped(play):
    """A timeout could not be rehearsed."""
    with pytest.raises(asyncio.CancelledError):
        await play(Stage(hang=True))


async def test_a_node_is_lost_by_its_id(play):
    """Another node would be lost, or the run go on."""
    lost = []
    with pytest.raises(asyncio.CancelledError):
        await play(Stage(node_lost=True), lose_node=lost.append)
    assert lost == ["n-1"]


async def test_a_hit_is_counted_when_it_begins(play):
    """A script that was never really played would count as used."""
    begun = []
    Player((), lambda _: None, lambda: begun.append(1)).check(None)
    assert begun == []
    await play(begun=lambda: begun.append(1))
    assert begun == [1]


async def test_files_come_into_the_result_paths(play):
    """A task downstream would find nothing, or files that nobody but the stub may read."""
    old = os.umask(0o077)
    try:
        await play(Stage(files={"outputs/a.csv": b"1", "outputs/x/y/b.bin": b"\xff"}), Stage(files={"outputs/a.csv": b"2"}))
    finally:
        os.umask(old)
    folder = play.work.mounts[-1].source
    assert {str(p.relative_to(folder)): oct(p.stat().st_mode & 0o777) for p in folder.rglob("*")} == {
        "a.csv": "0o644",
        "x": "0o755",
        "x/y": "0o755",
        "x/y/b.bin": "0o644",
    }
    assert ((folder / "a.csv").read_bytes(), (folder / "x/y/b.bin").read_bytes()) == (b"2", b"\xff")


async def test_inputs_are_no_result_paths(play):
    """A file would be written over what was mounted for the job, perhaps a folder of the user."""
    with pytest.raises(StepError, match="^script: in/x: the job has no result path named in [(]it has outputs[)]$"):
        await play(Stage(files={"in/x": b""}), inputs={"/in": b"data"})


async def test_a_job_without_result_paths_is_told_so(make_work):
    """The file would be nowhere, and the job completed."""
    work = make_work("docker", {})
    with pytest.raises(StepError, match="the job has no result path named out [(]it has none[)]$"):
        await Player((Stage(files={"out/x": b""}),), lambda _: None).run(work)


async def test_a_result_path_with_the_name_of_a_captured_file_fails(make_work):
    """Only a real run would show what every released server does with it (FINDINGS-docker 4)."""
    work = make_work("docker", {}, results={"stdout": "/out"})
    with pytest.raises(StepError, match="/stdout: is a directory$"):
        await Player((Stage(exit=0),), lambda _: None).run(work)


async def test_jitter_is_chance_that_a_seed_repeats(play, monkeypatch):
    """Two runs with the same seed would differ, or all partitions take the same time."""
    stages = (Stage(after=10, jitter=5), Stage(jitter=5))
    await play(*stages)
    first = play.work.clock.slept
    await play(*stages)
    assert play.work.clock.slept == first, "the same execution takes the same time"
    assert 10 < first[0] < 15
    assert 0 < first[1] < 5
    drawn = [chance(f"e-{number}", 0) for number in range(1000)]
    assert 0 <= min(drawn) < 0.02 < 0.98 < max(drawn) < 1
    assert 0.45 < sum(drawn) / 1000 < 0.55


async def test_a_refusal_keeps_the_real_check(make_work):
    """A missing image would be called a typing error in a script."""
    work = make_work("docker", {"Image": "acme/gone"})
    real = ScriptedRunner(Images(RELEASES["1.9.3"], [ImageRule("acme/gone", missing=True)]))
    with pytest.raises(StepError, match="image not available"):
        Refuser("no", real).check(work.task)
    Refuser("no").check(work.task)
    with pytest.raises(StepError, match="^no$"):
        await Refuser("no").run(work)
