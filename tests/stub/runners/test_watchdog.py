"""What the kernel cannot limit as a whole is looked at again and again."""

from __future__ import annotations

import os
import subprocess
import threading

from orchestrator_stub.runners.watchdog import Watchdog, fair_memory, own_memory, threads, tree, used_disk


def test_it_looks_until_the_work_ends():
    """A limit would be checked once or for ever."""
    watchdog, looked = Watchdog(0.001), threading.Semaphore(0)
    with watchdog.watching(looked.release):
        for _ in range(3):
            assert looked.acquire(timeout=5)
    assert not [t for t in threading.enumerate() if t.name == "watchdog" and t is watchdog._thread]


def test_several_works_are_watched_by_one_thread():
    """Forty jobs would have forty watchdogs."""
    watchdog, first, second = Watchdog(0.001), threading.Semaphore(0), threading.Semaphore(0)
    with watchdog.watching(first.release):
        with watchdog.watching(second.release):
            assert second.acquire(timeout=5)
            thread = watchdog._thread
        assert first.acquire(timeout=5)
        assert watchdog._thread is thread
    with watchdog.watching(second.release):  # and again after a pause
        assert second.acquire(timeout=5)


def test_a_process_tree():
    """Grandchildren would escape."""
    with subprocess.Popen(["sh", "-c", "sh -c 'sleep 60 & echo up; wait' & wait"], stdout=subprocess.PIPE, start_new_session=True) as parent:
        parent.stdout.readline()
        below = tree(parent.pid)
        os.killpg(parent.pid, 9)
    assert len(below) == 2
    assert tree(parent.pid) == []


def test_figures_of_a_process():
    """Limits would be compared with nonsense; what is gone counts nothing."""
    before = own_memory(os.getpid())
    ballast = bytearray(os.urandom(1)) * 50_000_000
    assert own_memory(os.getpid()) - before > 40_000_000
    assert fair_memory(os.getpid()) > 40_000_000
    assert threads(os.getpid()) >= 1
    del ballast
    assert (own_memory(2**22 + 1), fair_memory(2**22 + 1), threads(2**22 + 1)) == (0, 0, 0)


def test_used_disk_counts_files_and_follows_no_links(tmp_path):
    """A link to a large folder would fail a job, many small files would not be noticed."""
    own, other = tmp_path / "own", tmp_path / "other"
    (own / "a" / "b").mkdir(parents=True)
    other.mkdir()
    (other / "big").write_bytes(b"x" * 10_000_000)
    (own / "a" / "b" / "f").write_bytes(b"x" * 1_000_000)
    (own / "link").symlink_to(other)
    assert 1_000_000 <= used_disk([own]) < 2_000_000
    assert used_disk([tmp_path / "missing"]) == 0
