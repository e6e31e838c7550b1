"""Hypothesis for this folder: no deadlines (machines are shared), the same examples in every CI run, no database."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile(
    "house",
    deadline=None,
    database=None,
    derandomize=bool(os.environ.get("CI")),
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "100")),
)
settings.load_profile("house")
