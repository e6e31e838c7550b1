"""Identifiers: what the stub names things, reproducible with a seed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Lucks:
    """A row of random numbers in [0, below), drawn when they are first read: most looks at a job need none of the many
    that a look is due. `spend` uses up those that were not needed; nothing else may be drawn before."""

    def __init__(self, source: random.Random, below: int, number: int) -> None:
        self._source = source
        self._below = below
        self._number = number
        self._drawn: list[int] | None = None

    def __iter__(self) -> Iterator[int]:
        if self._drawn is None:
            draw, below = self._source.random, self._below
            self._drawn = [int(draw() * below) for _ in range(self._number)]
        return iter(self._drawn)

    def spend(self) -> None:
        """Leave the source as if all had been drawn: each takes two words of 32 bits."""
        if self._drawn is None and self._number:
            self._source.getrandbits(64 * self._number)
            self._number = 0


class Ids:
    """Makes identifiers from one source of randomness."""

    def __init__(self, seed: int | None = None, page_style: bool = False) -> None:
        """`seed` None: never the same ids twice. `page_style`: nodes are called as the user's document does (Qm...)."""
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - names need no secrecy, but a seed must repeat them
        self._page_style = page_style
        self._given: deque[str] = deque()
        self._own = ""
        self._instance = ""

    def remember(self, nodes: Iterable[str], *, own: str = "", instance: str = "") -> None:
        """What was named before a restart keeps its name: the next compute nodes these, in their order, a node of the
        orchestrator's `own`, and the server its `instance` id."""
        self._given = deque(nodes)
        self._own, self._instance = own, instance

    def source(self, purpose: str) -> random.Random:
        """Randomness of its own for one purpose: what is drawn there shifts nothing drawn elsewhere. Without a seed
        nobody can foresee it."""
        if self._seed is None:
            return random.SystemRandom()
        return random.Random(f"{self._seed}/{purpose}")  # noqa: S311 - whoever gives a seed wants it repeated

    def uuid(self) -> str:
        """A random (version 4) UUID as text."""
        bits = self._random.getrandbits(128)
        bits = (bits & ~(0xF000 << 64) & ~(0xC000 << 48)) | (0x4000 << 64) | (0x8000 << 48)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def job(self) -> str:
        """`j-` and a UUID."""
        return "j-" + self.uuid()

    def execution(self) -> str:
        """`e-` and a UUID."""
        return "e-" + self.uuid()

    def evaluation(self) -> str:
        """A bare UUID."""
        return self.uuid()

    def node(self, *, own: bool = False) -> str:
        """`n-` and a UUID, or a peer id as the user's document prints them. `own`: a node that the orchestrator has for
        itself."""
        if own and self._own:
            return self._own
        if self._given and not own:
            return self._given.popleft()
        if self._page_style:
            return "Qm" + "".join(self._random.choice(_BASE58) for _ in range(44))
        return "n-" + self.uuid()

    def instance(self) -> str:
        """The server's id, the same for as long as its state lasts: 64 hexadecimal digits."""
        self._instance = self._instance or self.hash64()
        return self._instance

    def hash64(self) -> str:
        """64 hexadecimal digits, the look of a server's instance id."""
        return f"{self._random.getrandbits(256):064x}"

    def luck(self, below: int) -> int:
        """A random number in [0, below), for choices among equals."""
        return int(self._random.random() * below)

    def lucks(self, below: int, number: int) -> Lucks:
        """As many random numbers as that, the same as `luck` would give one after the other."""
        return Lucks(self._random, below, number)
