"""Archives from compute nodes: unpacked whole, or refused whole with nothing left behind."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib

import pytest

from airflow_provider_bacalhau.errors import ArchiveRefused, ResultError
from airflow_provider_bacalhau.results.archive import Limits, is_archive, read_member, unpack
from airflow_provider_bacalhau.results.selection import Selection

FILES = {"outputs/a.csv": b"id\n1\n", "stdout": b"hello\n", "stderr": b"", "exitCode": b"0"}


@pytest.fixture
def unpacked(tmp_path):
    """Unpacks bytes and makes sure that a refusal leaves nothing."""

    def run(data, **options):
        path = tmp_path / "in" / "x.tar.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        target = tmp_path / "out" / "t"
        target.parent.mkdir(exist_ok=True)
        try:
            names = unpack(path, target, **options)
        except ResultError:
            assert list(target.parent.iterdir()) == []
            raise
        return {name: (target / name).read_bytes() for name in names}

    return run


def tar(*members, end=True):
    """A tar.gz of TarInfo objects or (name, content)."""
    out = io.BytesIO()
    archive = tarfile.open(fileobj=out, mode="w")
    for member in members:
        info, content = member if isinstance(member, tuple) else (member, b"")
        if isinstance(info, str):
            info = tarfile.TarInfo(info)
        info.size = info.size or len(content)
        archive.addfile(info, io.BytesIO(content) if content else None)
    data = out.getvalue() if not end else (archive.close(), out.getvalue())[1]
    return gzip.compress(data)


def special(name, kind, link="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def zipped(members, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        for info, content in members:
            archive.writestr(info, content)
    return out.getvalue()


def zip_info(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_bacalhaus_own_layout(unpacked, pack, tmp_path):
    """The result of every job would not arrive."""
    assert unpacked(pack(FILES, folders=("empty",))) == FILES
    assert (tmp_path / "out/t/empty").is_dir()


def test_plain_tar_and_zip(unpacked, pack, tmp_path):
    """Results of gateways and other publishers would not arrive."""
    assert unpacked(gzip.decompress(pack(FILES))) == FILES
    (tmp_path / "out/t").rename(tmp_path / "elsewhere")
    assert unpacked(zipped(FILES.items(), compression=zipfile.ZIP_DEFLATED)) == FILES


def test_only_what_is_selected_is_written(unpacked, pack):
    """only= would be ignored."""
    assert unpacked(pack(FILES), only=Selection.of("outputs/**")) == {"outputs/a.csv": b"id\n1\n"}


def test_the_folder_around_everything_is_left_off(unpacked, pack):
    """Results of ipfs would lie one folder too deep."""
    assert unpacked(pack({"bafy/stdout": b"hi", "bafy/outputs/a": b"1"}), inside="bafy") == {
        "stdout": b"hi",
        "outputs/a": b"1",
    }


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("/etc/cron.d/x", b"x")], "absolute"),
        ([("../x", b"x")], r"'\.\.'"),
        ([("ok", b"x"), ("a/../../x", b"x")], r"'\.\.'"),
        ([special("l", tarfile.SYMTYPE, "/etc/passwd")], "outside"),
        ([special("l", tarfile.SYMTYPE, "../../etc/passwd")], "outside"),
        ([special("l", tarfile.SYMTYPE, ".."), ("l/x", b"x")], "both"),
        ([special("a", tarfile.SYMTYPE, "b"), special("b", tarfile.SYMTYPE, "../..")], "outside"),
        ([("a", b"x"), special("h", tarfile.LNKTYPE, "a")], "hard link"),
        ([special("h", tarfile.LNKTYPE, "/etc/passwd")], "hard link"),
        ([special("d", tarfile.CHRTYPE)], "device"),
        ([special("d", tarfile.BLKTYPE)], "device"),
        ([special("f", tarfile.FIFOTYPE)], "fifo"),
        ([special("s", b"Z")], "unknown type"),
        ([special("s", tarfile.GNUTYPE_SPARSE)], "sparse"),
        ([("a", b"1"), ("./a", b"2")], "twice"),
        ([("a", b"1"), ("a/b", b"2")], "both"),
        ([("a/b", b"1"), ("a", b"2")], "twice"),
        ([(".", b"1")], "root"),
    ],
)
def test_hostile_members_refuse_the_whole_archive(unpacked, members, reason):
    """A node could write outside of the target, or leave a part of its archive behind."""
    with pytest.raises(ArchiveRefused, match=reason):
        unpacked(tar(("first", b"good"), *members))


def test_hostile_members_are_refused_when_they_are_not_even_selected(unpacked):
    """A filter would turn a refusal into trust in the rest."""
    with pytest.raises(ArchiveRefused):
        unpacked(tar(("outputs/a", b"x"), ("../x", b"x")), only=Selection.of("outputs/**"))


def test_special_bits_are_dropped_and_inner_links_kept(unpacked, tmp_path):
    """A setuid program would appear on the worker, or `latest` vanish."""
    run = special("run", tarfile.REGTYPE, mode=0o6755)
    assert unpacked(tar((run, b"#!"), special("latest", tarfile.SYMTYPE, "run"))) == {"latest": b"#!", "run": b"#!"}
    mode = (tmp_path / "out/t/run").stat().st_mode
    assert mode & 0o100
    assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX)


def bomb(size):
    """Deflated zeros in a tar, made without holding them: about 1,000-fold."""
    info = tarfile.TarInfo("zeros")
    info.size = size
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(info.tobuf())]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, packer.compress(bytes(1024)), packer.flush()])


@pytest.mark.parametrize("limits", [Limits(ratio=100, ratio_floor=1 << 20), Limits(total_bytes=5 << 20)])
def test_bombs_are_refused_by_what_they_claim(unpacked, limits):
    """Ten kilobytes would fill the worker's disk."""
    with pytest.raises(ArchiveRefused, match="more than"):
        unpacked(bomb(64 << 20), limits=limits)


