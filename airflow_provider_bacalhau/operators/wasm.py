"""Run a WebAssembly module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.operators.docker import BacalhauTaskOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class BacalhauWasmOperator(BacalhauTaskOperator):
    """Run a WebAssembly module as a Bacalhau job.

    All arguments of `BacalhauDockerOperator` but `image`, `command` and `working_dir`, and:

    :param module: a uri (s3, https, ipfs), an input object, or the path of a file that this worker can read; its bytes
        then travel in the job. A relative path is looked for in the DAG's folder. (templated)
    :param entrypoint: the function to call. (templated)
    :param parameters: the program's arguments. (templated)
    """

    template_fields: Sequence[str] = ("module", "entrypoint", "parameters", *BacalhauTaskOperator.template_fields)

    def __init__(
        self,
        *,
        module: str | Mapping[str, Any],
        entrypoint: str = "_start",
        parameters: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.module = module
        self.entrypoint = entrypoint
        self.parameters = parameters

    def build_spec(self, context: Context) -> dict[str, Any]:
        """The wasm job of the arguments."""
        from airflow_provider_bacalhau.lifecycle.spec import is_local_module, wasm_spec

        module = self._read(str(self.module)) if is_local_module(self.module) else self.module
        return wasm_spec(module=module, entrypoint=self.entrypoint, parameters=self.parameters, **self.task_arguments())

    def _read(self, name: str) -> bytes:
        dag = self.get_dag()
        folder = Path(dag.folder) if dag is not None and dag.folder else Path()
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            raise ConfigError(
                f"{self.task_id}: the module {folder / name} cannot be read ({error.strerror}): give a uri, or the "
                "path of a file on the workers."
            ) from error
