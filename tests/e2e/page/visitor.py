"""The page in real Chromium, as a visitor uses it: what they drop, press and see."""

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Response,
    sync_playwright,
)

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A camera that shows a pattern, and nobody to be asked whether it may be used.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
MOST_MS = 30_000.0

_ADD = """for (const [data, name, type] of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name, { type }));
  }"""
_DROP = f"""(files) => {{
  const dataTransfer = new DataTransfer();
  {_ADD}
  for (const kind of ["dragover", "drop"]) {{
    document.body.dispatchEvent(
      new DragEvent(kind, {{ dataTransfer, bubbles: true, cancelable: true }}));
  }}
}}"""
_PASTE = f"""(files) => {{
  const dataTransfer = new DataTransfer();
  {_ADD}
  const clipboardData = dataTransfer;
  document.body.dispatchEvent(new ClipboardEvent("paste", {{ clipboardData, bubbles: true }}));
}}"""

Scheme = Literal["light", "dark"]


def chromium() -> str | None:
    """The browser's program, if there is one."""
    return next((found for found in map(shutil.which, PROGRAMS) if found), None)


@contextmanager
def browser(program: str, *options: str) -> Iterator[Browser]:
    """With a profile of its own, which goes with it."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    args = [*OPTIONS, *root, *options]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=args)
        try:
            yield opened
        finally:
            opened.close()


class Visitor:
    """One tab, and all that went wrong in it: `errors`, which a test must leave empty."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        context.set_default_timeout(MOST_MS)
        self.context = context
        self.address = address
        self.errors: list[str] = []
        self.refused: list[str] = []
        self.page = self._open()

    def _open(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._said)
        page.on("response", self._answered)
        return page

    def _said(self, message: ConsoleMessage) -> None:
        # What the server refuses is counted by its status.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.refused.append(f"{response.status} {urlsplit(response.url).path}")

    def open(self, path: str = "") -> "Visitor":
        """An address below the page's."""
        self.page.goto(urljoin(self.address, path))
        return self

    def drop(self, data: bytes, name: str = "photo.jpg", media: str = "image/jpeg") -> None:
        self._hand_over(_DROP, (data, name, media))

    def drop_all(self, *photos: tuple[bytes, str]) -> None:
        """JPEGs, with their names."""
        self._hand_over(_DROP, *((data, name, "image/jpeg") for data, name in photos))

    def paste(self, data: bytes, name: str = "image.png", media: str = "image/png") -> None:
        self._hand_over(_PASTE, (data, name, media))

    def _hand_over(self, script: str, *files: tuple[bytes, str, str]) -> None:
        encoded = [[base64.b64encode(data).decode(), *named] for data, *named in files]
        self.page.evaluate(script, encoded)

    def choose(self, photo: Path) -> None:
        self.page.locator("#choose").set_input_files(photo)

    @property
    def cards(self) -> Locator:
        """The results that are shown."""
        return self.page.locator("#grid li:visible")

    def unfold(self) -> None:
        """Show the look-alikes, too."""
        fold = self.page.locator("#grid details:not([open]) summary")
        fold.click()

    def filter(self, label: str) -> Locator:
        """A filter by its label, shown."""
        if not self.page.locator("#filters[open]").count():
            self.page.locator("#filters > summary").click()
        return self.page.get_by_label(label, exact=True)

    def open_first(self) -> Locator:
        """The photo of the best match, over the results."""
        self.cards.first.get_by_role("link").click()
        dialog = self.page.locator("#photo-dialog")
        dialog.wait_for()
        return dialog

    @property
    def title(self) -> Locator:
        """What is said of the results, or why there are none."""
        return self.page.locator("#results-title")

    @property
    def note(self) -> Locator:
        return self.page.locator("#note")

    def names(self) -> list[str]:
        """The photos found, nearest first, once there are any."""
        self.cards.first.wait_for()
        return self.cards.locator(".name").all_inner_texts()

    def run(self, script: str, argument: object = None) -> Any:
        return self.page.evaluate(script, argument)
