"""`PYTHONPATH=tests/fuzz python -m fuzzer [REQUESTS] [SEED] [RELEASE ...]`: a run whose figures are printed."""

from __future__ import annotations

import sys

from . import campaign, report


def main(words: list[str]) -> int:
    """Run; 1 when there were faults."""
    total, seed = int(words[0]) if words else 1500, words[1] if len(words) > 1 else "1"
    runs = campaign.run(total, seed, tuple(words[2:]))
    print(report.text(runs, seed))
    return int(any(run.faults for run in runs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
