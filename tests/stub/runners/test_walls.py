"""The arguments that make the walls."""

from __future__ import annotations

import pytest

from orchestrator_stub.runners.walls import Bind, Walls, bubblewrap_arguments, clean, depth, inside


def arguments(**more):
    """Arguments for a simple program."""
    given = {"command": ("a", "{0}"), "environment": {"A": "b"}, "hostname": "box", "scratch": 1000}
    return bubblewrap_arguments(Walls(bubblewrap="/usr/bin/bwrap", **given, **more))


def test_every_namespace_is_the_programs_own():
    """One left out would be shared with the machine."""
    assert {f"--unshare-{name}" for name in ("user", "ipc", "pid", "net", "uts")} < set(arguments())
    assert {"--die-with-parent", "--new-session", "--disable-userns", "--as-pid-1"} < set(arguments())


def test_only_programs_of_the_machine_are_mounted():
    """Any other source would show something of the machine."""
    shown = arguments(system_links={"bin": "usr/bin", "lib": ""})
    sources = [shown[place + 1] for place, word in enumerate(shown) if "bind" in str(word)]
    assert sources == ["/usr", "/lib", "/etc/alternatives", "/etc/ld.so.cache"]
    assert shown[shown.index("--symlink") + 1 :][:2] == ["usr/bin", "/bin"]


def test_binds_keep_their_rights():
    """Read-only inputs would be writable."""
    shown = arguments(binds=[Bind(0, "/a", writable=False), Bind(1, "/b", writable=True)])
    place = shown.index(0)
    assert shown[place - 1 : place + 5] == ["--ro-bind", 0, "/a", "--bind", 1, "/b"]


def test_folders_and_links_are_made_before_anything_is_mounted():
    """What is mounted inside of them would find no place."""
    shown = arguments(binds=[Bind(0, "/app/in", writable=False)], folders=["/app"], links={"/bin/sh": "busybox"})
    place = shown.index(0) - 1
    assert shown[place - 5 : place] == ["--dir", "/app", "--symlink", "busybox", "/bin/sh"]


def test_words_of_the_job_stay_words():
    """A parameter that looks like a number of ours, or an option, would be taken for one."""
    shown = arguments()
    assert shown[shown.index("--") :] == ["--", "a", "{0}"]


@pytest.mark.parametrize(
    ("folder", "made"), [("/no/such", True), ("/usr/lib", False), ("/dev", False), ("/bin", False), ("", False)]
)
def test_a_missing_working_directory_is_made(folder, made):
    """Golden 70, workdir-missing; inside system folders nothing can be made."""
    shown = arguments(working_directory=folder, system_links={"bin": "usr/bin"})
    assert (shown[shown.index("--chdir") + 1], ("--dir", folder) in zip(shown, shown[1:])) == (folder or "/", made)


def test_old_versions_get_no_new_options():
    """Before 0.8 user namespaces cannot be forbidden."""
    assert "--disable-userns" not in arguments(nested_users=True)


def test_paths():
    """Mounts would be made in the wrong order or place."""
    assert [clean(path) for path in ("/a/", "//a//b/../c", "/")] == ["/a", "/a/c", "/"]
    assert [depth(path) for path in ("/", "/a", "/a/b/")] == [0, 1, 2]
    assert [inside(*pair) for pair in (("/a/b", "/a"), ("/ab", "/a"), ("/a", "/a"), ("/a", "/"))] == ["b", None, None, "a"]
