"""The stub and a real Airflow, started together on free ports of this machine: what `make demo` and `make up` stand on."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets
import shlex
import shutil
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from airflow_api import AirflowApi, fetch
from narrate import Failed, Narrator
from processes import Processes, clean_environment, free_ports

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
HEALTH_NAMES = {"api-server": "metadatabase", "dag-processor": "dag_processor"}
READY = re.compile(r"bacalhau stub (?P<release>\S+) listening on (?P<url>http://\S+)")
START_LIMIT = 120.0


class Stage:
    """A running stub and a running Airflow whose default connections lead to it."""

    def __init__(self, home: Path, processes: Processes, narrator: Narrator) -> None:
        """Everything is written below `home`."""
        self._home = home
        self._processes = processes
        self._narrator = narrator
        self.environment = clean_environment(os.environ)
        """What every program here runs with; after `start_stub` with the stub's connections."""
        self.stub_url = ""
        self.stub_release = ""
        self.airflow = AirflowApi("")
        self._health = dict.fromkeys(COMPONENTS, False)
        self._warm = False

    def start_stub(self, runner: str) -> None:
        """Start the stub with its own S3 and learn its variables. Raises Failed with its own words."""
        self._narrator.say("starting the stub orchestrator")
        serve = "-m orchestrator_stub serve --host 127.0.0.1 --port 0 --s3 embedded --docker-runner".split()
        self._start("stub", [sys.executable, *serve, runner])
        banner = self._narrator.wait("waiting for the stub", self._banner, START_LIMIT)
        ready = READY.search(banner)
        if ready is None:
            raise Failed(f"the stub said something unexpected:\n{banner}")
        self.stub_url, self.stub_release = ready["url"], ready["release"]
        exports = (line.split(" ", 1)[1] for line in banner.splitlines() if line.startswith("export "))
        variables = dict(pair.split("=", 1) for line in exports for pair in shlex.split(line))
        host, _, port = self.stub_url.removeprefix("http://").rpartition(":")
        variables["AIRFLOW_CONN_BACALHAU_DEFAULT"] = json.dumps(
            {
                "conn_type": "bacalhau",
                "host": host,
                "port": int(port),
                "extra": {"webui_url": f"{self.stub_url}/stub/#/jobs/{{job_id}}"},
            }
        )
        self.environment |= variables
        self._narrator.say(f"stub {self.stub_release} answers at {self.stub_url}")

    def _banner(self) -> str | None:
        """The stub's output once it is complete: its last line names the address for Bacalhau's own program."""
        self._check_running()
        text = self._processes.log("stub").read_text(errors="replace")
        return text if re.search(r"^export BACALHAU_API_HOST=.*\n", text, re.MULTILINE) else None

    def start_airflow(self, dags: Path, *, paused: bool, reread: int) -> None:
        """Start Airflow on the folder `dags`, whose files are read again every `reread` seconds. Raises Failed."""
        port, worker_log_port, trigger_log_port = free_ports(3)
        self.airflow = AirflowApi(f"http://127.0.0.1:{port}")
        self.environment |= airflow_settings(self._home, self.airflow.url, port)
        self.environment |= {
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": str(paused),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": str(reread),
            # Logs are read from the folder that all components share. No log server is started (it would listen on
            # all addresses); the ports are only kept from leading to somebody else's.
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_log_port),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        }
        self._make_database()
        self._narrator.say(f"starting Airflow {version('apache-airflow')}: {', '.join(COMPONENTS)}")
        for name, arguments in COMPONENTS.items():
            self._start(name, [sys.executable, "-m", "airflow", *arguments])
        self._narrator.wait("waiting for Airflow:", self._all_healthy, START_LIMIT, self._tell_health)
        self._narrator.say(f"Airflow answers at {self.airflow.url}")

    def _make_database(self) -> None:
        """A migrated database: made once for a release, copied ever after."""
        target = self._home / "airflow.db"
        template = CACHE / f"airflow-{version('apache-airflow')}.db"
        if not template.exists():
            self._narrator.say("making Airflow's database (kept for the next time)")
            migrate = self._start("migrate", [sys.executable, "-m", "airflow", "db", "migrate"])
            self._narrator.wait("making Airflow's database", migrate.poll, START_LIMIT)
            if migrate.returncode:
                raise Failed(f"Airflow could not make its database:\n{self._processes.tail('migrate')}")
            self._processes.forget("migrate")
            CACHE.mkdir(exist_ok=True)
            fresh = template.with_suffix(f".{os.getpid()}")
            copy_database(target, fresh)
            fresh.replace(template)
        else:
            copy_database(template, target)

    def _all_healthy(self) -> bool | None:
        self._check_running()
        health = self.airflow.healthy()
        if health is not None and not self._warm:
            self._warm = True
            # The api-server builds the API of the workers at its first request, which takes seconds that the first
            # task would wait; now the other components are still starting.
            threading.Thread(target=self.airflow.warm_up, daemon=True).start()
        self._health = {name: bool((health or {}).get(HEALTH_NAMES.get(name, name))) for name in COMPONENTS}
        return True if all(self._health.values()) else None

    def _tell_health(self) -> str:
        return ", ".join(f"{name} {'up' if up else 'starting'}" for name, up in self._health.items())

    def _start(self, name: str, command: list[str]) -> Any:
        return self._processes.start(name, command, self.environment, ROOT)

    def _check_running(self) -> None:
        if (name := self._processes.ended()) is not None:
            raise Failed(f"{name} ended by itself; its last words:\n{self._processes.tail(name)}")

    def stub_jobs(self) -> list[dict[str, Any]]:
        """All jobs at the stub as it lists them, oldest first."""
        answer = fetch(f"{self.stub_url}/api/v1/orchestrator/jobs?namespace=*&limit=1000")
        jobs = answer.get("Items") or answer.get("Jobs") or []
        return sorted(jobs, key=lambda job: job["CreateTime"])

    def stub_executions(self, job_id: str) -> list[dict[str, Any]]:
        """Executions of a job."""
        answer = fetch(f"{self.stub_url}/api/v1/orchestrator/jobs/{job_id}/executions")
        return answer.get("Items") or answer.get("Executions") or []

    def stub_info(self) -> dict[str, Any]:
        """What the stub says about itself."""
        return dict(fetch(f"{self.stub_url}/stub/info"))

    def s3(self) -> Any:
        """A boto3 client of the stub's S3, from the connection that downstream tasks use too."""
        import boto3
        from botocore.config import Config

        connection = json.loads(self.environment["AIRFLOW_CONN_AWS_DEFAULT"])
        return boto3.client(
            "s3",
            endpoint_url=connection["extra"]["endpoint_url"],
            region_name=connection["extra"]["region_name"],
            aws_access_key_id=connection["login"],
            aws_secret_access_key=connection["password"],
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )


