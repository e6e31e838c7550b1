"""What a submitted job must be, with the exact texts of the released servers (fact sheet 4.3; goldens 26, 27, 16)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import (
    Constraint,
    InputSource,
    Job,
    Network,
    Port,
    Resources,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)
from orchestrator_stub.domain.quantity import duration_text, parse_bytes, parse_cpu, parse_gpu, tidy
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import JobType

_ESCAPES = {
    '"': r"\"",
    "\\": r"\\",
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
}
_DOMAIN = re.compile(r"\b[a-z0-9]+\.[a-z]{2,}\b", re.ASCII)
"""The end of a domain name anywhere in the text: what stands before it (`a-b.c.`) changes nothing."""
_PORT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_PORT_NAME = 256 - len("BACALHAU_HOST_PORT_")
_LOWEST_PORT, _HIGHEST_PORT = 1024, 65535


def validate(job: Job, release: Release) -> list[str]:
    """Problems of a job as parsed, in the release's order and words; joined by newline they are the 400's message.

    Extra tasks are validated too, although they are dropped later (FINDINGS 3).
    """
    problems: list[str] = []
    if not job.type:
        problems.append("missing job type")
    elif job.type not in tuple(JobType):
        problems.append(f"invalid job type: {quoted(job.type)}")
    problems += _count_problems(job, release)
    if not job.tasks:
        problems.append("missing job tasks")
    for number, constraint in enumerate(job.constraints, start=1):
        problems += _under(f"constraint {number} validation failed", _constraint_problems(constraint))
    for task in job.tasks:
        problems += _under(f"task {task.name} validation failed", _task_problems(task, release))
    return problems


def refuse_unstorable(job: Job) -> None:
    """What the job store refuses after the job was normalised and got its id and name.

    :raises OrchestratorError: 400 of the store, or a masked 500 for a label whose key, or a part of it between slashes,
        is empty (FINDINGS 1 row 4.3; released servers of 1.5.2 and 1.9.3).
    """
    problems = []
    if not job.id.strip():
        problems.append("missing job ID")
    if any(letter.isspace() for letter in job.id):
        problems.append("job ID contains a space")
    if "\0" in job.id:
        problems.append("job ID contains a null character")
    if not job.name.strip():
        problems.append("missing job name")
    if "\0" in job.name:
        problems.append("job Name contains a null character")
    if not job.namespace.strip():
        problems.append("job must be in a namespace")
    for task in job.tasks:
        found = []
        if task.result_paths and not task.publisher.type and not task.publisher.params:
            found.append("publisher must be set if result paths are set")
        limits = task.timeouts
        if 0 < limits.total < limits.execution + limits.queue:
            found.append(
                f"task timeouts validation failed: execution timeout {duration_text(limits.execution or limits.total)} "
                f"and queue timeout {duration_text(limits.queue)} should be less than total timeout "
                f"{duration_text(limits.total)}"
            )
        problems += _under(f"task {task.name} validation failed", found)
    if problems:
        raise OrchestratorError(400, "\n".join(problems), code="BadRequest", component="JobStore")
    if any("" in key.split("/") for key in job.labels):  # the parts of a key are names of nested buckets
        raise OrchestratorError(500, "Internal server error", component="Unknown")


def quoted(text: str) -> str:
    """Text in double quotes as released servers quote it in messages: unprintable characters escaped."""
    return '"' + "".join(_ESCAPES.get(letter) or _escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    code = ord(letter)
    if letter.isprintable():
        return letter
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _under(head: str, problems: Iterable[str]) -> Iterator[str]:
    """Problems of a part, joined under one head; nothing without problems."""
    text = "\n".join(problems)
    if text:
        yield f"{head}: {text}"


def _count_problems(job: Job, release: Release) -> Iterator[str]:
    count = job.count or 0
    everywhere = job.type in (JobType.OPS, JobType.DAEMON)
    if count < 0 and not (everywhere and release.normalised_first and release.everywhere_count == 0):
        yield "job count must be >= 0"
    if count > 1 and everywhere and release.everywhere_count_refused:
        yield f"{job.type} jobs cannot specify count > 1 as they run on all matching nodes"


def _constraint_problems(constraint: Constraint) -> Iterator[str]:
    if not constraint.key.strip():
        yield "selector key cannot be blank"
    if constraint.operator in ("in", "notin"):
        if not constraint.values:
            yield "selector values cannot be empty for In or NotIn operators"
    elif constraint.operator in ("exists", "!"):
        if constraint.values:
            yield "selector values must be empty for Exists or KeyNotInImap operators"
    elif len(constraint.values) != 1:
        yield "selector values must have exactly one value for other operators"


def _task_problems(task: Task, release: Release) -> Iterator[str]:
    head = _heads(release)
    if not task.name.strip():
        yield "missing task name"
    if "\0" in task.name:
        yield "task name cannot contain null characters"
    if release.env_and_network_checked:
        yield from _env_problems(task)
    yield from _under(head("engine"), _spec_problems(task.engine))
    yield from _under(head("timeouts"), _timeout_problems(task.timeouts))
    yield from _under(head("resources"), _resource_problems(task.resources))
    yield from _under(head("inputs"), (p for source in task.input_sources for p in _input_problems(source, release)))
    yield from _under(head("output"), (p for path in task.result_paths for p in _path_problems(path)))
    yield from _duplicates(task, release)
    if release.env_and_network_checked:
        yield from _under(head("network"), _network_problems(task.network, release))


def _heads(release: Release) -> Callable[[str], str]:
    if release.short_problems:
        names = {"inputs": "input sources"}
        return lambda part: f"invalid {names.get(part, part)}"
    names = {"inputs": "artifact", "timeouts": "task timeouts", "resources": "task resources"}
    return lambda part: f"{names.get(part, part)} validation failed"


def _env_problems(task: Task) -> Iterator[str]:
    """The first problem only; which variable comes first is random on real servers, here it is the alphabet's."""
    for name, value in sorted(task.env.items()):
        if not name:
            yield "environment variable name cannot be empty"
        elif name != name.upper():
            yield f"environment variable '{name}' must be uppercase"
        elif not name[0].isalpha():
            yield f"environment variable '{name}' must start with a letter"
        elif not all(letter.isalpha() or letter.isdecimal() or letter == "_" for letter in name):
            yield f"environment variable '{name}' can only contain letters, numbers, and underscores"
        elif name.startswith("BACALHAU_"):
            yield f"environment variable '{name}' cannot start with BACALHAU_"
        elif not value:
            yield f"environment variable '{name}' cannot have empty value"
        else:
            continue
        return


