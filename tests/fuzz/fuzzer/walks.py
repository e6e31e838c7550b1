"""Questions that belong together: what was accepted can be read back, and whoever follows tokens gets to an end."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from .connection import Answer
from .sent import Sent
from .shapes import job_problems
from .values import Token

JOBS = "/api/v1/orchestrator/jobs"
Ask = Callable[[Sent], Answer]
"""Sends a request, checks its answer like any other, and returns it."""
FRESH = ("1.8.0", "1.9.3")
MOST_PAGES = 60
SAME = ("Type", "Priority")
"""Keys that come back as they were sent."""


def read_back(ask: Ask, release: str, job_id: str, sent: dict[str, Any] | None) -> Iterator[str]:
    """An accepted job is there, whole, with a history without gaps. `sent`: what was submitted, if all of it was valid."""
    path = f"{JOBS}/{quote(job_id, safe='')}"
    answer = ask(Sent("GET", path.encode(), kind="read back"))
    if answer.status != 200:
        if "/" not in job_id and job_id.isprintable():  # other ids cannot be asked for at all (FINDINGS 1 row 4.7)
            yield f"accepted job {job_id} answers {answer.status}"
        return
    job = json.loads(answer.body)["Job"]
    yield from job_problems(job)
    if job["ID"] != job_id:
        yield f"job {job_id} is called {job['ID']}"
    if sent is not None and job["Version"] < 2:
        yield from _changed(sent, job)
    yield from history(ask, release, path, over=job["State"]["StateType"] in ("Completed", "Failed", "Stopped"))


def _changed(sent: dict[str, Any], job: dict[str, Any]) -> Iterator[str]:
    for key in SAME:
        value = sent.get(key, 0)
        if not isinstance(value, Token) and job[key] != value:
            yield f"{key} {value!r} came back as {job[key]!r}"
    labels = sent.get("Labels", {})
    if job["Labels"] != {_kept(key): _kept(value) for key, value in labels.items()}:
        yield f"Labels {labels} came back as {job['Labels']}"
    if len(sent["Tasks"]) and job["Tasks"][0]["Name"] != _kept(sent["Tasks"][0]["Name"]):
        yield f"task {sent['Tasks'][0]['Name']!r} came back as {job['Tasks'][0]['Name']!r}"


def _kept(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def history(ask: Ask, release: str, path: str, *, over: bool, limit: int = 3) -> Iterator[str]:
    """Pages of a history: numbers without gaps; an end once the job is over, a place to go on from before."""
    if release == "docs":  # its items carry no numbers
        return
    every = "&all_job_versions=true" if release in FRESH else ""
    numbers: list[int] = []
    token = ""
    for _ in range(MOST_PAGES):
        target = f"{path}/history?limit={limit}{every}" + (f"&next_token={token}" if token else "")
        answer = ask(Sent("GET", target.encode(), kind="walk history"))
        if answer.status != 200:
            yield f"history answers {answer.status}"
            return
        page = json.loads(answer.body)
        numbers += [item["SeqNum"] for item in page["Items"]]
        if len(page["Items"]) > limit:
            yield f"{len(page['Items'])} items on a page of {limit}"
        token = page["NextToken"]
        if not token or not page["Items"]:
            break
    else:
        yield f"no end after {MOST_PAGES} pages of history"
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"history has the numbers {numbers}"
    if over and token and not page["Items"]:
        yield "the history of a job that is over has no end"


def jobs(ask: Ask, rng: random.Random, release: str, namespace: str) -> Iterator[str]:
    """Pages of the list of a namespace hold each job once, as many as the whole list has."""
    key = "Jobs" if release == "docs" else "Items"
    where = f"{JOBS}?namespace={quote(namespace)}"
    order = rng.choice(("", "&order_by=created_at", "&order_by=modified_at")) + rng.choice(("", "&reverse=true"))
    whole = _ids(ask(Sent("GET", f"{where}{order}&limit=4000000000".encode(), kind="walk list")), key)
    if whole is None:
        yield "a list cannot be read"
        return
    limit = max(1, len(whole[0]) // rng.choice((2, 3, 7)) + 1)
    target = f"{where}{order}&limit={limit}"
    found: list[str] = []
    for _ in range(20):
        page = _ids(ask(Sent("GET", target.encode(), kind="walk list")), key)
        if page is None:
            yield "a page cannot be read"
            return
        found += page[0]
        if not page[1]:
            break
        target = f"{where}&next_token={page[1]}"
    else:
        yield "no end after 20 pages of jobs"
    moves = "modified_at" in order  # a job that changes meanwhile may be met twice or missed, as on real servers
    if len(found) != len(whole[0]) or (not moves and found != whole[0]):
        yield f"pages of {limit} hold {len(found)} jobs, the list {len(whole[0])}"


def _ids(answer: Answer, key: str) -> tuple[list[str], str] | None:
    if answer.status != 200:
        return None
    page = json.loads(answer.body)
    return [job["ID"] for job in page[key]], page["NextToken"]
