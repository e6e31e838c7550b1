"""Identifiers: what the stub names things, reproducible with a seed."""

from __future__ import annotations

import random

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Ids:
    """Makes identifiers from one source of randomness."""

    def __init__(self, seed: int | None = None, page_style: bool = False) -> None:
        """`seed` None: never the same ids twice. `page_style`: nodes are called as the user's document does (Qm...)."""
        self._random = random.Random(seed)  # noqa: S311 - names need no secrecy, but a seed must repeat them
        self._page_style = page_style

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

    def node(self) -> str:
        """`n-` and a UUID, or a peer id as the user's document prints them."""
        if self._page_style:
            return "Qm" + "".join(self._random.choice(_BASE58) for _ in range(44))
        return "n-" + self.uuid()

    def hash64(self) -> str:
        """64 hexadecimal digits, the look of a server's instance id."""
        return f"{self._random.getrandbits(256):064x}"

    def luck(self, below: int) -> int:
        """A random number in [0, below), for choices among equals."""
        return int(self._random.random() * below)
