"""A running stub in the hands of a test: its powers, typed, over the control surface of any stub that answers."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchestrator_stub.testing.clock import StubClock
from orchestrator_stub.testing.durations import Duration, in_seconds
from orchestrator_stub.testing.exchange import USER_AGENT, Exchange
from orchestrator_stub.testing.fault import Fault, Faults, Kind
from orchestrator_stub.testing.journal import Entry
from orchestrator_stub.testing.nodes import StubNodes
from orchestrator_stub.testing.report import report
from orchestrator_stub.testing.s3 import StubS3
from orchestrator_stub.testing.script import Script, Scripts

if TYPE_CHECKING:
    from orchestrator_stub.control.info import StubInfo

_JOBS = "/api/v1/orchestrator/jobs"


class StubHandle:
    """The powers of one stub. What it refuses raises StubError with the stub's own sentence."""

    def __init__(self, url: str, *, token: str = "", ca_file: str = "") -> None:
        """`url`: of a running stub. `token`: its `--control-token`. `ca_file`: what its certificate is checked by."""
        self.url = url.rstrip("/")
        """Where the orchestrator's API is."""
        self._exchange = Exchange(url, token=token, ca_file=ca_file)
        self._scripts = Scripts(self._exchange)
        self._faults = Faults(self._exchange)
        self.clock = StubClock(self._exchange)
        """Its time."""
        self.nodes = StubNodes(self._exchange)
        """Its compute nodes."""
        self.s3 = StubS3(lambda: self._seen.s3_endpoint)
        """The objects of its S3."""

    @cached_property
    def info(self) -> dict[str, Any]:
        """What it says about itself: release, runners, S3 endpoint, flags."""
        found: dict[str, Any] = self._exchange.get("/stub/info")
        return found

    @cached_property
    def _seen(self) -> StubInfo:
        """The same with the addresses that lead there from here."""
        from orchestrator_stub.control.info import StubInfo, seen_from

        return seen_from(StubInfo.from_plain(self.info), urllib.parse.urlsplit(self.url).hostname or "")

    # What becomes of jobs, and of requests.

    def on(
        self,
        *,
        name: str = "",
        task: str = "",
        label: Mapping[str, str] | None = None,
        image: str = "",
        type: str = "",
        partition: int | None = None,
        attempt: int | None = None,
        optional: bool = False,
    ) -> Script:
        """Say what becomes of the executions for which all that is given holds; the first script that fits counts.

        Texts are patterns with `*` and `?`. Once there is any script, a job that none is for fails.

        :param name: of the Bacalhau job.
        :param task: Airflow's task id, else the name of the job's task.
        :param label: key -> pattern of its value.
        :param image: `acme/clean:*`; without a tag every version.
        :param type: batch, ops, service or daemon.
        :param partition: from 0.
        :param attempt: from 1: which execution of its partition, counted over all tries of an Airflow task.
        :param optional: do not fail the test when it is never played.
        """
        given = {"name": name, "task": task, "label": dict(label or {}), "image": image, "type": type}
        match: dict[str, Any] = {key: value for key, value in given.items() if value}
        match |= {key: value for key, value in (("partition", partition), ("attempt", attempt)) if value is not None}
        return self._scripts.add(match, optional=optional)

    def fault(
        self,
        method: str,
        path: str,
        kind: Kind,
        *,
        times: int = 1,
        nth: int = 1,
        header: Mapping[str, str] | None = None,
        optional: bool = False,
        seconds: Duration | None = None,
        bytes: int | None = None,
        status: int | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        code: int | None = None,
        after: int | None = None,
    ) -> Fault:
        """Let something go wrong with requests; `/stub/` is never hit.

        `drop_request` loses it before any effect, `drop_reply` keeps the effect and loses the answer.

        :param method: "PUT", or "*".
        :param path: pattern of the decoded path: "*/jobs", "*/jobs/*/logs".
        :param times: how many requests are hit, 0 = all from the first on.
        :param nth: the first matching request that is hit, from 1.
        :param header: name -> pattern of its value.
        :param optional: do not fail the test when no request meets it.
        :param seconds: of delay and stale, real ones.
        :param bytes: of truncate and garbage.
        :param status: of status, with `body` and `headers`.
        :param code: of close_frame, `after` so many frames.
        """
        given = {"header": dict(header or {}), "nth": nth, "times": times}
        match = {"method": method, "path": path} | {key: value for key, value in given.items() if value != {}}
        words = {
            "seconds": None if seconds is None else in_seconds(seconds),
            "bytes": bytes,
            "status": status,
            "body": body,
            "headers": None if headers is None else dict(headers),
            "code": code,
            "after": after,
        }
        what = {"kind": kind} | {key: value for key, value in words.items() if value is not None}
        if method in ("", "*"):
            del match["method"]
        return self._faults.add(match, what, optional=optional)

    # What happened.

    def journal(self, *, job: str = "", since: int = 0) -> list[Entry]:
        """The requests of clients, oldest first; this handle's own are left out.

        :param job: only those that name or made this job.
        :param since: only those after this number.
        """
        asked = {"job": job, "since": since or ""}
        entries = (Entry.from_plain(each) for each in self._exchange.get("/stub/journal", asked)["entries"])
        return [entry for entry in entries if entry.client != USER_AGENT]

    def submissions(self, *, dag: str = "", task: str = "", run: str = "", label: str = "") -> int:
        """How many jobs were submitted and taken, those whose answer was lost included: 1 where all is well.

        :param dag, task, run: Airflow's ids; what is not given counts for all.
        :param label: instead: count jobs that have a label with this key.
        """
        return sum(map(len, self.submitted(dag=dag, task=task, run=run, label=label).values()))

    def submitted(self, *, dag: str = "", task: str = "", run: str = "", label: str = "") -> dict[str, list[str]]:
        """As `submissions`, with the job ids by "dag/task/run[/map index]" or by the label's value."""
        asked = {"dag": dag, "task": task, "run": run, "label": label}
        values: dict[str, list[str]] = self._exchange.get("/stub/journal/submissions", asked)["values"]
        return values

    def jobs(self, *, namespace: str = "*") -> list[dict[str, Any]]:
        """All jobs, oldest first, in the words of the emulated release. `namespace`: "*" = of every one."""
        page = self._exchange.get(_JOBS, {"namespace": namespace, "limit": 100_000, "order_by": "created_at"})
        found: list[dict[str, Any]] = page.get("Items") or page.get("Jobs") or []
        return found

    def executions(self, job_id: str) -> list[dict[str, Any]]:
        """The executions of a job, in the words of the emulated release."""
        page = self._exchange.get(f"{_JOBS}/{job_id}/executions", {"limit": 100_000})
        found: list[dict[str, Any]] = page.get("Items") or page.get("Executions") or []
        return found

    # The stub itself.

    def reset(self) -> None:
        """Forget jobs, scripts, faults and the journal; the clock's mode is as at the start, S3 stays."""
        self._exchange.send("POST", "/stub/reset")
        self._scripts.forget()
        self._faults.forget()

    def environment(self) -> dict[str, str]:
        """The variables that lead Airflow and Bacalhau's own programs here: its connections above all."""
        from orchestrator_stub.control.info import environment

        return environment(self._seen, with_board=True)

    def unused(self) -> list[str]:
        """A sentence for each script that no execution played and each fault that no request met, but the optional."""
        scripts = [each for each, hits in self._scripts.counted() if not hits and not each.optional]
        faults = [each for each, hits in self._faults.counted() if not hits and not each.optional]
        return [
            *(f"script never played: {script!r}" for script in scripts),
            *(f"fault never met: {fault!r}" for fault in faults),
        ]

    def report(self, *, last: int = 200) -> str:
        """Jobs, scripts, faults and the journal as lines for people. `last`: how many requests are shown."""
        clock, mode = self.clock, self.clock.mode
        with clock.manual() if mode == "auto" else nullcontext():  # looking at it must not change it
            return report(
                head=f"stub {self.info['release']} at {self.url}, clock {mode} at {clock.now:%Y-%m-%d %H:%M:%S}",
                jobs=[(job, self.executions(job["ID"])) for job in self.jobs()],
                scripts=self._scripts.counted(),
                faults=self._faults.counted(),
                entries=self.journal(),
                last=last,
            )

    def close(self) -> None:
        """Give connections up; the stub itself goes on."""
        self._exchange.close()
        self.s3.close()
