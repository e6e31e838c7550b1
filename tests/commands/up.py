"""`make up`: the stub and a real Airflow on a folder of DAGs, left running until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from demo import seed
from narrate import Failed, Narrator
from processes import Interrupted, Processes, interruptible
from stage import ROOT, Stage, own_folder


def main() -> int:
    """Start, print both addresses, wait; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make up")
    parser.add_argument("--dags", type=Path, default=ROOT / "example_dags")
    parser.add_argument("--runner", default="auto")
    given = parser.parse_args()
    narrator = Narrator()
    try:
        dags = given.dags.expanduser().resolve()
        if not dags.is_dir():
            raise Failed(f"DAGS={given.dags} is not a folder; give one that holds DAG files.")
        with own_folder(ROOT / ".up", "make up") as home, interruptible():
            processes = Processes(ROOT / ".up" / "output")
            try:
                stay_up(Stage(home, processes, narrator), processes, dags, given.runner)
            finally:
                print("ending everything", flush=True)
                processes.stop()
    except Interrupted as asked:
        print(f"ended by {asked}; nothing is left running", flush=True)
        return 0
    except (Failed, OSError) as problem:
        print(f"make up failed: {problem}", file=sys.stderr)
        print("the full output of every program is in .up/output", file=sys.stderr)
        return 1
    return 0


def stay_up(stage: Stage, processes: Processes, dags: Path, runner: str) -> None:
    """Start both and watch them. Raises Failed when one of them ends by itself."""
    stage.start_stub(runner)
    seed(stage)
    stage.start_airflow(dags, paused=False, reread=5)
    print(f"\nAirflow   {stage.airflow.url}   (everyone is admin; DAGs from {dags})")
    print(f"Bacalhau  {stage.stub_url}   (stub {stage.stub_release}; jobs at {stage.stub_url}/stub/)")
    print("connections bacalhau_default and aws_default lead to the stub")
    print("Ctrl-C ends all\n", flush=True)
    while True:
        if (name := processes.ended()) is not None:
            raise Failed(f"{name} ended by itself; its last words:\n{processes.tail(name)}")
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
