"""`make demo`: an example DAG on a real Airflow, its jobs at the stub, S3 in and S3 out; then nothing is left running."""

from __future__ import annotations

import io
import sys
import tarfile
from typing import Any
from urllib.parse import urlsplit

from narrate import Failed, Narrator
from processes import Interrupted, Processes, interruptible
from stage import ROOT, Stage, own_folder

DAG_ID = "bacalhau_demo"
INPUT = ("demo-raw", "numbers.txt", b"3\n1\n4\n1\n5\n9\n2\n6\n")
RUN_LIMIT = 120.0
SHOWN_BYTES = 600
FINISHED = ("success", "failed", "upstream_failed", "skipped", "removed")


def main() -> int:
    """Run the demonstration; returns the exit code."""
    narrator = Narrator()
    try:
        with own_folder(ROOT / ".demo", "make demo") as home, interruptible():
            processes = Processes(ROOT / ".demo" / "output")
            try:
                return demonstrate(Stage(home, processes, narrator), narrator)
            finally:
                processes.stop()
    except Interrupted as asked:
        print(f"ended by {asked}; nothing is left running", flush=True)
        return asked.exit_code
    except (Failed, OSError) as problem:
        print(f"make demo failed: {problem}", file=sys.stderr)
        print("the full output of every program is in .demo/output", file=sys.stderr)
        return 1


def demonstrate(stage: Stage, narrator: Narrator) -> int:
    """Everything between start and stop; returns the exit code. Raises Failed or OSError."""
    stage.start_stub(runner="auto")
    seed(stage)
    narrator.say(f"input: s3://{INPUT[0]}/{INPUT[1]} ({len(INPUT[2])} bytes)")
    stage.start_airflow(ROOT / "example_dags", paused=True, reread=60)
    airflow = stage.airflow
    narrator.wait(f"waiting for the DAG {DAG_ID}", lambda: find_dag(stage), limit=60.0)
    airflow.unpause(DAG_ID)
    run_id = airflow.trigger(DAG_ID)
    narrator.say(f"run {run_id} of {DAG_ID} started")
    state = follow(stage, narrator, run_id)
    summary(stage, run_id)
    if state != "success":
        explain(stage, run_id)
        return 1
    narrator.say("done; ending everything")
    return 0


def seed(stage: Stage) -> None:
    """Put the example's input where its first job looks for it."""
    bucket, key, body = INPUT
    s3 = stage.s3()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=body)


def find_dag(stage: Stage) -> Any:
    """The example DAG once Airflow has read its file. Raises Failed when the file has an error."""
    dag = stage.airflow.dag(DAG_ID)
    if dag is None and (errors := stage.airflow.import_errors()):
        raise Failed("Airflow could not read a DAG file:\n" + "\n".join(errors))
    return dag


def follow(stage: Stage, narrator: Narrator, run_id: str) -> str:
    """Tell every change of a task's state until the run is over; returns the run's state."""
    seen: dict[str, str] = {}

    def look() -> str | None:
        for task in stage.airflow.tasks(DAG_ID, run_id):
            name, state = task_name(task), task["state"] or "waiting"
            if seen.get(name, "waiting") != state:
                narrator.say(f"task {name}: {state}")
            seen[name] = state
        state = stage.airflow.run_state(DAG_ID, run_id)
        return state if state in ("success", "failed") else None

    def status() -> str:
        unfinished = [f"{name} {state}" for name, state in seen.items() if state not in FINISHED]
        return ", ".join(unfinished) or "(between tasks)"

    return narrator.wait("running:", look, RUN_LIMIT, status)


def summary(stage: Stage, run_id: str) -> None:
    """Print the jobs, what ran them, and what they left in S3."""
    runners = dict(str(pair).split(": ", 1) for pair in stage.stub_info()["runners"])
    print(f"\njobs at the stub ({stage.stub_url}):")
    for job in stage.stub_jobs():
        engine = job["Tasks"][0]["Engine"]["Type"]
        states = ", ".join(
            f"exit {run['RunOutput']['ExitCode']} on {run['NodeID']}" if run.get("RunOutput") else "no output"
            for run in stage.stub_executions(job["ID"])
        )
        task, state = job["Meta"].get("airflow-task-id", job["Name"]), job["State"]["StateType"]
        print(f"  {job['ID']}  {task:<20}  {state:<10} engine {engine}, runner {runners.get(engine.lower(), 'none')}  {states}")
    print("\nresults:")
    found = results(stage, run_id)
    for uri in found:
        print(f"  {uri}")
        for line in content(stage, uri):
            print(f"    | {line}")
    if not found:
        print("  none")
    print(flush=True)


def results(stage: Stage, run_id: str) -> list[str]:
    """Uris of everything the run's tasks published, in order."""
    found: list[str] = []
    for task in stage.airflow.tasks(DAG_ID, run_id):
        for uri in stage.airflow.xcom(DAG_ID, run_id, task, "results") or ():
            if uri not in found:
                found.append(uri)
    return found


def content(stage: Stage, uri: str) -> list[str]:
    """What an object, every object below a prefix, or an archive holds, shortened."""
    parts = urlsplit(uri)
    if parts.scheme != "s3":
        return ["(not in S3)"]
    s3 = stage.s3()
    listed = s3.list_objects_v2(Bucket=parts.netloc, Prefix=parts.path.lstrip("/")).get("Contents", ())
    lines: list[str] = []
    for entry in listed:
        body = s3.get_object(Bucket=parts.netloc, Key=entry["Key"])["Body"].read()
        for name, data in members(entry["Key"], body):
            lines.append(f"{name} ({len(data)} bytes)")
            text = data[:SHOWN_BYTES].decode(errors="replace")
            lines += [f"  {line}" for line in text.splitlines()]
    return lines or ["(nothing there)"]


def members(key: str, body: bytes) -> list[tuple[str, bytes]]:
    """Named contents of an object: the object itself, or the files of an archive."""
    if not key.endswith((".tar.gz", ".tgz")):
        return [(key.rsplit("/", 1)[-1], body)]
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = [entry for entry in archive if entry.isfile()]
        return [(entry.name, reader.read()) for entry in files if (reader := archive.extractfile(entry))]


def explain(stage: Stage, run_id: str) -> None:
    """Print the end of the log of each failed task."""
    for task in stage.airflow.tasks(DAG_ID, run_id):
        if task["state"] == "failed":
            print(f"log of task {task_name(task)}:", file=sys.stderr)
            for line in stage.airflow.log(DAG_ID, run_id, task)[-40:]:
                print(f"  {line}", file=sys.stderr)


def task_name(task: dict[str, Any]) -> str:
    """A task instance as people call it."""
    return str(task["task_id"]) if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"


if __name__ == "__main__":
    sys.exit(main())
