"""A stub in the hands of a test: the pytest plugin (fixtures `bacalhau_stub` and `bacalhau_connection`), the typed
`StubHandle` that they give, and `stub_server` for everybody without pytest.

Loaded by every pytest of an environment that has this package: nothing but the standard library is imported here.
"""

from orchestrator_stub.testing.exchange import StubError
from orchestrator_stub.testing.fault import Fault
from orchestrator_stub.testing.handle import StubHandle
from orchestrator_stub.testing.journal import Entry
from orchestrator_stub.testing.nodes import StubNode
from orchestrator_stub.testing.script import Script
from orchestrator_stub.testing.server import MissingExtraError, stub_server

__all__ = ["Entry", "Fault", "MissingExtraError", "Script", "StubError", "StubHandle", "StubNode", "stub_server"]

pytest_plugins = ("orchestrator_stub.testing.plugin",)
