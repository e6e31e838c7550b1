"""The sync and the async shell of the client offer the same things."""

from __future__ import annotations

import inspect

from airflow_provider_bacalhau.client.aio import AsyncClient
from airflow_provider_bacalhau.client.sync import Client


def surface(client):
    """Public method name -> its parameters with kinds and defaults."""
    return {
        name: [(each.name, each.kind, each.default) for each in inspect.signature(member).parameters.values()]
        for name, member in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }


def test_both_shells_have_the_same_methods_with_the_same_parameters():
    """A method added to one of the two would be missing from the other."""
    assert surface(Client) == surface(AsyncClient)


def test_both_shells_have_the_same_properties():
    """A fact one shell tells would be missing from the other."""
    properties = [
        {name for name, member in inspect.getmembers(client) if isinstance(member, property)}
        for client in (Client, AsyncClient)
    ]
    assert properties[0] == properties[1]


def test_both_shells_answer_with_the_same_words():
    """Documentation of one twin would say something else than the other's."""
    differing = [
        name
        for name, member in inspect.getmembers(Client, inspect.isfunction)
        if not name.startswith("_") and inspect.getdoc(member) != inspect.getdoc(getattr(AsyncClient, name))
    ]
    assert differing == []
