"""What operators share that build the spec from arguments: one task, its inputs, outputs and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow_provider_bacalhau.operators.arguments import refuse_specs
from airflow_provider_bacalhau.operators.base import BacalhauJobOperator


class BacalhauTaskOperator(BacalhauJobOperator):
    """Base of the docker and the wasm operator. See `BacalhauDockerOperator` for the arguments."""

    template_fields: Sequence[str] = (
        "env",
        "inputs",
        "outputs",
        "publisher",
        "job_resources",
        "constraints",
        "network",
        "count",
        "labels",
        "meta",
        "name",
        *BacalhauJobOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **BacalhauJobOperator.template_fields_renderers,
        **dict.fromkeys(("env", "inputs", "outputs", "publisher", "job_resources", "labels", "meta"), "json"),
    }

    def __init__(
        self,
        *,
        env: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | Sequence[Any] | None = None,
        outputs: Mapping[str, str] | None = None,
        publisher: str | Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        constraints: str | Sequence[Any] | None = None,
        network: str | Mapping[str, Any] | None = None,
        count: int | str = 1,
        job_type: str = "batch",
        labels: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_specs(type(self).__name__, kwargs)
        # a default_args["resources"] would reach BaseOperator's argument of that name, which knows other words
        super().__init__(**{**kwargs, "resources": None})
        self.env = env
        self.inputs = inputs
        self.outputs = outputs
        self.publisher = publisher
        self.job_resources = resources
        self.constraints = constraints
        self.network = network
        self.count = count
        self.job_type = job_type
        self.labels = labels
        self.meta = meta
        self.name = name

    def job_name(self) -> str | None:
        """The prefix of the submitted Name."""
        return self.name

    def task_arguments(self) -> dict[str, Any]:
        """The arguments that docker and wasm jobs have in common, other tasks' outputs turned into inputs."""
        from airflow_provider_bacalhau.operators.chaining import resolved_inputs

        return {
            "env": self.env,
            "inputs": resolved_inputs(self, self.inputs),
            "outputs": self.outputs,
            "publisher": self.publisher,
            "resources": self.job_resources,
            "constraints": self.constraints,
            "network": self.network,
            "count": int(self.count),
            "job_type": self.job_type,
            "labels": self.labels,
            "meta": self.meta,
            "name": self.name,
        }
