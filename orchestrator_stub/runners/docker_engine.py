"""A client of the container engine's API (Docker's, which Podman speaks, too) over its unix socket, for one run.

https://docs.docker.com/reference/api/engine/ names the requests; httpx is imported only where this module is.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import AsyncIterator, Container, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from orchestrator_stub.domain.image import ImageReference

_QUICK = httpx.Timeout(60.0, connect=5.0)
"""Seconds for what an engine does at once; it may be busy."""
_PATIENT = httpx.Timeout(60.0, connect=5.0, read=None)
"""For answers that take as long as a program runs or an image needs."""
_PLAIN = {"Accept-Encoding": "identity"}  # a socket carries files as quickly as they can be packed
_LIMITS = httpx.Limits(max_connections=None)
_GONE = (404, 409)
"""Statuses of a container that is no more, or ends already."""


@dataclass(frozen=True, slots=True)
class EngineAt:
    """An engine that answers."""

    socket: Path
    name: str
    """For people: "Podman 4.3.1"."""
    version: str = ""
    """Of its API, e.g. "1.41"."""
    cpus: float = 1.0
    """How many processors its containers can have."""

    @property
    def base(self) -> str:
        """What its URLs begin with; the host name means nothing on a socket."""
        return f"http://engine/v{self.version}" if self.version else "http://engine"


class EngineError(Exception):
    """The engine refused, or does not answer (status 0); `message` are its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Engine:
    """A conversation with the engine; used as a context manager of one event loop."""

    def __init__(self, at: EngineAt) -> None:
        """Nothing is sent yet."""
        self._at = at
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(at.socket), limits=_LIMITS),
            base_url=at.base,
            headers=_PLAIN,
            timeout=_QUICK,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def has_image(self, image: str) -> bool:
        """Whether the engine has it already. Raises EngineError."""
        try:
            await self._ask("GET", f"/images/{_quoted(image)}/json")
        except EngineError as error:
            if error.status == 404:
                return False
            raise
        return True

    async def pull(self, image: ImageReference) -> None:
        """Fetch an image from its registry. Raises EngineError, also for what the engine reports on the way."""
        version = image.digest or image.tag or "latest"
        with _told(self._at):
            async with self._client.stream(
                "POST", "/images/create", params={"fromImage": image.name, "tag": version}, timeout=_PATIENT
            ) as answer:
                await _check(answer)
                async for line in answer.aiter_lines():
                    if complaint := _complaint(line):
                        raise EngineError(answer.status_code, complaint)

    async def create(self, request: Mapping[str, Any]) -> str:
        """Make a container that does not run yet; its id. Raises EngineError."""
        answer = await self._ask("POST", "/containers/create", json=request)
        made: str = answer.json()["Id"]
        return made

    @asynccontextmanager
    async def attached(self, container: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The container's output as it comes, both streams in one; opened before the start, so that nothing is missed.

        :raises EngineError: refused; engines that prepare the program at this point do it for a broken one
        """
        wanted = {"stream": "1", "stdout": "1", "stderr": "1"}
        with _told(self._at):
            async with self._client.stream(
                "POST", f"/containers/{container}/attach", params=wanted, timeout=_PATIENT
            ) as answer:
                await _check(answer)
                yield answer.aiter_raw()

    async def start(self, container: str) -> None:
        """Start the program. Raises EngineError."""
        await self._ask("POST", f"/containers/{container}/start")

    async def wait(self, container: str) -> tuple[int, str]:
        """Until the program has ended: exit code, and what the engine complains of. Raises EngineError."""
        ended = (await self._ask("POST", f"/containers/{container}/wait", timeout=_PATIENT)).json()
        return int(ended["StatusCode"]), str((ended.get("Error") or {}).get("Message", ""))

    async def ran_out_of_memory(self, container: str) -> bool:
        """Whether the kernel ended it for its memory limit, as far as the engine noticed. Raises EngineError."""
        facts = (await self._ask("GET", f"/containers/{container}/json")).json()
        return bool(facts["State"].get("OOMKilled"))

    async def remove(self, container: str) -> None:
        """Kill what runs and remove everything of it; one that is gone is fine. Raises EngineError."""
        for method, path, refusals in _removal(container):
            try:
                await self._ask(method, path)
            except EngineError as error:
                if error.status not in refusals:
                    raise

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        with _told(self._at):
            answer = await self._client.request(method, path, **more)
            await _check(answer)
            return answer


class BlockingEngine:
    """The same for threads and for the time before there is a loop; used as a context manager."""

    def __init__(self, at: EngineAt, *, patience: httpx.Timeout = _QUICK) -> None:
        """`patience`: seconds for each answer."""
        self._at = at
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(at.socket)),
            base_url=at.base,
            headers=_PLAIN,
            timeout=patience,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def facts(self, path: str) -> dict[str, Any]:
        """What `/version` or `/info` say. Raises EngineError."""
        found: dict[str, Any] = self._ask("GET", path).json()
        return found

    def labelled(self, label: str) -> dict[str, str]:
        """Id -> value of all containers with a label, also of those that do not run. Raises EngineError."""
        wanted = {"all": "1", "filters": json.dumps({"label": [label]})}
        found: list[dict[str, Any]] = self._ask("GET", "/containers/json", params=wanted).json()
        return {each["Id"]: each["Labels"][label] for each in found}

    def remove(self, container: str) -> None:
        """As in Engine."""
        for method, path, refusals in _removal(container):
            try:
                self._ask(method, path)
            except EngineError as error:
                if error.status not in refusals:
                    raise

    def put_files(self, container: str, folder: str, archive: Iterator[bytes]) -> None:
        """Unpack a tar archive below a folder of the container. Raises EngineError."""
        self._ask("PUT", f"/containers/{container}/archive", params={"path": folder}, content=archive)

    @contextmanager
    def files(self, container: str, folder: str) -> Iterator[Iterator[bytes]]:
        """What is in a folder of the container, as a tar archive. Raises EngineError."""
        wanted = {"path": folder.rstrip("/") + "/."}
        with _told(self._at), self._client.stream("GET", f"/containers/{container}/archive", params=wanted) as answer:
            if answer.is_error:
                answer.read()
                raise _refusal(answer)
            yield answer.iter_raw()

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        with _told(self._at):
            answer = self._client.request(method, path, **more)
        if answer.is_error:
            raise _refusal(answer)
        return answer


@contextmanager
def _told(at: EngineAt) -> Iterator[None]:
    """An engine that does not answer is an EngineError in the words of Docker's client."""
    try:
        yield
    except httpx.TransportError as error:
        if isinstance(error, httpx.ConnectError):
            text = f"Cannot connect to the Docker daemon at unix://{at.socket}. Is the docker daemon running?"
        else:
            text = f"the container engine at unix://{at.socket} broke off: {str(error) or type(error).__name__}"
        raise EngineError(0, text) from None


async def _check(answer: httpx.Response) -> None:
    if answer.is_error:
        await answer.aread()
        raise _refusal(answer)


def _refusal(answer: httpx.Response) -> EngineError:
    text = answer.text.strip()
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    message = said.get("message") if isinstance(said, dict) else None
    return EngineError(answer.status_code, str(message or text or answer.reason_phrase).strip())


def _complaint(line: str) -> str:
    """The error in a line of the progress of a pull, "" for all others."""
    try:
        said = json.loads(line)
    except ValueError:
        return ""
    return str(said.get("error", "")) if isinstance(said, dict) else ""


def _removal(container: str) -> tuple[tuple[str, str, Container[int]], ...]:
    """Requests, and statuses that are fine. An engine that only removes may ask the program to end, and wait for it."""
    return (
        ("POST", f"/containers/{container}/kill?signal=KILL", range(400, 600)),  # where it does not run
        ("DELETE", f"/containers/{container}?force=1&v=1", _GONE),
    )


def _quoted(image: str) -> str:
    return urllib.parse.quote(image, safe="/:@")
