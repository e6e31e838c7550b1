"""The door of the embedded S3: checks who asks as AWS does, on the stub's clock, and hands on what passes.

Bytes pass in pieces, both ways, as fast as the slower side takes them; moto behind it gets plain requests in path
style, and what it does not do as AWS does is done here.
"""

from __future__ import annotations

import asyncio
import hashlib
import http
import secrets
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate

import h11

from orchestrator_stub.s3.authorization import header_claim
from orchestrator_stub.s3.backend import Backend
from orchestrator_stub.s3.buckets import Buckets
from orchestrator_stub.s3.claim import Claim, check_one_mechanism
from orchestrator_stub.s3.conditions import questions, told, verdict
from orchestrator_stub.s3.errors import (
    CONTENT_TYPE,
    Refusal,
    access_denied,
    bad_request,
    head_too_large,
    host_id,
    internal_error,
    request_timeout,
)
from orchestrator_stub.s3.forward import HOPS, forwarded_headers, forwarded_target, settled_headers
from orchestrator_stub.s3.intake import Intake
from orchestrator_stub.s3.moto import BODILESS, REQUEST_ID
from orchestrator_stub.s3.presigned import presigned_claim
from orchestrator_stub.s3.request import ALGORITHM_PARAMETER, SIGNATURE_PARAMETER, Request, read_request
from orchestrator_stub.s3.signature import Signer, Verifier
from orchestrator_stub.s3.signing import Keys
from orchestrator_stub.s3.version2 import OldClaim, presigned_claim_2
from orchestrator_stub.s3.wire import Wire

PATIENCE_S = 60.0
"""Real seconds that a client may stand still in the middle of a request or an answer."""
REST_S = 300.0
"""Real seconds that a connection may rest between requests."""
_GOODBYE_S = 1.0
"""Real seconds for what a client still sends when it was told that nobody will read it."""
_OWN = frozenset({"content-length", "date", "server", REQUEST_ID, "x-amz-id-2"})