def test_many_small_members_are_a_bomb_too(unpacked, monkeypatch, tmp_path):
    """Each member would be small enough, all together not; and the members before it must not exceed the limit."""
    written = []
    monkeypatch.setattr(
        "airflow_provider_bacalhau.results.archive.shutil.rmtree", lambda path, **_: written.append(size_of(path))
    )
    data = tar(*((f"f{number}", bytes(1 << 16)) for number in range(200)))
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(ArchiveRefused, match="more than"):
        unpack(path, tmp_path / "t", limits=Limits(total_bytes=1 << 20))
    assert written[0] <= 1 << 20
    assert not (tmp_path / "t").exists()


def size_of(path):
    return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())


def test_a_10000_fold_sparse_claim_is_refused_before_it_is_read(unpacked):
    """A header alone may claim terabytes."""
    info = tarfile.TarInfo("huge")
    info.size = 10 << 40
    with pytest.raises(ArchiveRefused, match="more than"):
        unpacked(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))


def test_a_huge_header_is_refused_instead_of_held_in_memory(unpacked):
    """An extended header of a gigabyte would be read at once."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    with pytest.raises(ArchiveRefused, match="headers claims"):
        unpacked(gzip.compress(info.tobuf() + bytes(1 << 20)))


def test_endless_headers_are_refused(unpacked):
    """Headers that announce headers would end in a RecursionError."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 0
    with pytest.raises(ArchiveRefused, match="nested"):
        unpacked(gzip.compress(info.tobuf() * 3000 + bytes(1024)))


def test_too_many_members_are_refused(unpacked):
    """Millions of empty files would use up the inodes."""
    with pytest.raises(ArchiveRefused, match="more than 10 members"):
        unpacked(tar(*((f"f{number}", b"") for number in range(11))), limits=Limits(members=10))
    with pytest.raises(ArchiveRefused, match="more than 10 members"):
        unpacked(zipped([(f"f{number}", b"") for number in range(11)]), limits=Limits(members=10))


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9, 0.99])
def test_truncated_archives_are_refused(unpacked, pack, keep):
    """Half a result would pass for a whole one."""
    noise = b"".join(zlib.crc32(bytes([number % 251, number >> 8])).to_bytes(4, "big") for number in range(60_000))
    for data in (pack({**FILES, "outputs/noise": noise}), zipped([("noise", noise)])):
        with pytest.raises(ArchiveRefused):
            unpacked(data[: int(len(data) * keep)])


