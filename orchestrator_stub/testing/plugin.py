"""The pytest plugin: a stub of its own for every test, its journal when the test fails, connections that lead there."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from orchestrator_stub.testing.environment import NOWHERE, around_proxies, connections, leading_away
from orchestrator_stub.testing.exchange import StubError
from orchestrator_stub.testing.handle import StubHandle
from orchestrator_stub.testing.server import MissingExtraError, background, stub_server

KEEP = "bacalhau_keep_environment"
TITLE = "bacalhau stub"
"""Of the section that a failed test shows."""
_AT_START = {name: os.environ[name] for name in leading_away(os.environ)}
"""Plugins are loaded before any conftest, so this is what the shell has set."""
_WORKER_INPUT = "bacalhau_inherited"
_INHERITED = pytest.StashKey[Mapping[str, str]]()
_STUB = pytest.StashKey[StubHandle]()
_LAST_WORDS = pytest.StashKey[str]()
_PASSED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """One setting for the ini file."""
    text = "patterns of environment variables that tests inherit although they could lead to real systems"
    parser.addini(KEEP, text, type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Remember what was inherited. A worker of pytest-xdist is told: what a conftest of the main process set looks
    inherited to it."""
    told: Mapping[str, Any] = getattr(config, "workerinput", {})
    config.stash[_INHERITED] = told.get(_WORKER_INPUT, _AT_START)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist."""
    node.workerinput[_WORKER_INPUT] = dict(node.config.stash[_INHERITED])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember whether the test passed; when it did not, show its stub."""
    report: pytest.TestReport = yield  # type: ignore[assignment]  # pluggy's wrappers are sent what the others return
    if call.when == "call":
        item.stash[_PASSED] = report.passed and not hasattr(report, "wasxfail")
    if report.failed and (text := _said_by(item)):
        report.sections.append((TITLE, text))
    return report  # type: ignore[return-value]  # as above


def _said_by(item: pytest.Item) -> str:
    stub = item.stash.get(_STUB, None)
    if stub is None:
        return item.stash.get(_LAST_WORDS, "")
    try:
        return stub.report()
    except StubError as error:  # the test may have broken or ended its stub
        return str(error)


@pytest.fixture
def bacalhau_stub_flags() -> Sequence[str]:
    """Flags of `bacalhau-stub serve` for the stubs of a test, module or project: override or parametrize it."""
    return ()


@pytest.fixture(scope="session")
def _bacalhau_background() -> Iterator[None]:
    """One event loop for all stubs of the session."""
    with background():
        yield


@pytest.fixture
def bacalhau_stub(
    request: pytest.FixtureRequest,
    bacalhau_stub_flags: Sequence[str],
    _bacalhau_background: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[StubHandle]:
    """A stub orchestrator of the test's own, on free ports: docker jobs follow scripts, its clock jumps when a client
    waits, and the same requests get the same answers. At the end, scripts that were never played and faults that were
    never met fail the test unless they are optional."""
    stash = request.node.stash
    for name, value in around_proxies(os.environ).items():
        monkeypatch.setenv(name, value)
    try:
        given = bacalhau_stub_flags
        with stub_server(*(shlex.split(given) if isinstance(given, str) else given)) as stub:
            stash[_STUB] = stub
            try:
                yield stub
                unused = stub.unused() if stash.get(_PASSED, False) else []
                stash[_LAST_WORDS] = stub.report() if unused else ""
            finally:
                del stash[_STUB]
    except MissingExtraError as error:
        pytest.fail(str(error), pytrace=False)
    if unused:
        pytest.fail("\n".join(unused), pytrace=False)


@pytest.fixture
def bacalhau_clean_environment(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """For this test, no variable that the shell has set leads to a real Airflow, cluster or account; what conftests and
    fixtures set stays, and what the ini setting `bacalhau_keep_environment` names."""
    inherited = pytestconfig.stash[_INHERITED]
    for name in leading_away(inherited, pytestconfig.getini(KEEP)):
        if os.environ.get(name) == inherited[name]:
            monkeypatch.delenv(name)
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bacalhau_connection(
    bacalhau_stub: StubHandle,
    bacalhau_clean_environment: None,  # noqa: ARG001 - what was inherited is gone before anything is set
    monkeypatch: pytest.MonkeyPatch,
) -> StubHandle:
    """The connections `bacalhau_default` and `aws_default`, and boto3's own variables, lead to the test's stub."""
    variables = connections(bacalhau_stub.environment(), bacalhau_stub.info["s3"]["endpoint"] or "")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return bacalhau_stub
