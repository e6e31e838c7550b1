"""BacalhauWasmOperator: a module from a file or a uri."""

from __future__ import annotations

import base64
import types

import pytest

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.operators.wasm import BacalhauWasmOperator

MODULE = b"\0asm\1\0\0\0"


def test_a_local_module_travels_in_the_job(orchestrator, context, tmp_path):
    """A laptop has no place from which nodes could fetch a module."""
    (tmp_path / "count.wasm").write_bytes(MODULE)
    op = BacalhauWasmOperator(task_id="count", module=str(tmp_path / "count.wasm"), parameters=["a"])
    op.execute(context(op))
    task = orchestrator.only_job()["Tasks"][0]
    entry = next(one for one in task["InputSources"] if one["Target"] == task["Engine"]["Params"]["EntryModule"])
    assert base64.b64decode(entry["Source"]["Params"]["URL"].partition(",")[2]) == MODULE
    assert task["Engine"]["Params"]["Parameters"] == ["a"]


def test_a_relative_module_lies_beside_the_dag(orchestrator, context, tmp_path, monkeypatch):
    """Workers start in whatever folder they like."""
    (tmp_path / "count.wasm").write_bytes(MODULE)
    op = BacalhauWasmOperator(task_id="count", module="count.wasm")
    monkeypatch.setattr(op, "get_dag", lambda: types.SimpleNamespace(folder=str(tmp_path)), raising=False)
    op.execute(context(op))
    assert orchestrator.puts == 1


def test_a_module_on_s3_is_fetched_by_the_node(orchestrator, context):
    """The worker would have to read what only nodes may read."""
    op = BacalhauWasmOperator(task_id="count", module="s3://modules/count.wasm?region=eu-west-1")
    op.execute(context(op))
    assert orchestrator.only_job()["Tasks"][0]["InputSources"][0]["Source"]["Type"] == "s3"


def test_a_missing_module_is_named(orchestrator, context):
    """FileNotFoundError alone does not say that it is about the worker's disk."""
    op = BacalhauWasmOperator(task_id="count", module="/nowhere/count.wasm")
    with pytest.raises(ConfigError, match=r"/nowhere/count\.wasm.*workers"):
        op.execute(context(op))
