"""The import contracts of pyproject.toml hold, and each of them catches its violation."""

from __future__ import annotations

import copy

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract

TYPES = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
    "protected": ProtectedContract,
}
PROVIDER, STUB = "airflow_provider_bacalhau", "orchestrator_stub"
PLANTED = [
    ("provider rooms", f"{PROVIDER}.hooks.bacalhau", f"{PROVIDER}.operators.job"),
    ("provider rooms", f"{PROVIDER}.operators.job", f"{PROVIDER}.sensors.job"),
    ("provider rooms", f"{PROVIDER}.results.manifest", f"{PROVIDER}.client.call"),
    ("provider rooms", f"{PROVIDER}.utils", None),
    ("client is two blind shells over one core", f"{PROVIDER}.client.sync", f"{PROVIDER}.client.aio"),
    ("client is two blind shells over one core", f"{PROVIDER}.client.protocol", f"{PROVIDER}.client.tls"),
    ("client is two blind shells over one core", f"{PROVIDER}.client.helpers", None),
    ("client and lifecycle are strangers", f"{PROVIDER}.client.retry", f"{PROVIDER}.lifecycle.watch"),
    ("airflow stops at the hooks", f"{PROVIDER}.results.fetch", "airflow"),
    ("airflow stops at the hooks", f"{STUB}.app", "airflow"),
    ("deciding code does no io and reads no clock", f"{PROVIDER}.lifecycle.watch", "time"),
    ("deciding code does no io and reads no clock", f"{STUB}.scheduler.decide", "random"),
    ("deciding code does no io and reads no clock", f"{STUB}.wire.job", f"{STUB}.clock"),
    ("the domain is standard library alone", f"{STUB}.domain.job", "pydantic"),
    ("provider and stub are strangers", f"{STUB}.wire.job", f"{PROVIDER}.models.job"),
    ("stub rooms", f"{STUB}.engine.orchestrator", f"{STUB}.api.routes"),
    ("stub rooms", f"{STUB}.engine.orchestrator", f"{STUB}.wire.job"),
    ("stub rooms", f"{STUB}.runners.base", f"{STUB}.inputs.base"),
    ("stub rooms", f"{STUB}.publishers.base", f"{STUB}.inputs.base"),
    ("stub rooms", f"{STUB}.api.server", f"{STUB}.certificates.given"),
    ("stub rooms", f"{STUB}.utils", None),
    ("wire and scheduler see only the domain", f"{STUB}.wire.job", f"{STUB}.logs.buffer"),
    ("runners, inputs and publishers know neither store nor settings", f"{STUB}.inputs.base", f"{STUB}.settings"),
    ("only the api speaks wire", f"{STUB}.control.routes", f"{STUB}.wire.job"),
    ("only the engine touches the store", f"{STUB}.api.jobs", f"{STUB}.store.memory"),
    ("no circles", f"{PROVIDER}.errors", f"{PROVIDER}.client.call"),
]


@pytest.fixture(scope="module")
def options(root):
    """The [tool.importlinter] table as the linter reads it."""
    return read_configuration(str(root / "pyproject.toml"))


@pytest.fixture(scope="module")
def graph(options):
    """Who imports whom, in both packages."""
    return grimp.build_graph(*options["session_options"]["root_packages"], include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def contracts(options):
    """Name -> contract."""
    session = options["session_options"]
    return {each["name"]: TYPES[each["type"]](each["name"], session, each) for each in options["contracts_options"]}


def test_every_contract_holds(contracts, graph):
    """An import against the arrow, or a room that nobody drew, would go unnoticed."""
    broken = [name for name, contract in contracts.items() if not contract.check(copy.deepcopy(graph), verbose=False).kept]
    assert broken == [], "run `make check` to see the imports"


@pytest.mark.parametrize(("name", "importer", "imported"), PLANTED)
def test_a_violation_of_each_contract_is_caught(contracts, graph, name, importer, imported):
    """A contract that is always kept guards nothing."""
    planted = copy.deepcopy(graph)
    if imported is None:
        planted.add_module(importer)
    else:
        planted.add_import(importer=importer, imported=imported, line_number=1, line_contents="planted")
    assert not contracts[name].check(planted, verbose=False).kept


def test_no_contract_is_left_without_a_planted_violation(contracts):
    """A new contract could be written that catches nothing."""
    assert set(contracts) == {name for name, _, _ in PLANTED}
