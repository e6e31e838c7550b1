"""Amounts as users write them."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.quantity import duration_text, parse_bytes, parse_cpu, parse_duration, parse_gpu, tidy


@pytest.mark.parametrize(("text", "cores"), [("500m", 0.5), ("0.5", 0.5), ("2", 2.0), ("1.50", 1.5), ("-1", -1.0)])
def test_cpus(text, cores):
    """A job would be placed by another number of cores than it asks for."""
    assert parse_cpu(text) == cores


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1048576", 1048576), ("512mb", 512_000_000), ("1gb", 10**9), ("1gi", 2**30), ("1.5kib", 1536), ("1,000b", 1000)],
)
def test_bytes(text, amount):
    """A job would be placed by another amount of memory than it asks for."""
    assert parse_bytes(text) == amount


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (parse_cpu, "lots"),
        (parse_cpu, "inf"),
        (parse_cpu, "1mm"),
        (parse_bytes, "big"),
        (parse_bytes, "-1gb"),
        (parse_bytes, "1xb"),
        (parse_bytes, "99999999999eb"),
        (parse_gpu, "0.5"),
        (parse_gpu, "-1"),
        (parse_gpu, "²"),
        (parse_cpu, "١"),
        (parse_bytes, "١mb"),
        (parse_cpu, "9" * 200_000 + "x"),
    ],
)
def test_what_is_no_amount_is_refused(parser, text):
    """A typing error would become some amount."""
    with pytest.raises(ValueError):
        parser(text)


def test_gpus_are_whole_numbers():
    """Half a device would be promised."""
    assert parse_gpu("2") == 2


def test_blanks_and_case_go_away():
    """A resource would come back in another spelling than from a real server."""
    assert tidy(" 2 GB\n") == "2gb"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (100, "1m40s"), (3600, "1h0m0s"), (93784, "26h3m4s"), (-5, "-5s")]
)
def test_durations_are_spelled_like_gos(seconds, text):
    """Timeout messages would differ from a real server's."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("40m", 2400), ("1h30m", 5400), ("500ms", 0.5), ("1.5s", 1.5), ("2d", 172800), ("1m500ms", 60.5), ("0s", 0)],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    """A stage of a script would take another time than it says."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "40", "m", "4 s", "-4s", "4s!", "4S", "1e3s", "١s", "4us"])
def test_what_is_no_duration_is_refused(text):
    """A typing error would become some duration."""
    with pytest.raises(ValueError):
        parse_duration(text)
