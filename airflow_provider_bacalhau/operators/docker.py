"""Run a container."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bacalhau.operators.task import BacalhauTaskOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


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
