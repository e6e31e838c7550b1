"""The composition root: settings -> a running stub. Concrete choices are made here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from orchestrator_stub.api.app import build_routes
from orchestrator_stub.api.asgi import ASGIApp, Message, Receive, Send
from orchestrator_stub.api.connection import Connection
from orchestrator_stub.api.guard import Doors, Guard
from orchestrator_stub.api.server import Server
from orchestrator_stub.api.witness import Witness
from orchestrator_stub.board.files import FILES
from orchestrator_stub.clock import SECOND, Clock, RealClock, VirtualClock
from orchestrator_stub.control.info import StubInfo
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import Membership
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.machines import (
    ADVERTISED,
    compute_node,
    described_nodes,
    not_offered,
    orchestrator_alone,
    this_machine,
)
from orchestrator_stub.engine.orchestrator import Orchestrator, Workbench
from orchestrator_stub.engine.powers import Powers
from orchestrator_stub.engine.scripts import Scripts
from orchestrator_stub.engine.workplace import Workplace
from orchestrator_stub.inputs.local import OpenFolder
from orchestrator_stub.inputs.registry import build_sources
from orchestrator_stub.publishers.fileserver import FileServer
from orchestrator_stub.publishers.registry import build_publishers
from orchestrator_stub.runners.registry import DockerChoice, RunnersReady, build_runners
from orchestrator_stub.runners.trial import Trial
from orchestrator_stub.s3.client import S3Settings
from orchestrator_stub.s3.proxy import S3Service
from orchestrator_stub.settings.flags import Settings
from orchestrator_stub.settings.reach import open_address, reach_notes

if TYPE_CHECKING:
    from orchestrator_stub.certificates.given import Secured
    from orchestrator_stub.engine.keeper import Keeper
    from orchestrator_stub.s3.backend import Backend

S3_PORT, FILES_PORT = 4570, 6001
_USERS_NOTE = "API users are on: give the connection a login and password, or a key as its password"
_SCRIPTS_NOTE = "what becomes of jobs is in --scripts ({} scripts)"
_S3_NOTES = {"embedded": "buckets appear on first use", "off": "off", "aws": "AWS, with this machine's keys"}


class Stub:
    """A stub that is started once. All methods are called on the event loop that serves it."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        seed: int | None = None,
        tried: Callable[[], Trial | None] = lambda: None,
        s3_backend: Callable[[], Backend] | None = None,
    ) -> None:
        """`clock`: default the one that the settings ask for, `seed` as well; the same seed gives the same ids.

        `tried`: gives the outcome of a trial of the sandbox that was begun earlier, if one was.
        `s3_backend`: gives what keeps the objects of the embedded S3; default a process of its own.
        """
        self.settings = settings
        self.clock: Clock = clock or _clock(settings)
        self.orchestrator: Orchestrator
        self.info: StubInfo
        self._seed = settings.seed if seed is None else seed
        self._tried = tried
        self._release = RELEASES[settings.emulate]
        self._place: Workplace | None = None
        self._s3 = S3Service(
            S3Settings.of(settings.s3, strict=settings.strict, any_endpoint=settings.allow_url_inputs),
            host=open_address(settings),
            port=S3_PORT if settings.port else 0,
            now=self.clock.peek,
            hosts=settings.allow_hosts,
            seed=self._seed,
            backend=s3_backend,
        )
        self._keeper: Keeper | None = None
        self._node_notes: list[str] = []
        self._files: FileServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, after `start`."""
        return self.info.url

    async def start(self) -> None:
        """Bind and answer. Raises OSError (address taken) or SettingsError; nothing is left behind then."""
        listener = _listen(self.settings.host, self.settings.port)
        self._place = Workplace()
        try:
            await self._build(listener)
        except BaseException:
            listener.close()
            await self._clean_up()
            raise

    async def stop(self) -> None:
        """End everything: no process, run, port or file of the stub is left."""
        if self._server is not None and self._serving is not None:
            self._server.end()
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
        await self._clean_up()

    async def _clean_up(self) -> None:
        if hasattr(self, "orchestrator"):
            await self.orchestrator.close()
        if self._keeper is not None:
            await self._keeper.close()
        if self._files is not None:
            await self._files.close()
        await self._s3.close()
        if self._place is not None:
            await asyncio.to_thread(self._place.close)

    def _secured(self, address: str) -> Secured | None:
        """How the API speaks TLS, if it does; nothing is imported otherwise."""
        tls = self.settings.tls
        if tls is None:
            return None
        if tls.certificate is not None and tls.key is not None:
            from orchestrator_stub.certificates.given import given

            return given(tls.certificate, tls.key)
        from orchestrator_stub.certificates.made import made

        names = dict.fromkeys(("localhost", "127.0.0.1", "::1", address, *self.settings.allow_hosts))
        return made(self._subfolder("tls"), tuple(names), tls.fault)

    def _kept(self, ids_of: Callable[[int | None], Ids]) -> tuple[Keeper | None, Ids]:
        """Who keeps the state, if it is to outlive the process, and the names that go with it; nothing is imported
        otherwise."""
        if self.settings.data_dir is None:
            return None, ids_of(self._seed)
        from orchestrator_stub.engine.keeper import Keeper

        keeper = self._keeper = Keeper(self.settings.data_dir, self._release)
        ids = ids_of(keeper.seed(self._seed))
        keeper.start(self.clock, ids)
        return keeper, ids

    async def _build(self, listener: socket.socket) -> None:
        keeper, ids = self._kept(lambda seed: Ids(seed, page_style=self._release.page_shapes))
        tls = self._secured(_shown(listener))
        choice: DockerChoice = self.settings.docker_runner  # type: ignore[assignment]  # settings checked the word
        ready = build_runners(
            choice,
            self._release,
            strict=self.settings.strict,
            rules=self.settings.images,
            tried=self._tried(),
            docker_host=self.settings.docker_host,
        )
        published = self._subfolder("published") if keeper is None else keeper.published
        self._files = FileServer(
            published,
            host=open_address(self.settings),
            port=FILES_PORT if self.settings.port else 0,
            names=self.settings.allow_hosts,
        )
        await self._files.start()
        await self._s3.start()
        bench = self._workbench(ready, published, self._files.url)
        offered = this_machine(self._subfolder("runs"), self._release) if self.settings.strict else ADVERTISED
        nodes = self._nodes(ids.node, offered, bench)
        behaviours = [(node.id, shape.behaviour) for node, shape in zip(nodes, self.settings.cluster, strict=False)]
        if self.settings.manual_approval:
            nodes = [replace(node, membership=Membership.PENDING) for node in nodes]
        if not nodes or self.settings.manual_approval:
            nodes.insert(0, orchestrator_alone(ids.node(own=True), self._release))
        if keeper is not None:
            nodes = keeper.nodes(nodes, self._node_flags())
        self.orchestrator = Orchestrator(
            release=self._release,
            clock=self.clock,
            ids=ids,
            nodes=nodes,
            workbench=bench,
            powers=Powers(scripts=Scripts(self.settings.scripts, self.settings.images)),
            strict=self.settings.strict,
            manual_approval=self.settings.manual_approval,
            keeper=keeper,
        )
        if behaviours:
            self.orchestrator.fleet.behave(behaviours)
        if keeper is not None:
            await self.orchestrator.resume()
        self.info = self._describe(_url(listener, secure=tls is not None), ready, offered, tls)
        await self._serve(listener, tls)

    def _nodes(self, name: Callable[[], str], usual: Capacity, bench: Workbench) -> list[Node]:
        """The compute nodes, called by `name` unless they have names of their own. `usual`: what a node offers."""
        cluster = self.settings.cluster
        if not cluster:
            return [compute_node(name(), usual, bench, self._release) for _ in range(self.settings.nodes)]
        self._node_notes = not_offered(cluster, bench)
        return described_nodes(cluster, usual, bench, self._release, name=name)

    def _node_flags(self) -> str:
        """What was said about nodes: as long as it is the same, what became of them is kept."""
        settings = self.settings
        return repr((settings.cluster or settings.nodes, settings.strict, settings.manual_approval))

    def _workbench(self, ready: RunnersReady, published: Path, files_url: str) -> Workbench:
        s3 = self._s3.access() if self._s3.is_on else None
        opened = [OpenFolder(path.folder, path.writable) for path in self.settings.allow_local_paths]
        return Workbench(
            runners=ready.runners,
            sources=build_sources(self._release, s3=s3, opened=opened, any_host=self.settings.allow_url_inputs),
            publishers=build_publishers(
                self._release,
                self._subfolder("uploads"),
                files_folder=published,
                files_url=files_url,
                s3=s3,
            ),
            folder=self._subfolder("runs"),
            logs=self._keeper.logs if self._keeper is not None else None,
            # The document's examples print every warning there is.
            hint=(lambda _: "") if self.settings.strict or self._release.page_shapes else ready.hint,
        )

    async def _serve(self, listener: socket.socket, tls: Secured | None) -> None:
        settings = self.settings
        # The recorded CORS answers let any web page in, so they are shown only where it could reach nothing.
        cors = settings.strict and settings.docker_runner in ("off", "scripted") and not settings.allow_local_paths
        host, port = listener.getsockname()[:2]
        api = build_routes(
            self.orchestrator,
            cors=cors,
            address=lambda: (host, port),
            users=settings.users,
            rate_limit=settings.rate_limit,
        )
        app = Guard(
            _Switch(Witness(api, self.orchestrator), self._control),
            Doors(settings.allow_hosts, settings.allow_origins, cors, settings.control_token, frozenset(FILES)),
        )
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            log_level="warning",  # whoever reads the log of a test looks for something else
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who is let in depends on the connection itself
            timeout_graceful_shutdown=1,
        )
        self._server = Server(config, tls.context if tls else None, self._date())
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise OSError("the server ended before it was ready")
            await asyncio.sleep(0)

    def _date(self) -> Callable[[], float] | None:
        """What day answers say it is, in unix seconds; None = this machine's."""
        return None if self.clock.mode == "real" else lambda: self.clock.peek() // SECOND

    def _control(self) -> ASGIApp:
        from orchestrator_stub.board.routes import board_routes
        from orchestrator_stub.control.routes import build_control  # its framework waits for the first request

        def info() -> StubInfo:
            return replace(self.info, clock=self.clock.mode)

        return build_control(self.orchestrator, info, board_routes(self.orchestrator))

    def _subfolder(self, name: str) -> Path:
        assert self._place is not None, "start makes it"
        folder = self._place.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _describe(self, url: str, ready: RunnersReady, offered: Capacity, tls: Secured | None) -> StubInfo:
        docker = [note for note in ready.notes if note.startswith("docker: ")]
        return StubInfo(
            release=self.settings.emulate,
            url=url,
            s3_endpoint=self._s3.endpoint,
            s3_note=_S3_NOTES.get(self.settings.s3, "not ours, given by --s3"),
            clock=self.clock.mode,
            nodes=self.settings.nodes,
            node_size=_size_in_words(self.settings, offered),
            docker=docker[0].removeprefix("docker: ") if docker else "off",
            runners=tuple(sorted(f"{engine}: {runner.name}" for engine, runner in ready.runners.items())),
            notes=(
                *(note for note in ready.notes if note not in docker),
                *((_USERS_NOTE,) if self.settings.users else ()),
                *((_SCRIPTS_NOTE.format(len(self.settings.scripts)),) if self.settings.scripts else ()),
                *((self._keeper.note,) if self._keeper is not None else ()),
                *self._node_notes,
                *reach_notes(url, self.settings),
            ),
            flags=tuple(_flags(self.settings).items()),
            ca_file=str(tls.ca_file) if tls and tls.ca_file else "",
            tls_note=tls.note if tls else "",
        )


