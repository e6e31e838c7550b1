"""The engine's API, as far as one run needs it, against real engines."""

from __future__ import annotations

import engines
import pytest

from orchestrator_stub.domain.image import ImageReference
from orchestrator_stub.runners.docker_engine import BlockingEngine, Engine, EngineAt, EngineError
from orchestrator_stub.runners.docker_sockets import find_engine

QUIET = {"Image": engines.IMAGE, "HostConfig": {"NetworkMode": "none"}}


@pytest.fixture
def at(engine_socket):
    """Where the engine is."""
    return find_engine(f"unix://{engine_socket}").engine


async def test_one_container_from_its_making_to_its_removal(at):
    """A run would not end, or end with another exit code, or leave its container."""
    async with Engine(at) as engine:
        assert await engine.has_image(engines.IMAGE)
        container = await engine.create({**QUIET, "Cmd": ["sh", "-c", "echo out; exit 5"]})
        async with engine.attached(container) as output:
            await engine.start(container)
            assert b"".join([piece async for piece in output]).endswith(b"out\n")
        assert await engine.wait(container) == (5, "")
        assert await engine.ran_out_of_memory(container) is False
        await engine.remove(container)
        await engine.remove(container)  # one that is gone is fine
        with pytest.raises(EngineError) as gone:
            await engine.start(container)
        assert gone.value.status == 404


async def test_a_program_that_closed_its_output_is_waited_for(at):
    """Its exit code would be asked for too early."""
    async with Engine(at) as engine:
        container = await engine.create({**QUIET, "Cmd": ["sh", "-c", "exec >/dev/null 2>&1; sleep 0.5; exit 6"]})
        async with engine.attached(container) as output:
            await engine.start(container)
            assert [piece async for piece in output] == []
        assert await engine.wait(container) == (6, "")
        await engine.remove(container)


async def test_a_refusal_is_in_the_engines_words(at):
    """The history would show a status instead of a reason."""
    async with Engine(at) as engine:
        assert not await engine.has_image("localhost/nope:latest")
        with pytest.raises(EngineError, match="(?i)no such image"):
            await engine.create({**QUIET, "Image": "localhost/nope:latest"})
        with pytest.raises(EngineError, match="connection refused"):
            await engine.pull(ImageReference("localhost:9/nope", "1"))


async def test_an_engine_that_is_gone_is_told_apart_from_one_that_refuses(tmp_path):
    """A job would fail for a reason that nobody could look for."""
    nowhere = EngineAt(tmp_path / "none.sock", "Docker 0")
    async with Engine(nowhere) as engine:
        with pytest.raises(EngineError, match="Cannot connect to the Docker daemon at unix://") as error:
            await engine.has_image("busybox")
    assert error.value.status == 0
    with BlockingEngine(nowhere) as blocking, pytest.raises(EngineError, match="Cannot connect"):
        blocking.facts("/version")


def test_files_go_in_and_come_out(at):
    """Inputs and results would be lost."""
    with engines.client(at.socket) as asking, BlockingEngine(at) as engine:
        made = asking.post("/containers/create", json={**QUIET, "Cmd": ["true"]}).json()["Id"]
        with engine.files(made, "/bin") as pieces:
            packed = b"".join(pieces)
        engine.put_files(made, "/tmp", iter([packed]))
        with engine.files(made, "/tmp") as pieces:
            assert b"busybox" in b"".join(pieces)
        with pytest.raises(EngineError), engine.files(made, "/no/such"):
            pass
        engine.remove(made)
