"""Wait for nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_bacalhau.errors import ApiError, BacalhauError, Rejected
from airflow_provider_bacalhau.version_compat import default_deferrable

if TYPE_CHECKING:
    from airflow.sdk import Context


class BacalhauNodeSensor(BaseSensorOperator):
    """Wait until enough nodes are approved, connected and able to take a job; returns their ids.

    :param selector: label selectors that the nodes match, e.g. ["region=eu"]. (templated)
    :param min_nodes: how many are enough.
    :param engine: an execution engine that they have, e.g. "docker". (templated)
    :param publisher: a publisher that they have, e.g. "s3". (templated)
    :param bacalhau_conn_id: a connection of type `bacalhau`. (templated)
    :param deferrable: wait in the triggerer instead of a worker.
    """

    template_fields: Sequence[str] = ("selector", "engine", "publisher", "bacalhau_conn_id")
    template_ext: Sequence[str] = ()

    def __init__(
        self,
        *,
        selector: str | Sequence[str] = (),
        min_nodes: int = 1,
        engine: str | None = None,
        publisher: str | None = None,
        bacalhau_conn_id: str = "bacalhau_default",
        deferrable: bool = default_deferrable(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.selector = selector
        self.min_nodes = min_nodes
        self.engine = engine
        self.publisher = publisher
        self.bacalhau_conn_id = bacalhau_conn_id
        self.deferrable = deferrable

    def poke(self, context: Context) -> PokeReturnValue:
        """One look. A server that does not answer is a reason to look again, one that refuses is not."""
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
        from airflow_provider_bacalhau.hooks.connection import EVERY_NODE
        from airflow_provider_bacalhau.hooks.outcome import airflow_error
        from airflow_provider_bacalhau.triggers.nodes import usable, wanted

        hook = BacalhauHook(self.bacalhau_conn_id)
        try:
            page = hook.get_conn().list_nodes(labels=self._selectors() or None, limit=EVERY_NODE)
        except ApiError as error:
            if isinstance(error, Rejected):
                raise airflow_error(error) from None
            self.log.warning("The nodes cannot be read now: %s", error)
            return PokeReturnValue(is_done=False)
        except BacalhauError as error:
            raise airflow_error(error) from None
        finally:
            hook.close()
        found = usable(page.items, engine=self.engine, publisher=self.publisher)
        what = wanted(self._selectors(), self.engine, self.publisher)
        self.log.info("%d of %d nodes are there (%s).", len(found), self.min_nodes, what)
        done = len(found) >= self.min_nodes
        return PokeReturnValue(is_done=done, xcom_value=found if done else None)

    def execute(self, context: Context) -> Any:
        """Look once, then wait as `mode` or `deferrable` say."""
        if not self.deferrable:
            return super().execute(context)
        first = self.poke(context)
        if first.is_done:
            return first.xcom_value
        from airflow_provider_bacalhau.triggers.nodes import BacalhauNodesTrigger

        return self.defer(
            trigger=BacalhauNodesTrigger(
                bacalhau_conn_id=self.bacalhau_conn_id,
                selector=self._selectors(),
                min_nodes=self.min_nodes,
                engine=self.engine,
                publisher=self.publisher,
                poll_interval=self.poke_interval,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None, **_: Any) -> list[str]:
        """The ids of the nodes that the trigger found."""
        from airflow_provider_bacalhau.hooks.outcome import final

        if event is None or "nodes" not in event:
            reason = (event or {}).get("error") or "the trigger ended without an answer"
            raise final(BacalhauError)(f"Waiting for nodes failed: {reason}")
        return list(event["nodes"])

    def _selectors(self) -> list[str]:
        return [self.selector] if isinstance(self.selector, str) else list(self.selector)
