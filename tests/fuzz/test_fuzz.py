"""Requests of every kind against running stubs of every release: no answer, and no silence, that no real server gives.

`FUZZ_REQUESTS=50000` is the whole run, `FUZZ_SEED` another one, `FUZZ_REPORT=FILE` keeps its figures as JSON.
Figures are shown with `-s`. Without a seed each run is another one, but in CI.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from fuzzer import campaign, report

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "1200"))
SEED = os.environ.get("FUZZ_SEED") or ("1" if os.environ.get("CI") else secrets.token_hex(4))


@pytest.mark.timeout(60 + REQUESTS // 10)
def test_every_answer_is_one_that_a_real_server_could_give():
    """Some request would be a failure of the stub's own, a hang, or a memory that grows until the machine is full."""
    runs = campaign.run(REQUESTS, SEED)
    print("\n" + report.text(runs, SEED))
    if "FUZZ_REPORT" in os.environ:
        report.write(runs, SEED, Path(os.environ["FUZZ_REPORT"]))
    faults = [str(fault) for run in runs for fault in run.faults]
    assert faults == [], "\n".join([f"FUZZ_SEED={SEED} FUZZ_REQUESTS={REQUESTS}", *faults[:20]])
    assert sum(run.requests for run in runs) >= REQUESTS
