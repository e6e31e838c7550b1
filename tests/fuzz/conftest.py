"""For this folder: the fuzzer is importable, and hypothesis tries the same examples in every CI run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent))
settings.register_profile(
    "fuzz",
    deadline=None,
    database=None,
    derandomize=bool(os.environ.get("CI")),
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "100")),
)
settings.load_profile("fuzz")
