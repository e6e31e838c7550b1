"""Places for mounts inside other mounts: what is mounted must find a file or folder to stand on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.walls import depth, inside


@dataclass(slots=True)
class Shown:
    """How a read-only folder is shown when something has to be mounted inside of it."""

    mounts: list[Mount] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    """Folders that have to be made for them."""
    links: dict[str, str] = field(default_factory=dict)
    """Path in the sandbox -> target of the link."""

    def add(self, other: Shown) -> None:
        """Show that, too."""
        self.mounts += other.mounts
        self.folders += other.folders
        self.links |= other.links


def make_places(mounts: Sequence[Mount]) -> None:
    """Make places in the run's own folders; engines leave an empty 0755 file behind (FINDINGS-docker 4)."""
    for mount in mounts:
        above = [(outer, rest) for outer in mounts if (rest := inside(mount.target, outer.target)) and not outer.shared]
        if not above:
            continue
        outer, rest = max(above, key=lambda pair: depth(pair[0].target))
        place = outer.source / rest
        place.parent.mkdir(parents=True, exist_ok=True)
        if mount.source.is_dir():
            place.mkdir(exist_ok=True)
        elif not place.exists():
            place.touch()
            place.chmod(0o755)


def show(mount: Mount, places: Iterable[str]) -> Shown:
    """A folder that nothing may be written to, as one mount; entry by entry where a place inside is missing.

    :param mount: a folder of this machine
    :param places: paths of the sandbox at which something else will stand
    """
    below = [(place, inside(place, mount.target)) for place in places]
    missing = [place for place, rest in below if rest and not (mount.source / rest).exists()]
    if not missing or not mount.source.is_dir():
        return Shown([mount])
    shown = Shown(folders=[mount.target])
    for child in sorted(mount.source.iterdir()):
        target = f"{mount.target}/{child.name}"
        if child.is_symlink():
            shown.links[target] = str(child.readlink())
        else:
            shown.add(show(Mount(child, target, shared=True), missing))
    return shown
