"""What a docker spec means and what is refused at the bid (FINDINGS-docker 1, 2, 6)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig, Task
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.docker_spec import docker_spec, program_environment


def spec(params, release="1.9.3"):
    """The spec of a task."""
    return docker_spec(Task(name="main", engine=SpecConfig("docker", params)), RELEASES[release])


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
    assert program_environment({"PATH": "/mine"}, "box", ["/app/bin"])["PATH"] == "/mine"


def test_an_images_folders_come_first_in_path():
    """Programs that stand in for an image would be hidden by this machine's."""
    assert program_environment({}, "box", ["/app/bin", "/x"])["PATH"].startswith("/app/bin:/x:/usr/local/sbin:")