def airflow_settings(home: Path, url: str, port: int) -> dict[str, str]:
    """Airflow's settings for one machine, one person and short waits, all on 127.0.0.1."""
    sections = {
        "CORE": {
            "LOAD_EXAMPLES": "False",
            "EXECUTOR": "LocalExecutor",
            "PARALLELISM": "4",
            "SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "TEST_CONNECTION": "Enabled",
            "EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        },
        "DATABASE": {"SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}"},
        "API": {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "BASE_URL": url,
            "WORKERS": "1",
            "SECRET_KEY": secrets.token_hex(16),
        },
        "API_AUTH": {"JWT_SECRET": secrets.token_hex(16)},
        "DAG_PROCESSOR": {"REFRESH_INTERVAL": "10"},
        "SCHEDULER": {"SCHEDULER_IDLE_SLEEP_TIME": "0.5", "TRIGGER_TIMEOUT_CHECK_INTERVAL": "5"},
        "TRIGGERER": {"JOB_HEARTBEAT_SEC": "2"},
        # How late Airflow may notice that a worker has ended, or tell one to end; 5 seconds otherwise.
        "WORKERS": {"MIN_HEARTBEAT_INTERVAL": "1"},
        "LOGGING": {"BASE_LOG_FOLDER": str(home / "logs")},
    }
    named = {f"AIRFLOW__{section}__{key}": value for section, keys in sections.items() for key, value in keys.items()}
    return {"AIRFLOW_HOME": str(home), **named}


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of an SQLite file."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)


@contextmanager
def own_folder(folder: Path, command: str) -> Iterator[Path]:
    """An emptied folder that only one command at a time works in. Raises Failed when another one does."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"another `{command}` is running in this checkout; end it first.") from None
        home = folder / "airflow"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        yield home
