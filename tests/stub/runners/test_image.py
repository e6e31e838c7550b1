"""What stands in for an image, and what is said of one that does not exist (FINDINGS-docker 6)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.job import SpecConfig, Task
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.busybox import Busybox
from orchestrator_stub.runners.image import STRICT_IMAGES, Images, StandIn
from orchestrator_stub.runners.sandbox import SandboxRunner
from orchestrator_stub.settings.images import load_images

RELEASE = RELEASES["1.9.3"]
JOBS = "/api/v1/orchestrator/jobs"


@pytest.mark.parametrize(
    ("release", "message"),
    [
        ("1.5.2", 'image not available: "UPPER CASE::x"'),
        ("1.6.5", "Error response from daemon: invalid reference format"),
        ("1.7.0", "Error response from daemon: invalid reference format"),
        ("1.9.3", "Error response from daemon: invalid reference format"),
    ],
)
def test_a_malformed_reference_fails_like_the_release(release, message):
    """Golden 73, image-bad-reference; a rule for all images does not make it exist."""
    with pytest.raises(StepError) as refused:
        Images(RELEASES[release], [ImageRule("*")]).stand_in("UPPER CASE::x")
    assert refused.value.message == message


def test_an_unknown_image_is_told_with_a_hint():
    """Golden 73, image-missing-no-tag: the name as given."""
    strict = Images(RELEASE, only=STRICT_IMAGES)
    with pytest.raises(StepError) as refused:
        strict.stand_in("localhost/nope")
    assert refused.value.message == 'image not available: "localhost/nope"'
    assert refused.value.details["ErrorCode"] == "Docker:ImageNotFound"
    assert refused.value.details["Image"] == "localhost/nope"
    assert refused.value.details["Hint"].startswith("To resolve this, either:\n1. Check if the image exists")
    with pytest.raises(StepError, match="image not available"):
        strict.stand_in("localhost/busybox@sha256:" + "a" * 64)
    assert strict.stand_in("localhost/busybox") == StandIn()
    assert Images(RELEASE).stand_in("anything/else:1") == StandIn()


def test_rules_decide_before_the_list_of_strict():
    """`--strict --images` would know one image only, or all."""
    rules = [ImageRule("acme/gone", missing=True), ImageRule("acme/*"), ImageRule("localhost/busybox:old", missing=True)]
    images = Images(RELEASE, rules, only=STRICT_IMAGES)
    assert images.stand_in("acme/clean:1") == images.stand_in("localhost/busybox:latest") == StandIn()
    for missing in ("acme/gone:1", "ubuntu", "localhost/busybox:old"):
        with pytest.raises(StepError, match=f'^image not available: "{missing}"$'):
            images.stand_in(missing)


def test_folders_are_only_read():
    """A job could change the user's files, or they would be given to another user."""
    rule = ImageRule("acme/clean", mounts={"/srv/clean": "/app"}, path=("/app/bin",))
    found = Images(RELEASE, [rule]).stand_in("acme/clean:1")
    assert found == StandIn((Mount(Path("/srv/clean"), "/app", writable=False, shared=True),), ("/app/bin",))
    assert found.words == "the programs of its own machine and /srv/clean as /app"


@pytest.mark.parametrize(
    ("image", "used"),
    [("busybox", True), ("localhost/busybox:latest", True), ("docker.io/library/busybox:1.36", True), ("acme/busybox-tools", False), ("ubuntu", False)],
)
def test_a_busybox_image_is_this_machines_busybox(image, used):
    """Its shell's words and exit codes would be those of another shell (golden 72, results-file-path)."""
    busybox = Busybox(Path("/usr/bin/busybox"), ("sh",))
    found = Images(RELEASE, [ImageRule("busybox", path=("/x",))], busybox=busybox).stand_in(image)
    assert (found.busybox == busybox) is used
    assert found.words == ("busybox of its own machine" if used else "the programs of its own machine")
    assert ("/bin" in found.path) is used


def test_the_image_of_a_task_is_found_whatever_the_case_of_its_key():
    """A missing image would pass the bid."""
    images = Images(RELEASE, [ImageRule("gone", missing=True)])
    with pytest.raises(StepError, match="image not available"):
        images.of(Task(name="main", engine=SpecConfig("docker", {"image": "gone"})))
    with pytest.raises(StepError, match="'Image' cannot be empty"):
        images.of(Task(name="main", engine=SpecConfig("docker", {})))


@pytest.fixture
def clean(make_work, printed, tmp_path):
    """Runs a command line of an image for which a folder with a script and a file stands in."""
    folder = tmp_path / "images" / "clean"
    (folder / "bin").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "data" / "kept").write_text("kept\n")
    (folder / "link").symlink_to("data/kept")
    (folder / "bin" / "clean").write_text('#!/bin/sh\necho clean "$@" in $(pwd); cat ${0%/*}/../data/*\n')
    (folder / "bin" / "clean").chmod(0o755)
    rule = ImageRule("acme/clean:*", mounts={str(folder): "/app"}, path=("/app/bin",))
    runner = SandboxRunner(RELEASE, "/usr/bin/bwrap", images=Images(RELEASE, [rule]))

    async def run(*command, folder="", image="acme/clean:1", **more):
        params = {"Image": image, "Entrypoint": list(command), "WorkingDirectory": folder}
        work = make_work("docker", params, **more)
        code = (await asyncio.wait_for(runner.run(work), 60)).exit_code
        return code, printed(work).decode(), printed(work, 2).decode()

    return run


