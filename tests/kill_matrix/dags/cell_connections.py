"""Connections by their names: `server-4711-35` is the server on port 4711 of this machine, waited for 35 s.

So a cell's connection needs no row of the database. It is told to Airflow's workers and triggerers as a secrets backend.
"""

from __future__ import annotations

import json

from airflow.secrets import BaseSecretsBackend


class CellConnections(BaseSecretsBackend):
    """Knows every connection whose name says where it leads."""

    def get_conn_value(self, conn_id: str, *_: object, **__: object) -> str | None:
        """The connection as JSON; None for another's name."""
        word, _, rest = conn_id.partition("-")
        if word != "server":
            return None
        port, _, patience = rest.partition("-")
        extra = {"poll_interval": 1, "read_timeout": float(patience)}
        return json.dumps({"conn_type": "bacalhau", "host": "127.0.0.1", "port": int(port), "extra": extra})
