"""Orders: what is mounted, as whom, with which limits."""

from __future__ import annotations

import json
import os
import stat

import pytest

from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.docker_spec import DockerSpec
from orchestrator_stub.runners.image import StandIn
from orchestrator_stub.runners.launcher import Launcher, system_links, unprivileged_user


@pytest.fixture
def order(make_work):
    """Writes the order of a run and reads it back."""

    def write(**more):
        work = make_work("docker", {}, **more)
        path = Launcher("/usr/bin/bwrap").write_order(work, DockerSpec("i", ("true",)))
        return json.loads(path.read_text()), path, work

    return write


async def test_parents_are_mounted_first(order):
    """An input inside a result path would be hidden by it."""
    written, _, work = order(inputs={"/outputs/in": b"x"}, results={"outputs": "/outputs"})
    assert written["binds"][-2:] == [str(work.mounts[1].source), str(work.mounts[0].source)]


async def test_an_images_folders_are_mounted_before_the_jobs(make_work, tmp_path):
    """They would hide the job's inputs and results."""
    work = make_work("docker", {}, results={"outputs": "/app"})
    image = Mount(tmp_path, "/app", shared=True)
    path = Launcher("/usr/bin/bwrap").write_order(work, DockerSpec("i", ("true",)), StandIn((image,), ("/app/bin",)))
    written = json.loads(path.read_text())
    assert written["binds"][-2:] == [str(tmp_path), str(work.mounts[0].source)]
    assert written["argv"][written["argv"].index("PATH") + 1].startswith("/app/bin:")


async def test_an_images_folder_keeps_its_owner(make_work, tmp_path):
    """The user could no longer change the files that stand in for an image."""
    (tmp_path / "f").write_text("x")
    owner = (tmp_path / "f").stat().st_uid
    work = make_work("docker", {}, inputs={"/app/in": b"x"})
    Launcher("/usr/bin/bwrap").write_order(work, DockerSpec("i", ("true",)), StandIn((Mount(tmp_path, "/app", shared=True),)))
    assert (tmp_path / "f").stat().st_uid == owner
    assert not (tmp_path / "in").exists()


async def test_limits_of_the_job(order):
    """Memory has a margin, because the watchdog counts what is really used."""
    written, _, _ = order(memory=100, disk=7)
    assert (written["file_size"], written["memory"] > 100) == (7, True)
    unlimited, _, _ = order(memory=0, disk=0)
    assert (unlimited["memory"], unlimited["file_size"] > 10**9) == (-1, True)


async def test_an_order_is_nobody_elses(order):
    """It holds the job's environment."""
    _, path, _ = order(env={"TOKEN": "secret"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("uid_map", "least", "most"),
    [("0 0 4294967295\n", 1_999_000_000, 1_999_999_999), ("0 1000 1\n1 100000 65536\n", 64_537, 65_536), ("0 1000 1\n", 1, 1)],
)
def test_users_that_nobody_has(uid_map, least, most):
    """Jobs would share a user with a service of the machine, or get one that does not exist here."""
    users = {unprivileged_user(uid_map, number) for number in range(3000)}
    assert min(users) >= least
    assert max(users) <= most


def test_every_run_has_a_user_of_its_own():
    """The kernel counts processes by user: jobs would use up each other's."""
    users = {Launcher("/usr/bin/bwrap").user() for _ in range(10)}
    assert users == {-1} if os.geteuid() else len(users) == 10


def test_what_stands_beside_usr(tmp_path):
    """On merged systems links, on others folders; what is missing is left out."""
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "lib").mkdir()
    assert system_links(tmp_path) == {"bin": "usr/bin", "lib": ""}
