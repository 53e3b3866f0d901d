"""The README's strip: a search on a desk, the photo of a match, and a phone in the dark."""

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
WIDTH = 2000
QUERY = "val/elton_john/elton_john_01.jpg"


def results(
    chrome: Browser, address: str, photo: Path, size: tuple[int, int], **options: object
) -> Visitor:
    """The page with the photo's results, all pictures of the first row in them."""
    viewport = {"width": size[0], "height": size[1]}
    context = chrome.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
    visitor = Visitor(context, address).open()
    visitor.drop(photo.read_bytes(), photo.name)
    visitor.names()
    visitor.page.evaluate("scrollTo(0, 0)")
    expect(visitor.page.locator("#grid img[src^='blob:']").nth(1)).to_be_visible()
    return visitor


def shot(visitor: Visitor) -> Image.Image:
    """What the visitor sees, with no transition half done."""
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.wait_for_timeout(300)
    with Image.open(io.BytesIO(visitor.page.screenshot())) as taken:
        return taken.convert("RGB")


def strip(chrome: Browser, address: str, photo: Path) -> Image.Image:
    """The three pictures side by side."""
    desk = results(chrome, address, photo, DESK, color_scheme="light")
    pictures = [shot(desk)]
    desk.open_first()
    expect(desk.page.locator("#photo-facts dd").first).to_be_visible()
    expect(desk.page.locator("#photo-shown[src]")).to_be_visible()
    # Whose machine it is, is nobody's business.
    desk.run("document.querySelector('#photo-facts dd').textContent = '/photos/elton_john.jpg'")
    pictures.append(shot(desk))
    phone = results(
        chrome, address, photo, PHONE, color_scheme="dark", is_mobile=True, has_touch=True
    )
    pictures.append(shot(phone))
    width = sum(each.width for each in pictures) + GAP * (len(pictures) - 1)
    whole = Image.new("RGB", (width, DESK[1]), "white")
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        # A hair line, as the desk's ground is nearly the README's.
        edges = (left, 0, left + picture.width - 1, picture.height - 1)
        ImageDraw.Draw(whole).rectangle(edges, outline="#d9dde3")
        left += picture.width + GAP
    return whole.resize((WIDTH, round(whole.height * WIDTH / width)), Image.Resampling.LANCZOS)


def save(picture: Image.Image, file: Path) -> int:
    """The size in bytes. Raises `ClickException` for more than a README should have."""
    picture.save(file, quality=76, optimize=True, progressive=True)
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise click.ClickException(f"{file} has {size:,} bytes: lower the quality")
    return size


@click.command(epilog="Example: python -m tests.e2e.page.screenshots")
def main() -> None:
    """Draw tests/e2e/page/page.jpg from the sample's photos."""
    program = chromium()
    if program is None:
        raise click.ClickException("there is no Chromium: install it")
    sample = Settings.from_env(os.environ).models / "sample"
    with TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/faces.db"
        index_sample(sample / "train", store)
        with serving(f"--store={store}") as address, browser(program) as chrome:
            size = save(strip(chrome, address, sample / QUERY), PICTURE)
    click.echo(f"{PICTURE}: {size:,} bytes")


if __name__ == "__main__":
    main()
