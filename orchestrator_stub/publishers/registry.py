"""Which publisher takes which type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator_stub.domain.release import Release
from orchestrator_stub.publishers.base import Publisher
from orchestrator_stub.publishers.local import LocalPublisher
from orchestrator_stub.publishers.noop import ManagedS3Publisher, NoopPublisher
from orchestrator_stub.publishers.s3 import S3Publisher
from orchestrator_stub.s3.client import S3Access


def build_publishers(
    release: Release, folder: Path, *, files_folder: Path, files_url: str, s3: S3Access | None = None
) -> Mapping[str, Publisher]:
    """Type in lower case -> its publisher; nodes advertise all of them.

    :param folder: exists; archives wait in it for their upload
    :param files_folder: exists; what the file server at `files_url` shows
    :param s3: None = no S3 here
    """
    publishers: list[Publisher] = [LocalPublisher(files_folder, files_url), NoopPublisher()]
    if s3 is not None:
        publishers.append(S3Publisher(s3, release, folder))
    if release.managed_s3:
        publishers.append(ManagedS3Publisher())
    return {publisher.type: publisher for publisher in publishers}
