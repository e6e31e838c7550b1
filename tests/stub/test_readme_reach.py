"""What the README says about reaching a stub can be typed: the flags exist, the files are well-formed and fit together."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from orchestrator_stub.app import FILES_PORT, S3_PORT
from orchestrator_stub.settings.flags import DOCKER_RUNNERS, Settings, parse

README = Path(__file__).resolve().parents[2] / "README.md"
INSTRUCTIONS = {"FROM", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD"}


@pytest.fixture(scope="module")
def section():
    """The text of the section."""
    return re.search(r"^## Reach\n(.*?)^## ", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[1]


@pytest.fixture(scope="module")
def containerfile(section):
    """Instruction -> what stands behind it."""
    lines = re.search(r"```dockerfile\n(.*?)```", section, re.DOTALL)[1].splitlines()
    return {word: rest for word, _, rest in (line.partition(" ") for line in lines)}


@pytest.fixture(scope="module")
def services(section):
    """The services of the compose file."""
    return yaml.safe_load(re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1])["services"]


def settings_of(words):
    """What the stub makes of a command line."""
    assert words[:2] == ["bacalhau-stub", "serve"]
    return parse(words[2:], environment={})


def test_the_command_on_the_host_is_understood(section):
    """The user's first try would end with a usage message."""
    (line,) = re.findall(r"^    (bacalhau-stub serve .*)$", section, re.MULTILINE)
    settings = settings_of(shlex.split(line))
    assert (settings.binds_loopback, settings.control_token) == (False, "TOKEN")
    assert f"bacalhau://{settings.allow_hosts[0]}:{settings.port}" in section


def test_the_containerfile_starts_a_stub(containerfile):
    """The image would not build, or its container end at once."""
    assert set(containerfile) == INSTRUCTIONS
    assert shlex.split(containerfile["RUN"]) == ["pip", "install", "--no-cache-dir", "airflow-provider-bacalhau[stub]"]
    settings = settings_of([*json.loads(containerfile["ENTRYPOINT"]), *json.loads(containerfile["CMD"])])
    assert containerfile["EXPOSE"].split() == [str(port) for port in (settings.port, S3_PORT, FILES_PORT)]
    assert containerfile["USER"] != "root"


def test_the_services_find_each_other(containerfile, services):
    """Airflow would look for the stub under another name, or be turned away."""
    stub, airflow = services["stub"], services["airflow"]
    settings = settings_of([*json.loads(containerfile["ENTRYPOINT"]), *stub["command"][:-1], "t"])
    assert stub["command"][-2:] == ["--control-token", "${STUB_TOKEN:?choose one}"]
    assert stub["build"]["dockerfile"] == "Containerfile"
    bacalhau = urlsplit(airflow["environment"]["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    s3 = urlsplit(json.loads(airflow["environment"]["AIRFLOW_CONN_AWS_DEFAULT"])["extra"]["endpoint_url"])
    assert (bacalhau.scheme, bacalhau.hostname, bacalhau.port) == ("bacalhau", "stub", settings.port)
    assert (s3.hostname, s3.port) == ("stub", S3_PORT)
    assert settings.allow_hosts == ("stub",)
    assert "stub" in services
    assert airflow["depends_on"] == ["stub"]


def test_the_other_commands_are_understood(section, containerfile):
    """The advice for real programs would end with a usage message."""
    for words in re.findall(r"`\[(--[^`]*)\]`", section):
        assert settings_of([*json.loads(containerfile["ENTRYPOINT"]), *words.split(", ")]).trust_network
    assert set(re.findall(r"--[a-z][a-z-]+", section)) - {"--no-cache-dir", "--add-host"} <= set(flags())


def flags():
    """Flags that `serve` knows."""
    names = {name.replace("_", "-") for name in Settings.__dataclass_fields__}
    return {f"--{name}" for name in names} | {"--allow-host"}


def test_every_runner_is_explained():
    """A user could not choose."""
    text = README.read_text(encoding="utf-8")
    assert all(f"| `{runner}` |" in text for runner in DOCKER_RUNNERS if runner != "auto")
