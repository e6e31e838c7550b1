"""Which source takes which input type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator_stub.domain.release import Release
from orchestrator_stub.inputs.base import Source
from orchestrator_stub.inputs.inline import InlineSource
from orchestrator_stub.inputs.local import LocalSource, OpenFolder
from orchestrator_stub.inputs.s3 import S3Source
from orchestrator_stub.inputs.url import UrlSource
from orchestrator_stub.s3.client import S3Access


def build_sources(
    release: Release,
    *,
    s3: S3Access | None = None,
    opened: Sequence[OpenFolder] = (),
    any_host: bool = False,
) -> Mapping[str, Source]:
    """Type in lower case -> its source; what is missing is not advertised by nodes.

    :param s3: None = no S3 here
    :param opened: folders that local inputs may come from
    :param any_host: URL inputs may come from other machines
    """
    sources: list[Source] = [InlineSource(), UrlSource(any_host=any_host)]
    if s3 is not None:
        sources.append(S3Source(s3))
    if opened:
        sources.append(LocalSource("localdirectory", opened))
        if release.local_input:
            sources.append(LocalSource("local", opened))
    return {source.type: source for source in sources}
