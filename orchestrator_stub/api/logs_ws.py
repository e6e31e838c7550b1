"""The log socket: GET /jobs/:id/logs (fact sheet 11, FINDINGS-docker 8).

Whatever goes wrong is one error frame and a Close 1000, because the answer is already 101 by then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from orchestrator_stub.api.asgi import Receive, Send
from orchestrator_stub.api.client_version import HEADER, refusal
from orchestrator_stub.api.exchange import Answer, Request
from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.engine.orchestrator import LogSource, Orchestrator
from orchestrator_stub.logs.frames import chunk_frames, error_frame, output_frames
from orchestrator_stub.wire.gojson import dumps
from orchestrator_stub.wire.parameters import NAMESPACE, VERSIONS, Parameter

PATIENCE_S = 60
"""Seconds after which a socket that never got a frame is told so (FINDINGS 1 row 11.3)."""
START_PATIENCE_S = 5
"""Seconds that releases up to 1.7 wait for an execution that has not begun on its node."""
LOOK_AGAIN_S = 0.05
_NO_STREAM = (
    "nats stream: close 5000 (internal server error): error in handler : failed to get log stream for execution:"
)
_PARAMETERS = (
    NAMESPACE,
    Parameter("execution_id", "ExecutionID"),
    Parameter("tail", "Tail", "bool"),
    Parameter("follow", "Follow", "bool"),
)


def plain_log_answer(request: Request, ref: str) -> Answer:  # noqa: ARG001 - unknown jobs answer the same
    """A request that is no proper handshake: an empty 200, or 400 where only `Upgrade: websocket` was right."""
    headers = {"sec-websocket-version": "13"}
    wrong_handshake = request.headers.get(b"upgrade") == b"websocket"
    return Answer(
        status=400 if wrong_handshake else 200,
        text="Bad Request\n" if wrong_handshake else "",
        content_type="text/plain; charset=utf-8",
        headers=headers,
    )


class LogSockets:
    """Serves log sockets of one orchestrator."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._release = orchestrator.release
        self._parameters = (*_PARAMETERS, *VERSIONS) if self._release.unique_names else _PARAMETERS

    async def serve(self, request: Request, receive: Receive, send: Send) -> None:
        """One socket from its handshake to its end; the client is only listened to for leaving."""
        await receive()
        too_old = refusal(request.headers.get(HEADER, b""), self._release)
        if too_old is not None:
            await _refuse(send, *too_old)
            return
        await send({"type": "websocket.accept"})
        gone = asyncio.ensure_future(_disconnected(receive))
        talk = asyncio.ensure_future(self._talk(request, send))
        try:
            await asyncio.wait({gone, talk}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = gone.done()
            for task in (gone, talk):
                task.cancel()
            await asyncio.gather(gone, talk, return_exceptions=True)
        if not left:
            await send({"type": "websocket.close", "code": 1000})

    async def _talk(self, request: Request, send: Send) -> None:
        try:
            source, follow, tail = self._source(request)
            if source.waiting:
                source, follow, tail = await self._started(request)
        except OrchestratorError as error:
            await send({"type": "websocket.send", "text": error_frame(error.message)})
            return
        async with contextlib.aclosing(self._frames(source, follow=follow, tail=tail)) as frames:
            async for frame in frames:
                await send({"type": "websocket.send", "text": frame})

    def _source(self, request: Request) -> tuple[LogSource, bool, bool]:
        try:
            fields = request.bound(self._parameters)
        except OrchestratorError as wrong:
            raise OrchestratorError(400, f"code=400, message={wrong.message}") from wrong
        ref = request.path.split("/")[5]
        source = self._orchestrator.log_source(
            ref, fields.get("ExecutionID", ""), fields.get("Namespace", ""), fields.get("JobVersion", 0)
        )
        return source, fields.get("Follow", False), fields.get("Tail", False)

    async def _started(self, request: Request) -> tuple[LogSource, bool, bool]:
        """The source once its execution runs; up to 1.7 only if that is soon (FINDINGS-docker 8, 75/q3-log)."""
        clock = self._orchestrator.clock
        last = None if self._release.logs_from_node else clock.now() + START_PATIENCE_S * SECOND
        while True:
            source, follow, tail = self._source(request)
            if not source.waiting:
                return source, follow, tail
            if last is not None and clock.now() > last and source.execution is not None:
                name = source.execution.id
                raise OrchestratorError(500, f"{_NO_STREAM} {name}. getting outputs for execution ({name})")
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _frames(self, source: LogSource, *, follow: bool, tail: bool) -> AsyncGenerator[str, None]:
        if source.error:
            yield error_frame(source.error)
        elif source.output is not None:
            for frame in output_frames(source.output.stdout, source.output.stderr):
                yield frame
        elif source.buffer is not None and follow:
            async for chunk in source.buffer.follow(from_now=tail):
                for frame in chunk_frames(chunk):
                    yield frame
        elif source.buffer is not None and not tail:
            for chunk in source.buffer.snapshot():
                for frame in chunk_frames(chunk):
                    yield frame
        elif source.silent:
            await self._patience()
            yield error_frame("timeout while waiting for execution logs")

    async def _patience(self) -> None:
        """Wait as long as a server waits for a log that never comes."""
        over = asyncio.Event()
        clock = self._orchestrator.clock
        timer = clock.call_at(clock.now() + PATIENCE_S * SECOND, over.set, holds=False)
        try:
            await over.wait()
        finally:
            timer.cancel()


async def _disconnected(receive: Receive) -> None:
    """Until the client is gone."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return


async def _refuse(send: Send, status: int, fields: dict[str, Any]) -> None:
    """A plain answer instead of a socket."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": dumps(fields)})
