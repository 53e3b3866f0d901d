"""Costly and lying pictures stay within the bounds, and no process is left the worse for one."""

import signal
import subprocess
import sys
from functools import cache

import pytest

from facesearch.errors import DamagedImage, ImageTooLarge, ReadError
from facesearch.vision import decoding_process, images
from facesearch.vision.images import decode_image
from tests.benchmarks.bench_decoding import MAX_MEMORY_MB, MAX_TIMES, Cost, cost_of
from tests.fuzz.hostile_images import (
    HOSTILE,
    encoded,
    gif_that_says_65535,
    noise,
    phone_12_megapixels,
)

REFUSED = {
    "progressive_200_megapixels",
    "jpeg_of_1000_scans",
    "jpeg_of_fill_bytes",
    "jpeg_of_a_million_comments",
    "jpeg_of_a_million_scans",
    "png_of_three_million_empty_pieces",
    "png_of_three_million_unknown_chunks",
    "gif_that_says_65535",
    "tiff_of_huge_tiles",
    "tiff_of_one_column",
    "tiff_of_one_row",
    "avif_that_says_less",
    "webp_that_says_16383",
}


@cache
def reference() -> Cost:
    return cost_of(phone_12_megapixels())


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_picture_costs_no_more_than_the_bounds(name: str) -> None:
    cost = cost_of(HOSTILE[name]())
    assert cost.memory_mb <= MAX_MEMORY_MB
    assert cost.cpu_s <= MAX_TIMES * reference().cpu_s
    assert ("×" in cost.outcome) is (name not in REFUSED)


@pytest.fixture(scope="module")
def webp() -> bytes:
    return encoded(noise(400, 300), "WEBP")


def test_photos_are_decoded_after_one_that_was_refused(webp: bytes) -> None:
    with pytest.raises(ImageTooLarge):
        decode_image(gif_that_says_65535())
    assert decode_image(webp).width == 400


def test_photos_are_decoded_after_the_process_has_died(
    webp: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def start(command: list[str], **options: object) -> "subprocess.Popen[bytes]":
        started.append(real(command, **options))  # type: ignore[call-overload]
        return started[-1]

    decoding_process.close()
    monkeypatch.setattr(subprocess, "Popen", start)
    decode_image(webp)
    # This one alone: others on the machine may be decoding, too.
    started[0].kill()
    assert decode_image(webp).width == 400
    assert len(started) == 2


@pytest.mark.parametrize(
    ("died_of", "error"),
    [
        (signal.SIGXCPU, ImageTooLarge),
        (signal.SIGSEGV, DamagedImage),
        (signal.SIGABRT, DamagedImage),
        (signal.SIGKILL, ReadError),
    ],
)
def test_what_a_decoder_dies_of_tells_whose_fault_it_is(
    died_of: signal.Signals, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding_process.close()
    dying = f"import os, sys; sys.stdin.buffer.read(8); os.kill(os.getpid(), {int(died_of)})"
    real = subprocess.Popen

    def start(command: list[str], **options: object) -> "subprocess.Popen[bytes]":
        return real([sys.executable, "-c", dying], **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(error):
        decode_image(b"RIFF....WEBP" + bytes(100))


def test_decoder_that_cannot_start_is_not_the_photo_s_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoding_process.close()
    real = subprocess.Popen

    def start(command: list[str], **options: object) -> "subprocess.Popen[bytes]":
        broken = [sys.executable, "-c", "import module_that_is_just_being_replaced"]
        return real(broken, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(ReadError, match="could not start"):
        decode_image(b"RIFF....WEBP" + bytes(2**20))


def test_no_memory_left_is_not_the_photo_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: bytes) -> None:
        raise MemoryError

    monkeypatch.setattr(images, "decode_jpeg", fail)
    with pytest.raises(ReadError, match="no memory left"):
        decode_image(encoded(noise(40, 30), "JPEG"))
