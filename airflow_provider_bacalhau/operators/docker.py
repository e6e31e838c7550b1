"""Run a container; and what the operators share that build a spec from arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.operators.job import BacalhauJobOperator
from airflow_provider_bacalhau.operators.leg import refuse_specs

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.handles import HandleRef, Published


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

    def _whole_count(self) -> int:
        try:
            return int(self.count)
        except (TypeError, ValueError):
            raise ConfigError(f"{self.task_id}: count={self.count!r} is no whole number.") from None

    def task_arguments(self) -> dict[str, Any]:
        """The arguments that docker and wasm jobs have in common, other tasks' outputs turned into inputs."""
        return {
            "env": self.env,
            "inputs": resolved_inputs(self, self.inputs),
            "outputs": self.outputs,
            "publisher": self.publisher,
            "resources": self.job_resources,
            "constraints": self.constraints,
            "network": self.network,
            "count": self._whole_count(),
            "job_type": self.job_type,
            "labels": self.labels,
            "meta": self.meta,
            "name": self.name,
        }


class BacalhauDockerOperator(BacalhauTaskOperator):
    """Run a container image as a Bacalhau job.

    All arguments of `BacalhauSubmitJobOperator` but `job_spec` and `job_file`, and:

    :param image: the image's reference. (templated)
    :param command: a list becomes the image's parameters; a text runs as `sh -c TEXT`. (templated)
    :param entrypoint: replaces the image's. (templated)
    :param working_dir: replaces the image's. (templated)
    :param env: environment of the program. (templated)
    :param inputs: target path to a uri, to `{"Type", "Params"}`, or to another task's output: each item that its job
        published lies at `<target>/<partition or index>`. Also the command line's strings. (templated)
    :param outputs: result name to absolute path; `{"outputs": "/outputs"}` as soon as a publisher is set. (templated)
    :param publisher: a uri such as "s3://bucket/key/{jobID}/{executionID}", "local", "ipfs", or an object. (templated)
    :param resources: cpu, memory, disk, gpu. (templated)
    :param constraints: node selectors such as "region in (eu,us)" or "!spot". (templated)
    :param network: None, "None", "Full", "HTTP" with `Domains`, ... (templated)
    :param count: executions, each on another node. (templated)
    :param job_type: "batch", "ops", "service" or "daemon".
    :param labels: labels of the job, beside ours. (templated)
    :param meta: further facts about the job. (templated)
    :param name: how the submitted Name begins. (templated)
    """

    template_fields: Sequence[str] = (
        "image",
        "command",
        "entrypoint",
        "working_dir",
        *BacalhauTaskOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **BacalhauTaskOperator.template_fields_renderers,
        "command": "bash",
    }

    def __init__(
        self,
        *,
        image: str,
        command: str | Sequence[str] | None = None,
        entrypoint: str | Sequence[str] | None = None,
        working_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.command = command
        self.entrypoint = entrypoint
        self.working_dir = working_dir

    def build_spec(self, context: Context) -> dict[str, Any]:
        """The docker job of the arguments."""
        from airflow_provider_bacalhau.lifecycle.spec import docker_spec

        return docker_spec(
            image=self.image,
            command=self.command,
            entrypoint=self.entrypoint,
            working_dir=self.working_dir,
            **self.task_arguments(),
        )


def resolved_inputs(
    operator: BacalhauJobOperator, inputs: Mapping[str, Any] | Sequence[Any] | None
) -> Mapping[str, Any] | Sequence[Any] | None:
    """The inputs with each handle replaced by one source per item that its job published.

    :raises ConfigError: a job published nothing, or what no input can read.
    """
    from airflow_provider_bacalhau.lifecycle.handles import inputs_from_handle, is_handle, read_handles

    if not isinstance(inputs, Mapping) or not any(is_handle(value) for value in inputs.values()):
        return inputs
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

    hook = BacalhauHook(operator.bacalhau_conn_id, namespace=operator.namespace or None)
    try:
        client = hook.get_conn()
        found: dict[str, Any] = {}
        for target, value in inputs.items():
            if is_handle(value):
                items = [item for ref in read_handles(value) for item in published(client, ref, hook.namespace)]
                found[target] = inputs_from_handle(target, items)
            else:
                found[target] = value
    finally:
        hook.close()
    return found


def published(client: Client, ref: HandleRef, namespace: str | None) -> list[Published]:
    """What the job of a handle published, each item with its execution's partition where that can be told."""
    from airflow_provider_bacalhau.lifecycle.handles import Published
    from airflow_provider_bacalhau.results.manifest import build_manifest, item_of

    space = ref.namespace or namespace
    _, executions, _ = client.describe_job(ref.job_id, namespace=space)
    results = list(client.get_results(ref.job_id, namespace=space).items)
    partitions = {item.uri: item.partition for item in build_manifest(results, executions).items}
    return [Published(result, partitions.get(item.uri)) for result in results if (item := item_of(result)) is not None]
