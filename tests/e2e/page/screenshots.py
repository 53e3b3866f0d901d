"""The README's picture of the page: on a desk in the light, and on a phone in the dark."""

import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, expect

from facesearch.settings import Settings
from tests.e2e.page.sites import index_sample, serving
from tests.e2e.page.visitor import Visitor, browser, chromium

PICTURE = Path(__file__).parent / "page.jpg"
MOST_BYTES = 200_000
DESK, PHONE = (1280, 860), (390, 860)
GAP = 24


def shot(
    chrome: Browser, address: str, photo: Path, size: tuple[int, int], **options: object
) -> Image.Image:
    """The page with the photo's results."""
    viewport = {"width": size[0], "height": size[1]}
    context = chrome.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
    visitor = Visitor(context, address).open()
    visitor.drop(photo.read_bytes(), photo.name)
    visitor.names()
    visitor.page.evaluate("scrollTo(0, 0)")
    # The first row's pictures, and no transition half done.
    expect(visitor.page.locator("#grid img[src^='blob:']").nth(1)).to_be_visible()
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.wait_for_timeout(300)
    with Image.open(io.BytesIO(visitor.page.screenshot())) as taken:
        return taken.convert("RGB")


def side_by_side(desk: Image.Image, phone: Image.Image) -> Image.Image:
    width = desk.width + GAP + phone.width
    both = Image.new("RGB", (width, max(desk.height, phone.height)), "white")
    both.paste(desk, (0, 0))
    both.paste(phone, (desk.width + GAP, 0))
    # A hair line, as the desk's ground is nearly the README's.
    ImageDraw.Draw(both).rectangle((0, 0, desk.width - 1, desk.height - 1), outline="#d9dde3")
    return both


@click.command(epilog="Example: python -m tests.e2e.page.screenshots")
def main() -> None:
    """Draw tests/e2e/page/page.jpg from the sample's photos."""
    program = chromium()
    if program is None:
        raise click.ClickException("there is no Chromium: install it")
    sample = Settings.from_env(os.environ).models / "sample"
    photo = sample / "val/elton_john/elton_john_01.jpg"
    with TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/faces.db"
        index_sample(sample / "train", store)
        with serving(f"--store={store}") as address, browser(program) as chrome:
            desk = shot(chrome, address, photo, DESK, color_scheme="light")
            phone = shot(
                chrome, address, photo, PHONE, color_scheme="dark", is_mobile=True, has_touch=True
            )
    side_by_side(desk, phone).save(PICTURE, quality=74, optimize=True, progressive=True)
    size = PICTURE.stat().st_size
    if size > MOST_BYTES:
        raise click.ClickException(f"{PICTURE} has {size:,} bytes: lower the quality")
    click.echo(f"{PICTURE}: {size:,} bytes")


if __name__ == "__main__":
    main()