def test_a_tar_that_ends_between_two_members_is_truncated(unpacked):
    """A cut exactly after a member would look like the end."""
    with pytest.raises(ArchiveRefused, match="truncated"):
        unpacked(tar(("a", b"1"), ("b", b"2"), end=False))


def test_a_flipped_bit_is_found(unpacked, pack):
    """Damage in the last bytes, gzip's own checksum, would go unnoticed."""
    data = bytearray(pack(FILES))
    data[-6] ^= 1
    with pytest.raises(ArchiveRefused, match="damaged"):
        unpacked(bytes(data))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (("../x", b"x"), r"'\.\.'"),
        (("/x", b"x"), "absolute"),
        ((zip_info("l", stat.S_IFLNK | 0o777), b"/etc/passwd"), "outside"),
        ((zip_info("l", stat.S_IFLNK | 0o777), b"../.."), "outside"),
        ((zip_info("f", stat.S_IFIFO), b""), "fifo"),
    ],
)
def test_hostile_zips_are_refused(unpacked, member, reason):
    """The rules would hold for tar only."""
    with pytest.raises(ArchiveRefused, match=reason):
        unpacked(zipped([("good", b"x"), member]))


def test_zips_packed_in_other_ways_are_refused(unpacked):
    """Bomb-friendly methods would come in through the side door."""
    with pytest.raises(ArchiveRefused, match="not deflate"):
        unpacked(zipped([("a", b"x" * 100)], compression=zipfile.ZIP_BZIP2))


def test_overlapping_zip_members_are_refused(unpacked):
    """One compressed block that many members share unpacks to petabytes."""
    data = bytearray(zipped([("a", b"x" * 100), ("b", b"x" * 100)]))
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, second + 42, 0)
    with pytest.raises(ArchiveRefused, match="overlaps"):
        unpacked(bytes(data))


def test_what_is_no_archive_is_refused(unpacked):
    """An error page would be unpacked into nothing."""
    for data in (b"", b"<html>", gzip.compress(b"not a tar")):
        with pytest.raises(ArchiveRefused):
            unpacked(data)


def test_a_target_with_content_is_not_touched(tmp_path, pack):
    """A second unpacking would mix two results."""
    path = tmp_path / "x"
    path.write_bytes(pack(FILES))
    (tmp_path / "t").mkdir()
    unpack(path, tmp_path / "t")
    with pytest.raises(ResultError, match="not an empty folder"):
        unpack(path, tmp_path / "t")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["t", "x"]


def test_one_member_is_read_without_unpacking(tmp_path, pack):
    """stdout could not become the task's value."""
    path = tmp_path / "x"
    path.write_bytes(pack({**FILES, "big": bytes(1 << 20)}))
    assert read_member(path, "stdout", limit=100) == (b"hello\n", True)
    assert read_member(path, "stdout", limit=6) == (b"hello\n", True)
    assert read_member(path, "stdout", limit=3) == (b"hel", False)
    assert read_member(path, "big", limit=1 << 19) == (bytes(1 << 19), False)
    assert read_member(path, "nope", limit=3) is None
    assert list(tmp_path.iterdir()) == [path]


def test_archives_are_known_by_their_bytes(tmp_path, pack):
    """A name says nothing about what a node published."""
    path = tmp_path / "x.txt"
    for data, expected in (
        (pack(FILES), True),
        (gzip.decompress(pack(FILES)), True),
        (zipped([]), True),
        (b"id\n", False),
        (gzip.compress(b"id\n"), False),
    ):
        path.write_bytes(data)
        assert is_archive(path) is expected
