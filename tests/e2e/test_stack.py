"""The whole system in real containers: what its users do, and what can go wrong around it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.system import System, wait_for

pytestmark = pytest.mark.slow

LfwPhoto = Callable[[str, int], Path]


def test_photo_put_with_s3_client_is_found_over_http_and_gone_when_deleted(
    system: System, lfw_photo: LfwPhoto
) -> None:
    key = "holiday 2024/Ana & René+1.jpg"
    photo = lfw_photo("Cameron_Diaz", 1).read_bytes()
    assert system.found(photo) == []
    system.put(key, photo)
    wait_for(lambda: system.found(photo) == [key], "the photo to be found")
    match = system.search(photo).json["matches"][0]
    assert match["distance"] == pytest.approx(0, abs=1e-3)
    system.delete(key)
    wait_for(lambda: system.found(photo) == [], "the photo to be gone")
