"""Nodes advertise exactly what can be fetched."""

from __future__ import annotations

from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.inputs.local import OpenFolder
from orchestrator_stub.inputs.registry import build_sources
from orchestrator_stub.s3.client import S3Access, S3Settings


def test_what_every_node_has():
    """Golden 13: without S3 and opened folders, inline and urldownload only."""
    assert set(build_sources(RELEASES["1.9.3"])) == {"inline", "urldownload"}


def test_what_is_added(tmp_path):
    """A job would fail although its input could be had; `local` came with 1.8."""
    s3 = S3Access(S3Settings(), "http://127.0.0.1:1")
    opened = [OpenFolder(tmp_path)]
    new, old = (build_sources(RELEASES[name], s3=s3, opened=opened) for name in ("1.9.3", "1.7.0"))
    assert set(new) - set(old) == {"local"}
    assert set(old) == {"inline", "urldownload", "s3", "localdirectory"}
    assert all(kind == source.type for kind, source in new.items())
