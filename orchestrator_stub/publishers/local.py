"""Publishes to a folder that a file server of the stub shows (fact sheet 10.1)."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.publishers.archive import write_archive
from orchestrator_stub.publishers.base import Output


class LocalPublisher:
    """Puts `<execution>.tar.gz` where the file server finds it."""

    type = "local"

    def __init__(self, folder: Path, url: str) -> None:
        """`folder` exists; `url` is the file server's, without final slash."""
        self._folder = folder
        self._url = url

    async def publish(self, output: Output) -> SpecConfig:
        """The archive's URL.

        :raises StepError: it could not be written
        """
        name = f"{output.execution.id}.tar.gz"
        try:
            await asyncio.to_thread(self._write, output, name)
        except OSError as error:
            raise StepError(f"local publisher failed to compress output file: {error.strerror}") from None
        return SpecConfig("urlDownload", {"URL": f"{self._url}/{name}"})

    def result(self, published: SpecConfig, now: int) -> SpecConfig:  # noqa: ARG002 - the URL does not expire
        """The same, where the file server is now: after a restart it may listen elsewhere."""
        url = str((published.params or {}).get("URL", ""))
        here = f"{self._url}/{url.rpartition('/')[2]}"
        return published if url == here else replace(published, params={**(published.params or {}), "URL": here})

    def _write(self, output: Output, name: str) -> None:
        part = self._folder / f".{name}.part"
        try:
            write_archive(output, part)
            os.utime(part, ns=(output.now, output.now))  # the file server shows it
            part.replace(self._folder / name)
        finally:
            part.unlink(missing_ok=True)
