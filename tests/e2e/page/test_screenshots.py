"""The README's strip is what the page looks like now."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.e2e.page.screenshots import PICTURE, QUERY, save, strip

pytestmark = pytest.mark.slow


def test_strip_of_the_readme_is_drawn_anew(
    chrome: Browser, served: str, sample: Path, tmp_path: Path
) -> None:
    drawn = strip(chrome, served, sample / QUERY)
    assert save(drawn, tmp_path / "page.jpg") > 50_000
    with Image.open(PICTURE) as kept:
        assert kept.size == drawn.size
        # In coarse squares: fonts and dates differ between machines, what is where does not.
        now, then = (
            np.asarray(each.convert("L").resize((60, 18), Image.Resampling.BOX), dtype=float)
            for each in (drawn, kept)
        )
    assert np.abs(now - then).mean() < 12, "make it anew: python -m tests.e2e.page.screenshots"
