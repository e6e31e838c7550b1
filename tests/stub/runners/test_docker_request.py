"""What a container engine is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Network, Port
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.docker_request import container_request
from orchestrator_stub.runners.docker_spec import DockerSpec


@pytest.fixture
def asked(make_work):
    """The request for a run with a network."""

    def ask(spec=DockerSpec("busybox"), network=Network("None"), cpus=2.0, mounts=(), **options):
        work = make_work("docker", {"Image": spec.image}, network=network, **options)
        return container_request(work, spec, mounts=mounts, labels={"a": "b"}, cpus=cpus)

    return ask


async def test_command_line_variables_and_limits(asked):
    """A job would run something else, or without limits."""
    spec = DockerSpec("busybox", ("sh", "-c"), ("echo", ""), (), "/work")
    request = asked(spec, env={"A": "b c", "E": ""}, memory=64_000_000)
    assert (request["Entrypoint"], request["Cmd"], request["WorkingDir"]) == (["sh", "-c"], ["echo", ""], "/work")
    assert (request["Image"], request["Env"], request["Labels"]) == ("busybox", ["A=b c", "E="], {"a": "b"})
    host = request["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (64_000_000, 500_000_000, 512)


async def test_what_is_not_given_is_left_to_the_image(asked):
    """An image with a command of its own would not run it."""
    request = asked()
    assert "Entrypoint" not in request
    assert "Cmd" not in request


async def test_a_job_gets_as_many_processors_as_there_are(make_work):
    """Engines refuse more than they have, and less than a hundredth; nodes of the stub advertise 16."""
    work = make_work("docker", {"Image": "x"}, network=Network("None"))
    for wanted, given in ((16.0, 2_000_000_000), (0.001, 10_000_000), (0.0, 0)):
        one = replace(work, limits=replace(work.limits, cpu=wanted))
        request = container_request(one, DockerSpec("x"), mounts=(), labels={}, cpus=2.0)
        assert request["HostConfig"]["NanoCpus"] == given


async def test_results_are_volumes_and_local_inputs_are_bound(asked):
    """Results would be lost with the container, or a local input be writable that is not to be."""
    mounts = [Mount(Path("/mine"), "/data", shared=True), Mount(Path("/rw"), "/rw", writable=True, shared=True)]
    request = asked(results={"outputs": "/outputs"}, mounts=mounts)
    assert request["HostConfig"]["Mounts"] == [
        {"Type": "volume", "Target": "/outputs", "VolumeOptions": {"NoCopy": True}},
        {"Type": "bind", "Source": "/mine", "Target": "/data", "ReadOnly": True},
        {"Type": "bind", "Source": "/rw", "Target": "/rw", "ReadOnly": False},
    ]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("None", "none"), ("none", "none"), ("Host", "host"), ("Full", "host"), ("Bridge", "bridge"), ("Default", "bridge"), ("HTTP", "bridge")],
)
async def test_networks(asked, kind, mode):
    """A job would reach what it may not, or nothing (pkg/executor/docker/network.go)."""
    host = asked(network=Network(kind))["HostConfig"]
    assert host["NetworkMode"] == mode
    assert ("ExtraHosts" in host) is (mode == "bridge")


async def test_ports_are_published_to_this_machine_unless_the_job_says_otherwise(asked):
    """A service of a job could not be reached, or by the whole network."""
    ports = (Port("a", static=8080, target=80), Port("b", target=81, host_network="0.0.0.0"), Port("c", static=9))
    request = asked(network=Network("Bridge", ports=ports))
    assert request["ExposedPorts"] == {"80/tcp": {}, "81/tcp": {}}
    assert request["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
        "81/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}],
    }
    assert "ExposedPorts" not in asked(network=Network("Host", ports=ports))


async def test_a_network_that_nobody_knows_is_refused(asked):
    """It would run with another one."""
    with pytest.raises(StepError, match='^setting up network: unsupported network type "Nope"$'):
        asked(network=Network("Nope"))