class Gate:
    """Serves the clients of one stub's S3."""

    def __init__(
        self,
        backend: Backend,
        keys: Keys,
        *,
        now: Callable[[], int],
        makes_buckets: bool = True,
        hosts: tuple[str, ...] = (),
        seed: int | None = None,
        patience: float = PATIENCE_S,
    ) -> None:
        """Nothing is started yet.

        :param keys: the only ones that may ask
        :param now: the stub's clock, unix nanoseconds; read for pre-signed requests alone
        :param makes_buckets: a bucket that is missing appears with its first object
        :param hosts: names besides loopback that mean this machine
        :param seed: makes request ids the same in a second run
        :param patience: real seconds, see PATIENCE_S
        """
        self._backend = backend
        self._verifier = Verifier(keys)
        self._now = now
        self._buckets = Buckets(backend) if makes_buckets else None
        self._hosts = hosts
        self._seed = seed
        self._patience = patience

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a client's requests, one after the other, until either side has enough."""
        client = Wire(h11.SERVER, reader, writer)
        try:
            while await self._exchange(client):
                pass
        except (OSError, TimeoutError, h11.ProtocolError):
            client.abort()  # the client sees a broken connection, which it is
        finally:
            client.close()

    async def _exchange(self, client: Wire) -> bool:
        """One request and its answer; False when the connection has served."""
        try:
            async with asyncio.timeout(REST_S):
                head = await client.event()
        except TimeoutError:
            return False
        except h11.RemoteProtocolError as error:
            too_large = error.error_status_hint == 431
            return await self._refuse(client, head_too_large() if too_large else bad_request(), "", is_last=True)
        if not isinstance(head, h11.Request):  # its end, or the wish to speak something else
            return False
        method, target = head.method.decode(), head.target.decode()
        request_id = self._request_id(method, target)
        try:
            await self._pass(client, read_request(method, target, list(head.headers), self._hosts), request_id)
        except Refusal as refusal:
            if client.http.our_state is not h11.SEND_RESPONSE:  # it is too late to say so
                raise ConnectionError from None
            is_last = client.http.they_are_waiting_for_100_continue or refusal.code == "RequestTimeout"
            if not await self._refuse(client, refusal, request_id, is_last=is_last):
                return False
        while client.http.their_state is h11.SEND_BODY:  # a client that is still sending reads its answer later
            async with asyncio.timeout(self._patience):
                await client.event()
        return client.next_exchange()

    async def _pass(self, client: Wire, request: Request, request_id: str) -> None:
        """Check and hand on.

        :raises Refusal: it may not pass, or could not
        """
        signer = await self._signer(request)
        headers, target = settled_headers(request), forwarded_target(request)
        intake = Intake(request, headers, signer)
        region = signer.region if signer is not None else ""
        sent = forwarded_headers(told(request, headers), length=intake.length, region=region)
        if self._buckets is not None and request.opens_bucket:
            await self._buckets.open(request.bucket, region)
        for question in questions(request, target, headers):
            asked = ((question.header, question.value),) if question.header else ()
            refusal = verdict(question, await self._backend.ask("HEAD", question.target, asked, region=region))
            if refusal is not None:
                raise refusal
        behind = await self._backend.connect()
        try:
            head = h11.Request(method=request.method, target=target, headers=[*sent, (REQUEST_ID, request_id)])
            await self._hand_in(client, behind, intake, head)
            await self._hand_out(client, behind, request_id, is_bodiless=request.method == "HEAD")
        except BaseException:
            behind.close()  # with half a body: it has no effect
            raise
        self._backend.release(behind)
        if self._buckets is not None and request.method == "DELETE" and not request.key:
            self._buckets.forget(request.bucket)

    async def _signer(self, request: Request) -> Signer | None:
        """Whose request it is; None for what needs no signature."""
        if request.method == "OPTIONS":  # browsers ask without
            return None
        check_one_mechanism(request)
        claim: Claim | OldClaim
        if request.asks(ALGORITHM_PARAMETER):
            claim = presigned_claim(request, self._now())
        elif request.header("authorization"):
            claim = header_claim(request)
        elif request.asks(SIGNATURE_PARAMETER):
            claim = presigned_claim_2(request, self._now())
        else:
            raise access_denied()
        return await self._verifier.check(request, claim)

    async def _hand_in(self, client: Wire, behind: Wire, intake: Intake, head: h11.Request) -> None:
        """The request, whose last piece waits until the whole body is known to be right."""
        is_begun, held = False, b""
        async for data in self._body(client):
            piece = intake.feed(data)
            if not piece:
                continue
            if held:
                if not is_begun:
                    await behind.send(head)
                    is_begun = True
                await behind.send(h11.Data(held))
            held = piece
        intake.end()
        if not is_begun:
            await behind.send(head)
        if held:
            await behind.send(h11.Data(held))
        await behind.send(h11.EndOfMessage())

    async def _body(self, client: Wire) -> AsyncIterator[bytes]:
        if client.http.they_are_waiting_for_100_continue:
            await client.send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue"))
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    event = await client.event()
            except TimeoutError:
                raise request_timeout() from None
            if not isinstance(event, h11.Data):
                return
            yield bytes(event.data)

    async def _hand_out(self, client: Wire, behind: Wire, request_id: str, *, is_bodiless: bool) -> None:
        head = await behind.event()
        if not isinstance(head, h11.Response):
            raise internal_error()
        kept = [(name, value) for name, value in head.headers if name.decode() not in HOPS | _OWN]
        length = [(name, value) for name, value in head.headers if name == b"content-length"]
        headers = [*kept, *length, *_ids(request_id)]
        await self._say(client, h11.Response(status_code=head.status_code, headers=headers, reason=head.reason))
        if is_bodiless or head.status_code in BODILESS:
            await behind.event()  # its end
            await self._say(client, h11.EndOfMessage())
        else:
            size = int(length[0][1])
            await client.say(size, behind.take(size), self._patience)

    async def _refuse(self, client: Wire, refusal: Refusal, request_id: str, *, is_last: bool) -> bool:
        """Answer with AWS's words; False when it was the connection's last answer."""
        request_id = request_id or self._request_id("", "")
        body = refusal.body(request_id)
        length = str(len(body)).encode()
        headers = [(b"content-type", CONTENT_TYPE), (b"content-length", length), *_ids(request_id)]
        if is_last:
            headers.append((b"connection", b"close"))
        reason = http.HTTPStatus(refusal.status).phrase.encode()  # clients that wait for a 100 read it, too
        await self._say(client, h11.Response(status_code=refusal.status, headers=headers, reason=reason))
        await self._say(client, h11.Data(body))  # h11 leaves it out of the answer to a HEAD
        await self._say(client, h11.EndOfMessage())
        if is_last:
            await client.say_goodbye(_GOODBYE_S)
        return not is_last

    async def _say(self, client: Wire, event: h11.Event) -> None:
        async with asyncio.timeout(self._patience):
            await client.send(event)

    def _request_id(self, method: str, target: str) -> str:
        if self._seed is None:
            return secrets.token_hex(8).upper()
        return hashlib.sha256(f"{self._seed} {method} {target}".encode()).hexdigest()[:16].upper()


def _ids(request_id: str) -> list[tuple[bytes, bytes]]:
    date, second = formatdate(usegmt=True).encode(), host_id(request_id).encode()
    return [
        (REQUEST_ID.encode(), request_id.encode()),
        (b"x-amz-id-2", second),
        (b"date", date),
        (b"server", b"AmazonS3"),
    ]