def _spec_problems(spec: SpecConfig) -> Iterator[str]:
    if spec.absent:
        yield "nil spec config"
    elif not spec.type.strip():
        yield "missing spec type"


def _timeout_problems(limits: Timeouts) -> Iterator[str]:
    if limits.execution < 0:  # the server shows the fallback of an execution limit: the total one
        yield f"invalid execution timeout value: {duration_text(limits.total)}"
    if limits.queue < 0:
        yield f"invalid queue timeout value: {duration_text(limits.queue)}"
    if limits.total < 0:
        yield f"invalid total timeout value: {duration_text(limits.total)}"


def _resource_problems(resources: Resources) -> Iterator[str]:
    if resources.gpu:
        try:
            parse_gpu(tidy(resources.gpu))
        except ValueError:  # ends the server's check at once, so that no other problem is reported
            yield f"invalid GPU value: {tidy(resources.gpu)}"
            return
    problems = []
    cpu = 0.0
    if resources.cpu:
        try:
            cpu = parse_cpu(tidy(resources.cpu))
        except ValueError:
            problems.append(f"invalid CPU value: {tidy(resources.cpu)}")
    for word, text in (("memory", resources.memory), ("disk", resources.disk)):
        if text:
            try:
                parse_bytes(tidy(text))
            except ValueError:
                problems.append(f"invalid {word} value: {tidy(text)}")
    if not problems and cpu < 0:
        problems.append(f"invalid CPU value: {cpu:f}")
    yield from problems


