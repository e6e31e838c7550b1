"""The plain list of jobs at `/stub/`; it also answers the job link `/stub/#/jobs/ID` without any script."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job

MOST = 200
"""Jobs on the page, newest first."""

STYLE = """
:root{color-scheme:light dark;--line:#8884;--accent:#2563eb}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:75rem}
h1{font-size:1.2rem;margin:0 0 .2rem}p{margin:.2rem 0 1rem}
article{border-top:1px solid var(--line);padding:.5rem;scroll-margin-top:.5rem}
article:target{outline:2px solid var(--accent)}
.head{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline}
.head a{font-weight:600;color:inherit}.state{font-weight:600}
.Completed{color:#15803d}.Failed{color:#b91c1c}.Stopped{color:#a16207}.Running{color:var(--accent)}
.more{display:none;margin:.5rem 0}article:target .more{display:block}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
.scroll{overflow-x:auto}code,pre{font-size:.85rem}pre{white-space:pre-wrap;margin:.3rem 0}
"""


def render(
    release: str, total: int, rows: Iterable[tuple[Job, Sequence[Execution], Sequence[HistoryItem]]]
) -> str:
    """The page as HTML text. Each job is an element with the id that the job link names; when targeted, it opens."""
    articles = "\n".join(_article(job, executions, history) for job, executions, history in rows)
    shown = f"the newest {MOST} of {total} jobs" if total > MOST else f"{total} job{'s' * (total != 1)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>bacalhau stub</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>bacalhau stub {html.escape(release)}</h1><p>{shown}; choose one to see its executions and history. "
        f'<a href="/stub/info">facts</a></p><main>{articles or "<p>No job yet.</p>"}</main></body></html>'
    )


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S") if nanoseconds else ""


def _article(job: Job, executions: Sequence[Execution], history: Sequence[HistoryItem]) -> str:
    e = html.escape
    engine = job.task.engine.type if job.tasks else ""
    head = (
        f'<div class="head"><a href="#/jobs/{e(job.id)}">{e(job.id)}</a>'
        f'<span class="state {e(job.state)}">{e(job.state)}</span><span>{e(job.name)}</span>'
        f"<span>{e(job.namespace)}</span><span>{e(job.type)} / {e(engine)}</span>"
        f"<span>{_time(job.create_time)}</span></div>"
    )
    message = f"<pre>{e(job.message)}</pre>" if job.message else ""
    runs = "".join(_execution(execution) for execution in executions)
    lines = "".join(
        f"<tr><td>{_time(item.time)}</td><td>{e(item.execution_id[:10])}</td>"
        f"<td>{e(item.event.topic)}</td><td>{e(item.event.message)}</td></tr>"
        for item in history
        if item.event is not None
    )
    return (
        f'<article id="/jobs/{e(job.id)}">{head}<div class="more">{message}{runs}'
        f'<div class="scroll"><table>{lines}</table></div></div></article>'
    )


def _execution(execution: Execution) -> str:
    e = html.escape
    output = execution.output
    text = (
        f"<p><code>{e(execution.id)}</code> on <code>{e(execution.node_id)}</code>: {e(execution.compute)}"
        f" {e(execution.compute_message)}"
    )
    if output is None:
        return f"{text}</p>"
    streams = "".join(f"<pre>{e(stream)}</pre>" for stream in (output.stdout, output.stderr) if stream)
    return f"{text}, exit code {output.exit_code}</p>{streams}"
