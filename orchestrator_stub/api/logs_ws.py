"""The log socket: GET /jobs/:id/logs (fact sheet 11, FINDINGS-docker 8).

Whatever goes wrong is one error frame and a Close 1000, because the answer is already 101 by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from orchestrator_stub.api.asgi import Receive, Send
from orchestrator_stub.api.exchange import Answer, Request
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.engine.orchestrator import LogSource, Orchestrator
from orchestrator_stub.logs.frames import error_frame, output_frames
from orchestrator_stub.wire.parameters import NAMESPACE, VERSIONS, Parameter

_PARAMETERS = (
    NAMESPACE,
    Parameter("execution_id", "ExecutionID"),
    Parameter("tail", "Tail", "bool"),
    Parameter("follow", "Follow", "bool"),
)
_LOG = logging.getLogger(__name__)
_BREATH = 100  # frames after which others get their turn, so that a long log does not hold up the stub


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
        await send({"type": "websocket.accept", "deaf": not self._orchestrator.logs.hears_clients})
        gone = asyncio.ensure_future(_disconnected(receive))
        talk = asyncio.ensure_future(self._talk(request, send))
        try:
            await asyncio.wait({gone, talk}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = gone.done()
            for task in (gone, talk):
                task.cancel()
            _, broken = await asyncio.gather(gone, talk, return_exceptions=True)
        if isinstance(broken, Exception):
            _LOG.error("a log stream broke", exc_info=broken)
        if not left:
            await send({"type": "websocket.close", "code": 1000})

    async def _talk(self, request: Request, send: Send) -> None:
        pace = self._orchestrator.pace
        async with contextlib.aclosing(self._frames(request)) as frames:
            number = 0
            async for frame in pace.follow(frames) if pace.is_virtual else frames:
                await send({"type": "websocket.send", "text": frame})
                number += 1
                if number % _BREATH == 0:
                    await asyncio.sleep(0)

    async def _frames(self, request: Request) -> AsyncGenerator[str, None]:
        try:
            source, follow, tail = self._source(request)
        except OrchestratorError as error:
            yield error_frame(error.message)
            return
        if source.error:
            yield error_frame(source.error)
        if source.output is not None:
            for frame in output_frames(source.output.stdout, source.output.stderr):
                yield frame
        if source.execution is not None:
            frames = self._orchestrator.logs.frames(source.execution, follow=follow, tail=tail)
            async with contextlib.aclosing(frames):
                async for frame in frames:
                    yield frame

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


async def _disconnected(receive: Receive) -> None:
    """Until the client is gone."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
