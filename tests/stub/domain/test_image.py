"""References by Docker's grammar, and which rule of `--images` covers one."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.image import OWN_PLACES, ImageRule, misplaced, parse_image, rule_for
from orchestrator_stub.runners.walls import ETC, SYSTEM_LINKS

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ubuntu", ("ubuntu", "", "")),
        ("localhost/busybox:latest", ("localhost/busybox", "latest", "")),
        ("ghcr.io:443/org/clean:1.4", ("ghcr.io:443/org/clean", "1.4", "")),
        ("localhost:5000/clean", ("localhost:5000/clean", "", "")),
        ("a/b__c/d.e-f--g:V_1.0-x", ("a/b__c/d.e-f--g", "V_1.0-x", "")),
        ("Registry.Example/x:1", ("Registry.Example/x", "1", "")),
        (f"x@{DIGEST}", ("x", "", DIGEST)),
        (f"ghcr.io/org/x:1@{DIGEST}", ("ghcr.io/org/x", "1", DIGEST)),
        ("x@sha512:" + "0" * 128, ("x", "", "sha512:" + "0" * 128)),
        ("[::1]:5000/x:y", ("[::1]:5000/x", "y", "")),
    ],
)
def test_references(text, parts):
    """Images with ports, digests and long paths would be called malformed."""
    reference = parse_image(text)
    assert (reference.name, reference.tag, reference.digest) == parts


@pytest.mark.parametrize(
    "text",
    ["UPPER CASE::x", "Upper", "a//b", "a:", "a:b:c", "-a", "a@sha256:xyz", " a", "a\n", "a:" + "t" * 129, "f" * 64, "a" * 256]
    + ["", "a/", "/a", "a:-x", "https://ghcr.io/a", "a___b", "host:port/a", "x@sha256:" + "a" * 32, "x@sha256:" + "A" * 64]
    + ["x@md5:" + "a" * 32, "ä", "a/B"],
)
def test_malformed_references(text):
    """A typo in an image name would run."""
    assert parse_image(text) is None


@pytest.mark.parametrize(
    ("text", "tagged"),
    [("localhost/busybox", "localhost/busybox:latest"), ("x:1", "x:1"), (f"x:1@{DIGEST}", "x:1"), (f"x@{DIGEST}", "")],
)
def test_a_reference_without_version_means_latest(text, tagged):
    """An image that exists would be missing under `--strict`, or one by digest would pass for it."""
    assert parse_image(text).tagged == tagged


@pytest.mark.parametrize(
    ("pattern", "covered", "others"),
    [
        ("acme/clean:*", ["acme/clean", "acme/clean:1.4", f"acme/clean@{DIGEST}", "docker.io/acme/clean:1"], ["acme/cleaner:1", "ghcr.io/acme/clean:1"]),
        ("acme/clean", ["acme/clean", "acme/clean:1.4", f"acme/clean@{DIGEST}"], ["acme/cleaner", "clean"]),
        ("acme/clean:1.?", ["acme/clean:1.4", f"acme/clean:1.4@{DIGEST}"], ["acme/clean", "acme/clean:1.44", "acme/clean:1"]),
        ("acme/clean:1.4", ["acme/clean:1.4"], ["acme/clean:1x4", "acme/clean:1.40", f"acme/clean@{DIGEST}"]),
        (f"acme/clean@{DIGEST}", [f"acme/clean@{DIGEST}", f"acme/clean:1@{DIGEST}"], ["acme/clean:1"]),
        ("ubuntu:*", ["ubuntu", "docker.io/library/ubuntu:24.04", "index.docker.io/ubuntu"], ["acme/ubuntu:1", "localhost/ubuntu"]),
        ("docker.io/library/ubuntu:latest", ["ubuntu", "docker.io/ubuntu"], ["ubuntu:24.04"]),
        ("ghcr.io/*", ["ghcr.io/acme/clean:1"], ["acme/ghcr.io", "ubuntu"]),
        ("[::1]:5000/x:*", ["[::1]:5000/x:1"], [":/x:1"]),
        ("*", ["ubuntu", "ghcr.io/acme/clean:1", f"x@{DIGEST}"], []),
    ],
)
def test_what_a_pattern_covers(pattern, covered, others):
    """A job would run with what stands in for another image, or without what stands in for its own."""
    rule = ImageRule(pattern)
    assert [text for text in covered if not rule.matches(parse_image(text))] == []
    assert [text for text in others if parse_image(text) and rule.matches(parse_image(text))] == []


def test_the_first_rule_that_covers_an_image_counts():
    """A special case before a general one would have no effect."""
    special, general = ImageRule("acme/clean:2", missing=True), ImageRule("acme/*")
    assert rule_for(parse_image("acme/clean:2"), [special, general]) is special
    assert rule_for(parse_image("acme/clean:1"), [special, general]) is general
    assert rule_for(parse_image("ubuntu"), [special, general]) is None


@pytest.mark.parametrize("target", ["/usr", "/usr/local/x", "/proc", "/dev/shm", "/bin", "/etc/passwd", "/etc", "/tmp", "/"])
def test_nothing_stands_where_the_sandbox_has_its_own(target):
    """Every job of the image would fail to start, with bubblewrap's words."""
    assert misplaced(target).startswith("collides with the sandbox's own /")


def test_all_that_the_sandbox_shows_is_known():
    """A folder could be allowed that collides on some machines."""
    own = {f"/{name}" for name in SYSTEM_LINKS} | {f"/etc/{name}" for name in ETC} | {"/usr", "/proc", "/dev"}
    assert own - set(OWN_PLACES) == set()


@pytest.mark.parametrize("target", ["app", "", "/app/../usr", "/app/./x", "//app"])
def test_a_place_is_an_absolute_path_without_steps_back(target):
    """It could lead into the sandbox's own folders."""
    assert misplaced(target) == "is no absolute path"


def test_two_folders_have_two_places():
    """One would hide the other, depending on the order."""
    assert misplaced("/app", ["/data"]) == misplaced("/application", ["/app"]) == misplaced("/etc/acme") == ""
    for target in ("/app", "/app/x", "/"):
        assert "collides with" in misplaced(target, ["/app"])
    assert misplaced("/a", ["/a/b"]) == "collides with /a/b of the same image"
