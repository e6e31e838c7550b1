"""A run as the body of the engine's `POST /containers/create` (pure; as released servers ask, pkg/executor/docker)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Network
from orchestrator_stub.runners.base import Mount, Work
from orchestrator_stub.runners.docker_spec import DockerSpec
from orchestrator_stub.runners.launcher import PROCESSES

_OWN_HOST = "host.docker.internal:host-gateway"
"""How a container finds the machine that it runs on, whatever the engine."""
_LEAST_CPU = 0.01
_NANO = 1_000_000_000
_BRIDGED = ("", "default", "bridge", "http")
_HOSTED = ("host", "full")


def container_request(
    work: Work, spec: DockerSpec, *, mounts: Sequence[Mount], labels: Mapping[str, str], cpus: float
) -> dict[str, Any]:
    """The container of a run.

    Result paths are volumes of the container alone, and the run's own inputs are copied into it: engines that run in
    a virtual machine, or beside the container that the stub itself runs in, see no folder of the stub.

    :param mounts: folders of this machine that the container sees where they are
    :param cpus: how many the engine has; more cannot be asked for
    :raises StepError: an unknown network
    """
    kind = work.task.network.type.lower()
    limits = work.limits
    return {
        "Image": spec.image,
        **({"Entrypoint": list(spec.entrypoint)} if spec.entrypoint else {}),
        **({"Cmd": list(spec.parameters)} if spec.parameters else {}),
        "Env": [f"{name}={value}" for name, value in work.env.items()],
        "WorkingDir": spec.working_directory,
        "Labels": dict(labels),
        "Tty": False,
        "OpenStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        **_ports(work.task.network if kind in _BRIDGED else Network()),
        "HostConfig": {
            "Memory": limits.memory,
            "NanoCpus": int(min(max(limits.cpu, _LEAST_CPU), cpus) * _NANO) if limits.cpu else 0,
            "PidsLimit": PROCESSES,
            "Mounts": [*_volumes(work), *map(_bind, mounts)],
            "LogConfig": {"Type": "none"},  # what it prints is read as it comes, and kept here
            **_network(kind, work.task.network),
        },
    }




def _volumes(work: Work) -> list[dict[str, Any]]:
    options = {"NoCopy": True}  # what the image has there does not belong to the results
    return [
        {"Type": "volume", "Target": path.path, "VolumeOptions": options} for path in work.task.result_paths
    ]


def _bind(mount: Mount) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(mount.source), "Target": mount.target, "ReadOnly": not mount.writable}


def _network(kind: str, network: Network) -> dict[str, Any]:
    if kind == "none":
        return {"NetworkMode": "none"}
    if kind in _HOSTED:
        return {"NetworkMode": "host"}
    if kind not in _BRIDGED:
        raise StepError(f'setting up network: unsupported network type "{network.type}"')
    bindings = {
        f"{port.target}/tcp": [{"HostIp": port.host_network or "127.0.0.1", "HostPort": str(port.static or "")}]
        for port in network.ports
        if port.target
    }
    more = {"PortBindings": bindings} if bindings else {}
    return {"NetworkMode": "bridge", "ExtraHosts": [_OWN_HOST], **more}


def _ports(network: Network) -> dict[str, Any]:
    ports: dict[str, Any] = {f"{port.target}/tcp": {} for port in network.ports if port.target}
    return {"ExposedPorts": ports} if ports else {}
