"""What a docker spec means and what is refused at the bid (FINDINGS-docker 1, 2, 6)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig, Task
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.docker_spec import (
    STRICT_IMAGES,
    check_image,
    docker_spec,
    parse_image,
    program_environment,
)


def spec(params, release="1.9.3"):
    """The spec of a task."""
    return docker_spec(Task(name="main", engine=SpecConfig("docker", params)), RELEASES[release])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ubuntu", ("ubuntu", "", "")),
        ("localhost/busybox:latest", ("localhost/busybox", "latest", "")),
        ("ghcr.io:443/org/clean:1.4", ("ghcr.io:443/org/clean", "1.4", "")),
        ("a/b__c/d.e-f--g:V_1.0-x", ("a/b__c/d.e-f--g", "V_1.0-x", "")),
        ("x@sha256:" + "a" * 64, ("x", "", "sha256:" + "a" * 64)),
        ("[::1]:5000/x:y", ("[::1]:5000/x", "y", "")),
    ],
)
def test_references(text, parts):
    """Images with ports, digests and long paths would be called malformed."""
    reference = parse_image(text)
    assert (reference.name, reference.tag, reference.digest) == parts


@pytest.mark.parametrize(
    "text", ["UPPER CASE::x", "Upper", "a//b", "a:", "a:b:c", "-a", "a@sha256:xyz", " a", "a:" + "t" * 129, "f" * 64, "a" * 256]
)
def test_malformed_references(text):
    """A typo in an image name would run."""
    assert parse_image(text) is None


@pytest.mark.parametrize(
    ("release", "message"),
    [("1.5.2", 'image not available: "UPPER CASE::x"'), ("1.7.0", "Error response from daemon: invalid reference format")],
)
def test_a_malformed_reference_fails_like_the_release(release, message):
    """Golden 73, image-bad-reference."""
    with pytest.raises(StepError) as refused:
        check_image("UPPER CASE::x", RELEASES[release], None)
    assert refused.value.message == message


def test_an_unknown_image_is_told_with_a_hint():
    """Golden 73, image-missing-no-tag: the name as given."""
    with pytest.raises(StepError) as refused:
        check_image("localhost/nope", RELEASES["1.9.3"], STRICT_IMAGES)
    assert refused.value.message == 'image not available: "localhost/nope"'
    assert refused.value.details["Image"] == "localhost/nope"
    assert refused.value.details["Hint"].startswith("To resolve this, either:\n1. Check if the image exists")
    check_image("localhost/busybox", RELEASES["1.9.3"], STRICT_IMAGES)
    check_image("anything/else:1", RELEASES["1.9.3"], None)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (None, "invalid docker engine param: 'Image' cannot be empty"),
        (
            {"Image": "i", "WorkingDirectory": 'no/"such'},
            "invalid docker engine param: 'WorkingDirectory' (\"no/\\\"such\") must contain absolute path",
        ),
        (
            {"Image": "i", "EnvironmentVariables": ["bacalhau_x=1"]},
            "invalid docker engine param: environment variable 'bacalhau_x' cannot start with BACALHAU_",
        ),
    ],
)
def test_refused_specs(params, message):
    """Golden 73: no-params, workdir-relative, env-reserved-lower."""
    with pytest.raises(StepError) as refused:
        spec(params)
    assert refused.value.message == message


def test_old_releases_do_not_reserve_names():
    """Golden 73, env-reserved on 1.5.2 runs."""
    assert spec({"Image": "i", "EnvironmentVariables": ["BACALHAU_X=1"]}, "1.5.2").environment == ("BACALHAU_X=1",)


def test_the_command_is_entrypoint_and_parameters():
    """Golden 70."""
    assert spec({"Image": "i", "Entrypoint": ["a"], "Parameters": ["b", ""]}).argv == ("a", "b", "")


def test_the_job_wins_over_what_engines_set():
    """A job could not change its PATH."""
    env = program_environment({"PATH": "/mine", "A": "1"}, "box")
    assert env == {"PATH": "/mine", "HOSTNAME": "box", "HOME": "/root", "A": "1"}