async def test_a_folder_stands_in_for_an_image(clean):
    """A job of an image that brings its own programs could not be tried."""
    assert await clean("clean", "a b", folder="/app/data") == (0, "clean a b in /app/data\nkept\n", "")
    assert await clean("/app/bin/clean") == (0, "clean in /\nkept\n", "")


async def test_an_images_folder_is_never_written_to(clean, tmp_path):
    """A job could change files of the user."""
    code, out, err = await clean("sh", "-c", "echo x > /app/new; echo x >> /app/data/kept; rm -r /app/bin; rm -r /app")
    assert (code, out, err.count("Read-only file system") >= 3) == (1, "", True)
    folder = tmp_path / "images" / "clean"
    assert sorted(path.name for path in folder.iterdir()) == ["bin", "data", "link"]
    assert (folder / "data" / "kept").read_text() == "kept\n"


async def test_a_job_may_mount_and_work_inside_an_image(clean, tmp_path):
    """An image holds its own copy of the folder, so inputs, results and working directories may lie in it."""
    line = "pwd; cat /app/data/in /app/data/kept /app/link; echo r > /app/out/f && ls /app; clean"
    code, out, _ = await clean(
        "/bin/sh", "-c", line, folder="/app/work", inputs={"/app/data/in": b"input\n"}, results={"outputs": "/app/out"}
    )
    assert code == 0
    assert out.split() == "/app/work input kept kept bin data link out work clean in /app/work input kept".split()
    folder = tmp_path / "images" / "clean"
    assert sorted(path.name for path in folder.rglob("*")) == ["bin", "clean", "data", "kept", "link"]


async def test_an_input_may_replace_a_file_of_an_image(clean):
    """A job that brings its own configuration would run with the image's."""
    assert (await clean("cat", "/app/data/kept", inputs={"/app/data/kept": b"mine\n"}))[1] == "mine\n"


async def test_another_image_does_not_see_the_folder(clean):
    """A job would run here and fail on a cluster, where its image has no such file."""
    assert (await clean("cat", "/app/data/kept"))[1] == "kept\n"
    assert (await clean("ls", "/app", image="ubuntu"))[0] != 0


@pytest.fixture
def rules(tmp_path):
    """Rules of a file beside a folder with a script."""
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "run").write_text("#!/bin/sh\necho cleaned $1 by $0\n")
    (tmp_path / "clean" / "run").chmod(0o755)
    file = tmp_path / "images.yaml"
    file.write_text("acme/clean:*: {sandbox: {mount: {./clean: /app}, path: [/app]}}\nacme/gone: missing\n")
    return load_images(file)


def job(image, *command):
    """A batch job of one docker task."""
    engine = {"Type": "docker", "Params": {"Image": image, "Entrypoint": list(command)}}
    return {"Job": {"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": engine}]}}


async def finished(client, submitted):
    """State of a job at its end, and its last execution."""
    path = f"{JOBS}/{submitted['JobID']}"
    while True:
        state = (await client.get(path)).json()["Job"]["State"]["StateType"]
        if state in ("Completed", "Failed"):
            return state, (await client.get(f"{path}/executions")).json()["Items"][-1]
        await asyncio.sleep(0.001)


async def test_a_job_runs_what_stands_in_for_its_image(start_stub, rules, tmp_path):
    """The whole way from the file to a program's output would be broken, or nobody would know what ran."""
    stub, client = await start_stub(docker_runner="sandbox", images=rules)
    submitted = (await client.put(JOBS, json=job("acme/clean:1.4", "run", "it"))).json()
    state, execution = await finished(client, submitted)
    assert (state, execution["RunOutput"]["Stdout"]) == ("Completed", "cleaned it by /app/run\n")
    (warning,) = submitted["Warnings"]
    assert warning == (
        "the image's content is not used: this stub's sandbox runs the programs of its own machine "
        f"and {tmp_path}/clean as /app, without network"
    )
    assert stub.info.docker == "sandbox, what stands in for images is below (--images)"
    assert stub.info.notes[:2] == (f"image acme/clean:*: {tmp_path}/clean as /app, PATH /app", "image acme/gone: missing")
    shown = (await client.get("/stub/info")).json()
    assert shown["flags"]["images"][1]["pattern"] == "acme/gone"


@pytest.mark.parametrize("runner", ["sandbox", "scripted"])
async def test_a_job_of_a_missing_image_fails_like_on_a_node_that_cannot_pull_it(start_stub, rules, runner):
    """A DAG's handling of a wrong image name could not be tried."""
    _, client = await start_stub(docker_runner=runner, images=rules, nodes=1)
    submitted = (await client.put(JOBS, json=job("acme/gone:1.4", "run"))).json()
    assert submitted["Warnings"] == ['this job fails here: image not available: "acme/gone:1.4"']
    state, execution = await finished(client, submitted)
    assert (state, execution["ComputeState"]["Message"]) == ("Failed", 'image not available: "acme/gone:1.4"')
    history = (await client.get(f"{JOBS}/{submitted['JobID']}/history")).json()["Items"]
    (first, _) = [item["Event"] for item in history if item["Event"]["Topic"] == "Exec Scanning"]
    assert first["Details"]["Image"] == "acme/gone:1.4"
    assert {"ErrorCode", "Hint", "Image", "IsError"} == set(first["Details"])