def _clock(settings: Settings) -> Clock:
    mode = settings.clock_mode
    return RealClock() if mode == "real" else VirtualClock(mode=mode)


def _size_in_words(settings: Settings, usual: Capacity) -> str:
    """`16 CPU, 64 GB, 1 GPU each, advertised`."""
    if settings.cluster:
        all_of_them = sum((shape.capacity(usual) for shape in settings.cluster), Capacity())
        return f"of the cluster file, {_words_for(all_of_them)} in all"
    return f"{_words_for(usual)} each{'' if settings.strict else ', advertised'}"


def _words_for(capacity: Capacity) -> str:
    return f"{capacity.cpu:g} CPU, {capacity.memory / 1e9:.0f} GB, {capacity.gpu} GPU"


class _Switch:
    """`/stub/...` goes to the control surface, all else to the emulated one."""

    def __init__(self, api: ASGIApp, build_control: Callable[[], ASGIApp]) -> None:
        self._api = api
        self._build_control = build_control
        self._control: ASGIApp | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == "/stub" or path.startswith("/stub/")):
            self._control = self._control or self._build_control()
            await self._control({**scope, "path": path if path != "/stub" else "/stub/"}, receive, send)
        else:
            await self._api(scope, receive, send)


def _flags(settings: Settings) -> dict[str, Any]:
    """The settings for everybody to see: of users only their names, of scripts and described nodes how many there are.
    """
    images = tuple(replace(rule, stages=() if rule.stages else rule.stages) for rule in settings.images)
    hidden = replace(settings, users=(), scripts=(), cluster=(), images=images, control_token="")
    plain = asdict(hidden, dict_factory=_plain) | {"control_token": bool(settings.control_token)}
    users = [user.alias or user.username or "without a name" for user in settings.users]
    return plain | {"users": users, "scripts": len(settings.scripts), "cluster": len(settings.cluster)}


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in items}


def _shown(listener: socket.socket) -> str:
    """The address that this machine reaches it by."""
    host: str = listener.getsockname()[0]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - replaced, not bound


def _url(listener: socket.socket, *, secure: bool) -> str:
    host, port = _shown(listener), listener.getsockname()[1]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; its protocol is named because asyncio sets TCP_NODELAY only then."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener
