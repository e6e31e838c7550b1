"""`/stub/journal`: the requests that the stub answered, and the jobs that were submitted (design 5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from orchestrator_stub.control.exchange import ControlError, route
from orchestrator_stub.domain.moment import rfc3339
from orchestrator_stub.engine.journal import PART, JournalEntry, by_label, by_task
from orchestrator_stub.engine.orchestrator import Orchestrator

_PATH = "/stub/journal"
_NUMBERS = ("since", "limit", "newest")
_OF_TASKS = ("dag", "task", "run")
_MOST_DIGITS = 15


def journal_routes(orchestrator: Orchestrator) -> list[Route]:
    """`GET [?job=&since=&limit=&newest=]` -> `{"entries": [...]}`, `DELETE` -> `{"last"}`, the number of the newest
    entry that there was; `GET .../submissions [?label= | ?dag=&task=&run=]` -> `{"values": {value: [job ids]}}`."""
    journal = orchestrator.powers.journal

    async def show(request: Request) -> Response:
        try:
            given = _given(request, ("job", *_NUMBERS))
            numbers = {key: _number(given[key], key) for key in _NUMBERS if key in given}
        except ControlError as error:
            return _refused(error)
        parts = journal.parts(job=_job(given.get("job", "")), **numbers)
        return _json('{"entries":[', (",".join(_dumps(_shown(entry)) for entry in part) for part in parts), "]}")

    def _job(ref: str) -> str:
        """An id; of a name the one that it stands for."""
        named = orchestrator.overview.named(ref) if ref else ()
        return named[0] if named else ref

    async def clear(_: Request) -> Any:
        journal.clear()
        return {"last": journal.last}

    async def submissions(request: Request) -> Response:
        try:
            given = _given(request, ("label", *_OF_TASKS))
            if "label" in given and len(given) > 1:
                words = "cannot be asked for together with dag, task or run; give one or the other"
                raise ControlError(f"label: {words}")
        except ControlError as error:
            return _refused(error)
        values: dict[str, list[str]] = {}
        found = journal.submissions()
        for start in range(0, len(found), PART):
            part = found[start : start + PART]
            of_part = by_label(part, given["label"]) if "label" in given else by_task(part, **given)
            for value, jobs in of_part.items():
                values.setdefault(value, []).extend(jobs)
            await asyncio.sleep(0)
        return _json('{"values":{', _members(values), "}}")

    return [
        Route(_PATH, show, methods=["GET"]),
        route("DELETE", _PATH, clear),
        Route(f"{_PATH}/submissions", submissions, methods=["GET"]),
    ]


def _json(head: str, parts: Iterator[str], tail: str) -> Response:
    """An answer that is made part by part, a comma between those that are not empty: others are served meanwhile."""

    async def body() -> AsyncIterator[str]:
        yield head
        comma = ""
        for part in parts:
            if part:
                yield comma + part
                comma = ","
            await asyncio.sleep(0)
        yield tail

    return StreamingResponse(body(), media_type="application/json")


def _members(values: Mapping[str, list[str]]) -> Iterator[str]:
    items = list(values.items())
    for start in range(0, len(items), PART):
        yield ",".join(f"{_dumps(value)}:{_dumps(jobs)}" for value, jobs in items[start : start + PART])


def _refused(error: ControlError) -> Response:
    return JSONResponse({"error": str(error)}, status_code=error.status)


def _dumps(plain: Any) -> str:
    return json.dumps(plain, separators=(",", ":"))


def _shown(entry: JournalEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "time": rfc3339(entry.time),
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "status": entry.status,
        "client": entry.client,
        "request_id": entry.request_id,
        "jobs": entry.jobs,
        "fault": entry.fault,
        "runner": entry.runner,
    }


def _given(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """The parameters of a request, without the empty ones. Raises ControlError for one that nobody knows."""
    for key in request.query_params:
        if key not in known:
            raise ControlError(f"{key}: unknown parameter; known are {', '.join(known)}")
    return {key: value for key, value in request.query_params.items() if value}


def _number(text: str, key: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ControlError(f"{key}: {text[:40]} is no number; give a whole one from 0 on")
    return int(text)
