"""Nodes advertise exactly what they can publish to (golden 13)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.publishers.registry import build_publishers
from orchestrator_stub.s3.client import S3Access, S3Settings


@pytest.mark.parametrize(
    ("release", "kinds"),
    [("1.5.2", {"local", "noop"}), ("1.7.0", {"local", "noop"}), ("1.9.3", {"local", "noop", "s3managed"})],
)
def test_publishers_of_a_release(release, kinds, tmp_path):
    """A job would be refused or accepted by the wrong nodes."""
    built = build_publishers(RELEASES[release], tmp_path, files_folder=tmp_path, files_url="http://h")
    assert set(built) == kinds
    assert all(kind == publisher.type for kind, publisher in built.items())


def test_s3_is_there_when_s3_is(tmp_path):
    """The main path of every example would not be scheduled."""
    access = S3Access(S3Settings(), "http://127.0.0.1:1")
    built = build_publishers(RELEASES["1.9.3"], tmp_path, files_folder=tmp_path, files_url="http://h", s3=access)
    assert "s3" in built
