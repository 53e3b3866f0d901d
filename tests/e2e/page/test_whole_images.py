"""The page of a store of whole images: it speaks of pictures, and offers what their recipe has."""

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.page.conftest import Visit
from tests.e2e.page.sites import serving
from tests.integration.test_recipes_in_use import described

FACE = re.compile(r"\bfaces?\b|\bperson\b|\bpeople\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures without a face."""
    folder = tmp_path_factory.mktemp("products")
    random = np.random.default_rng(3)
    for name in ("bag", "lamp", "shoe", "vase"):
        pattern = random.integers(0, 255, (4, 6, 3), dtype=np.uint8)
        image = Image.fromarray(pattern).resize((600, 400), Image.Resampling.NEAREST)
        image.save(folder / f"{name}.jpg", quality=90)
    return folder


@pytest.fixture(scope="module")
def shop(chrome: Browser, models: Path, products: Path) -> Iterator[str]:
    """The address of `facesearch serve` over them."""
    recipe = described("whole-image-vgg16", products.parent).file
    options = ("--store", f"{products.parent}/products.db", "--recipe", str(recipe))
    command = [sys.executable, "-m", "facesearch_local.cli", "index", *options, str(products)]
    subprocess.run(command, check=True, capture_output=True)
    with serving(*options) as address:
        yield address


def no_faces_in(page: Page) -> None:
    """Neither in what is read nor in what is read aloud."""
    for text in (page.locator("body").inner_text(), *labels(page)):
        assert not FACE.search(text), text


def labels(page: Page) -> list[str]:
    script = "() => [...document.querySelectorAll('[aria-label]')].map((each) => each.ariaLabel)"
    found: list[str] = page.evaluate(script)
    return found


def test_page_of_whole_images_speaks_of_no_faces(shop: str, visit: Visit, products: Path) -> None:
    visitor = visit(shop)
    page = visitor.page
    expect(page.locator("#holds")).to_have_text("4 photos")
    expect(page.locator("#query-title")).to_have_text("Find pictures like yours")
    no_faces_in(page)
    page.locator("#filters > summary").click()
    # Distances of this recipe are far beyond the slider, and nobody has measured what they mean.
    expect(page.locator("#tools")).to_be_hidden()
    expect(page.locator("#expand-row")).to_be_hidden()
    no_faces_in(page)

    visitor.drop(lightened(products / "lamp.jpg"))
    assert visitor.names()[0] == "lamp.jpg"
    expect(visitor.title).to_have_text("4 nearest pictures")
    expect(page.locator("#limits-said")).to_contain_text("Nobody has measured")
    no_faces_in(page)

    dialog = visitor.open_first()
    expect(dialog.locator("#photo-search")).to_have_text("Search with this picture")
    no_faces_in(page)
    dialog.locator("#photo-search").click()
    assert len(visitor.names()) == 3
    no_faces_in(page)

    page.get_by_role("button", name="Compare two photos").click()
    no_faces_in(page)
    for side in ("one", "other"):
        page.locator(f"#{side}").set_input_files(products / "bag.jpg")
    expect(page.locator("#compared")).to_contain_text("at a distance of 0.00")
    no_faces_in(page)


def test_page_of_faces_has_its_filters(served: str, visit: Visit) -> None:
    page = visit(served).page
    page.locator("#filters > summary").click()
    expect(page.locator("#tools")).to_be_visible()
    expect(page.locator("#expand-row")).to_be_visible()
    expect(page.locator("#query-title")).to_have_text("Find the photos of a person")


def lightened(photo: Path) -> bytes:
    data = io.BytesIO()
    with Image.open(photo) as image:
        image.point(lambda level: min(255, level + 6)).save(data, "JPEG", quality=80)
    return data.getvalue()
