"""Inputs that stand in the job itself, as `data:` URLs."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import re
import shutil
import tarfile
import urllib.parse
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from orchestrator_stub.domain import params
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource
from orchestrator_stub.inputs.base import WHOLE, Part
from orchestrator_stub.inputs.failures import unavailable
from orchestrator_stub.runners.base import Mount

ARCHIVE: Final = "application/gzip"
"""Media type of a packed folder: it is unpacked at the target."""
MAX_UNPACKED: Final = 10 * 10**9
"""Bytes."""
_PREFIX = "data:"
_BASE64 = re.compile(r"[A-Za-z0-9+/=\r\n]*")
_URL = re.compile(r"(?:[A-Za-z0-9\-_.!~*'();/?:@&=+$,#\[\]]|%[0-9a-fA-F]{2})*")


@dataclass(frozen=True, slots=True)
class Data:
    """What a `data:` URL holds."""

    media_type: str
    content: bytes


class InlineSource:
    """Fetches inputs of type `inline`. `check` never waits for anything."""

    type = "inline"

    async def check(self, source: InputSource, part: Part = WHOLE) -> int:  # noqa: ARG002 - inline data is not divided
        """Size of the unpacked data in bytes.

        :raises StepError: the URL is no data URL, in the servers' words
        """
        try:
            data = _data_of(source)
            return _unpacked_size(data)
        except ValueError as error:
            raise unavailable(str(error)) from None

    async def fetch(self, source: InputSource, folder: Path, part: Part = WHOLE) -> tuple[Mount, ...]:  # noqa: ARG002
        """A file at the target; a folder for packed data.

        :raises StepError: as `check`, or the archive is broken or leads out of its folder
        """
        return await asyncio.to_thread(_fetch, source, folder)


def parse_data_url(url: str) -> Data:
    """The content of a `data:` URL (percent or base64).

    :raises ValueError: in the words of the servers' library (goldens 14 and 73)
    """
    if not url.startswith(_PREFIX):
        raise ValueError("missing data prefix")
    head, comma, body = url.removeprefix(_PREFIX).partition(",")
    if not comma:
        raise ValueError("missing comma before data")
    media_type, *attributes = head.split(";")
    if attributes[-1:] == ["base64"]:
        if not _BASE64.fullmatch(body):
            raise ValueError("invalid data character")
        try:
            return Data(media_type or "text/plain", base64.b64decode(body, validate=False))
        except binascii.Error:
            raise ValueError(f"illegal base64 data at input byte {len(body)}") from None
    if not _URL.fullmatch(body):
        raise ValueError("invalid data character")
    return Data(media_type or "text/plain", urllib.parse.unquote_to_bytes(body))


def _data_of(source: InputSource) -> Data:
    url = params.text(source.source.params, "URL")
    if not url.strip():
        raise ValueError("invalid inline params: url cannot be empty")
    return parse_data_url(url)


def _unpacked_size(data: Data) -> int:
    if data.media_type != ARCHIVE:
        return len(data.content)
    if not data.content.startswith(b"\x1f\x8b"):
        raise ValueError("gzip: invalid header")
    return int.from_bytes(data.content[-4:], "little")  # as the archive says itself: nothing is unpacked on the loop


def _fetch(source: InputSource, folder: Path) -> tuple[Mount, ...]:
    try:
        data = _data_of(source)
    except ValueError as error:
        raise StepError(str(error)) from None
    place = folder / "data"
    if data.media_type != ARCHIVE:
        place.write_bytes(data.content)
        return (Mount(place, source.target, writable=True),)
    place.mkdir()
    try:
        _unpack(data.content, place)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise StepError(f"cannot unpack inline archive: {error}") from None
    return (Mount(place, source.target, writable=True),)


def _unpack(content: bytes, place: Path) -> None:
    """Files and folders only: without links nothing can lead out of the folder."""
    total = 0
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"invalid file path: {member.name}")
            total += member.size
            if total > MAX_UNPACKED:
                raise ValueError(f"more than {MAX_UNPACKED} bytes")
            target = place / path
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isreg() and (file := archive.extractfile(member)) is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as copy:
                    shutil.copyfileobj(file, copy)
                target.chmod(0o644 | member.mode & 0o111)