def _input_problems(source: InputSource, release: Release) -> Iterator[str]:
    if not source.target.strip():
        yield "input source is missing a target" if release.short_problems else "missing artifact target"
    head = "invalid input source" if release.short_problems else "invalid artifact source"
    yield from _under(head, _spec_problems(source.source))


def _path_problems(path: ResultPath) -> Iterator[str]:
    if not path.path.strip():
        yield "missing path"
    if not path.name.strip():
        yield "missing name"
    if not path.path.startswith("/"):
        yield f"result path `{path.path}` must be absolute"


def _duplicates(task: Task, release: Release) -> Iterator[str]:
    """One duplicate of inputs and one of result paths; 1.5.2 names them all."""
    inputs = [pair for s in task.input_sources for pair in (("alias", s.alias), ("target", s.target))]
    for kind, value in _seen_twice(inputs, release):
        yield f"input source with {kind} '{value}' already exists"
    paths = [pair for p in task.result_paths for pair in (("name", p.name), ("path", p.path))]
    for kind, value in _seen_twice(paths, release):
        yield f"result path with name '{value}' already exists" if kind == "name" else (
            f"result path '{value}' already exists"
        )


def _seen_twice(pairs: list[tuple[str, str]], release: Release) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for pair in pairs:
        if pair[1] and pair in seen:
            yield pair
            if release.env_and_network_checked:
                return
        seen.add(pair)


def _network_problems(network: Network, release: Release) -> Iterator[str]:
    if network.domains and network.type != "HTTP":
        yield "domains can only be set for HTTP network mode"
    for domain in network.domains:
        if not _DOMAIN.search(domain) and not _is_ip(domain):
            yield f"invalid domain {quoted(domain)}"
    if not network.ports:
        return
    host = network.type == "Host" or (network.type == "Full" and release.default_network == "Default")
    if not host and network.type != "Bridge":
        yield "ports can only be set for Host or Bridge network modes"
        return
    yield from _port_problems(network.ports, host=host)


def _port_problems(ports: Iterable[Port], *, host: bool) -> Iterator[str]:
    names: set[str] = set()
    statics: set[int] = set()
    targets: set[int] = set()
    for port in ports:
        problem = _port_problem(port)
        if problem:
            yield problem
            continue
        if port.name in names:
            yield f"duplicate port mapping name {quoted(port.name)}"
        names.add(port.name)
        if port.static and port.static in statics:
            yield f"duplicate port mapping static port {port.static}"
        statics.add(port.static)
        if host and port.target:
            yield "target ports cannot be set for Host network mode"
        if not host and port.target:
            if port.target in targets:
                yield f"duplicate port mapping target port {port.target}"
            targets.add(port.target)


def _port_problem(port: Port) -> str:
    if not port.name:
        return "port mapping name is required"
    if not _PORT_NAME.fullmatch(port.name):
        return (
            "port name must be a valid environment variable name: "
            "start with letter/underscore and contain only letters, numbers, and underscores"
        )
    if len(port.name) > _LONGEST_PORT_NAME:
        return f"port name too long (max {_LONGEST_PORT_NAME} characters)"
    if port.static and port.static < _LOWEST_PORT:
        return f"static port {port.static} is in privileged port range (1-1023)"
    if port.static > _HIGHEST_PORT:
        return f"static port {port.static} is above maximum valid port 65535"
    if not 0 <= port.target <= _HIGHEST_PORT:
        return f"invalid target port {port.target}"
    if port.host_network and not _is_ip(port.host_network):
        return f"invalid host network IP address: {port.host_network}"
    return ""


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
