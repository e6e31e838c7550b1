"""What the hook's calls share: whose call it is, a thread for those of an event loop, and lists that are whole."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_bacalhau.errors import BacalhauError, ConfigError, SpecError
from airflow_provider_bacalhau.hooks.attempt import (
    KillSwitch,
    TaskStore,
    configured_deployment,
    epoch_of,
    late_submit_grace,
    secrets_rule,
    task_ref,
    try_number,
)
from airflow_provider_bacalhau.version_compat import redacted

if TYPE_CHECKING:
    from airflow_provider_bacalhau.hooks.connection import Connected
    from airflow_provider_bacalhau.lifecycle.attempt import Attempt
    from airflow_provider_bacalhau.models.responses import Page

T = TypeVar("T")

_calls: Counter[tuple[Any, ...]] = Counter()
_counting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose call of `submit_job` it is, fixed when it is made.

    :param context: of the running task; None outside.
    :param ordinal: n of the n-th call of this try in this process, from 1, whichever hook makes it; None: a call of
        nobody, whose job no later try takes over.
    """

    context: Mapping[str, Any] | None
    ordinal: int | None

    @classmethod
    def now(cls, identity: str | None) -> Caller:
        """The caller of a call that begins.

        :raises ConfigError: the identity is unknown, or is that of a task where none runs.
        """
        if identity not in (None, "task", "call"):
            raise ConfigError(f"identity={identity!r} is unknown: pass 'task' or 'call', or leave it out.")
        context = _running_task()
        if identity == "task" and context is None:
            raise ConfigError("identity='task' needs a running task: leave it out, or pass identity='call'.")
        if identity == "call" or context is None:
            return cls(context, None)
        ti = context["ti"]
        with _counting:
            _calls[task := (ti.dag_id, ti.run_id, ti.task_id, getattr(ti, "map_index", -1), try_number(context))] += 1
            return cls(context, _calls[task])


def submit_call(hook: Connected, job: Mapping[str, Any], caller: Caller) -> str:
    """Submit the job of one call of `hook.submit_job`, or take over the one that the same call of an earlier try made.

    :raises SpecError: the spec is wrong. ApiError: the server refused it, or does not tell what became of it.
    """
    from airflow_provider_bacalhau.hooks.outcome import airflow_error
    from airflow_provider_bacalhau.hooks.submission import Submission

    store = TaskStore({}) if caller.ordinal is None else TaskStore(caller.context or {}, ordinal=caller.ordinal)
    try:
        attempt = _attempt(hook, job, caller)
        return Submission(hook.get_conn(), attempt, kill=KillSwitch(), store=store, log=hook.log).obtain().job_id
    except BacalhauError as error:
        raise airflow_error(error) from None


def _attempt(hook: Connected, job: Mapping[str, Any], caller: Caller) -> Attempt:
    from airflow_provider_bacalhau.lifecycle.attempt import Attempt
    from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef
    from airflow_provider_bacalhau.lifecycle.secrets import check_secrets
    from airflow_provider_bacalhau.lifecycle.spec import timeouts_of, validate

    spec = {**job, "Namespace": hook.namespace or job.get("Namespace") or "default"}
    if problems := validate(spec):
        raise SpecError(problems)
    for line in check_secrets(spec, rule=secrets_rule(), redact=redacted):
        hook.log.warning("%s", line)
    context, deployment = caller.context, hook.options.deployment
    ordinal = caller.ordinal if caller.ordinal is not None else uuid.uuid4().int >> 64
    if context is None:
        ref = TaskRef(deployment or configured_deployment(), "", "", "", ordinal=ordinal)
    else:
        ref = task_ref(context, deployment=deployment, ordinal=ordinal)
    owned = context if caller.ordinal is not None else None
    return Attempt(
        ref=ref,
        epoch=epoch_of(owned) if owned is not None else Epoch(time.time_ns() // 1000, None, 0),
        try_number=try_number(owned) if owned is not None else 1,
        spec=spec,
        conn_id=hook.bacalhau_conn_id,
        lifetime="detached",
        total_timeout=timeouts_of(spec).total,
        late_submit_grace=late_submit_grace(),
    )


def _running_task() -> Mapping[str, Any] | None:
    from airflow.sdk import get_current_context

    try:
        return get_current_context()
    except RuntimeError:
        return None


async def in_thread(hook: Any, work: Callable[[Any], T]) -> T:
    """Let a hook like this one, with a client of its own, work in a thread: what takes several requests needs no second
    script for event loops."""
    await hook.aparsed()
    return await asyncio.to_thread(_apart, hook, work)


def _apart(hook: Any, work: Callable[[Any], T]) -> T:
    other = copy(hook)
    other._client = None  # noqa: SLF001 - a copy of it
    try:
        return work(other)
    finally:
        other.close()


def collect(
    fetch: Callable[[str | None], Page[Any]],
    *,
    limit: int | None,
    next_token: str | None,
    key: str = "Items",
    shown: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> dict[str, Any]:
    """`{"NextToken": ..., key: [...]}`, keys as in 1.9.3.

    With a limit it is one page, and NextToken leads to the next one. Without, pages are followed to the end; then
    NextToken is empty, but for the history of a job that still runs, where it leads to what will happen.

    :param fetch: gets the page that a token leads to.
    :param shown: last change of each item.
    """
    items: list[dict[str, Any]] = []
    token = next_token
    while True:
        page = fetch(token)
        items += [shown(item.to_plain()) for item in page.items]
        following = page.following(token) if page.items else None
        if limit or following is None:
            return {"NextToken": page.next_token or "", key: items}
        token = following
