"""Query parameters."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.client.calls.query import query_pairs
from airflow_provider_bacalhau.errors import ConfigError


def test_only_what_is_given_is_sent():
    """`reverse=false` or `limit=None` would reach a server that reads them otherwise."""
    assert query_pairs(a=None, b="", c=[], d=False) == ()


def test_values_are_written_as_the_server_reads_them():
    """Booleans as True, or a limit of 0 (all) left out, would change the meaning."""
    assert query_pairs(reverse=True, limit=0, since=5, labels=["a=1", "b in (x,y)"], name="n") == (
        ("reverse", "true"),
        ("limit", "0"),
        ("since", "5"),
        ("labels", "a=1"),
        ("labels", "b in (x,y)"),
        ("name", "n"),
    )


def test_one_label_selector_is_one_parameter():
    """A text would be taken apart into letters."""
    assert query_pairs(labels="env in (prod,dev)") == (("labels", "env in (prod,dev)"),)


def test_a_negative_limit_is_refused():
    """The server's answer would be a Go parse error."""
    with pytest.raises(ConfigError, match="limit is -1"):
        query_pairs(limit=-1)
