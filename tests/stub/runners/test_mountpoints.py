"""Places for mounts inside other mounts."""

from __future__ import annotations

import pytest

from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.mountpoints import make_places, show


@pytest.fixture
def folder(tmp_path):
    """A folder with a file, a link and folders."""
    root = tmp_path / "image"
    (root / "data" / "deep").mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "data" / "kept").write_text("kept")
    (root / "link").symlink_to("data/kept")
    return root


@pytest.fixture
def image(folder):
    """The folder as an image's."""
    return Mount(folder, "/app", shared=True)


@pytest.mark.parametrize("places", [[], ["/", "/app", "/other/x", "/application"], ["/app/data", "/app/data/kept"]])
def test_a_folder_with_all_places_is_one_mount(image, places):
    """Every job would pay for what few need."""
    shown = show(image, places)
    assert (shown.mounts, shown.folders, shown.links) == ([image], [], {})


def test_only_what_is_on_the_way_is_taken_apart(image, folder):
    """A mount inside would fail, hide what is beside it, or be written into the user's folder."""
    shown = show(image, ["/app/data/in.txt", "/app/out"])
    assert shown.folders == ["/app", "/app/data"]
    assert shown.links == {"/app/link": "data/kept"}
    assert [(mount.source, mount.target, mount.writable) for mount in shown.mounts] == [
        (folder / "bin", "/app/bin", False),
        (folder / "data" / "deep", "/app/data/deep", False),
        (folder / "data" / "kept", "/app/data/kept", False),
    ]


def test_what_is_shown_can_be_put_together(image):
    """The second folder of an image would be lost."""
    both = show(image, ["/app/x"])
    both.add(show(Mount(image.source, "/other", shared=True), ["/other/x"]))
    assert both.folders == ["/app", "/other"]
    assert set(both.links) == {"/app/link", "/other/link"}
    assert {mount.target for mount in both.mounts} == {"/app/bin", "/app/data", "/other/bin", "/other/data"}


def test_places_in_the_runs_own_folders_are_made(tmp_path):
    """An input inside a result path could not be mounted (FINDINGS-docker 4: an empty 0755 file stays)."""
    for name in ("results", "folder", "mine"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("x")
    mine = Mount(tmp_path / "mine", "/mine", shared=True)
    make_places(
        [
            Mount(tmp_path / "results", "/out", writable=True),
            mine,
            Mount(tmp_path / "file", "/out/a/in.txt"),
            Mount(tmp_path / "folder", "/out/sub"),
            Mount(tmp_path / "file", "/mine/in.txt"),
        ]
    )
    place = tmp_path / "results" / "a" / "in.txt"
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("", 0o755)
    assert (tmp_path / "results" / "sub").is_dir()
    assert list((tmp_path / "mine").iterdir()) == [], "a folder of the user stays as it is"
