"""The composition root: settings -> a running stub. Concrete choices are made here and nowhere else."""

from __future__ import annotations
