"""New photos through the page: sent with progress, then found; here and on the local stack."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, expect

from tests.e2e.page.conftest import Visit
from tests.e2e.page.sites import serving
from tests.e2e.page.visitor import Visitor
from tests.e2e.system import RunningSystem

pytestmark = pytest.mark.slow

DEPLOYED = pytest.param("deployed", marks=pytest.mark.long)

# Everything that a state has said, as it may be gone before a test looks.
REMEMBER = """() => {
  window.states = [];
  new MutationObserver(() => {
    window.states.push(...[...document.querySelectorAll("#uploads .state")]
      .map((state) => state.textContent));
  }).observe(document.getElementById("uploads"),
    { childList: true, characterData: true, subtree: true });
}"""
SOON_MS = 60_000.0


@pytest.fixture(scope="module", params=["serve", DEPLOYED])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page whose service takes photos, and has none yet."""
    request.getfixturevalue("chrome")
    if request.param == "serve":
        folder = tmp_path_factory.mktemp("uploads")
        store = f"sqlite:///{folder / 'faces.db'}"
        with serving(f"--store={store}", f"--uploads={folder / 'photos'}") as address:
            yield address
        return
    system: RunningSystem = request.getfixturevalue("system")
    system.clear()
    address = f"{system.api_url}/"
    request.getfixturevalue("keys")[address] = system.api_key
    yield address
    system.clear()


def slow_down(visitor: Visitor, bytes_per_second: int) -> None:
    """So that progress can be seen; local uploads take no time."""
    visitor.context.new_cdp_session(visitor.page).send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_second,
        },
    )


def add(visitor: Visitor, *photos: tuple[str, bytes]) -> Locator:
    """Choose photos in the dialog; returns their rows."""
    visitor.page.get_by_role("button", name="Add photos").click()
    files: list[FilePayload] = [
        {"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in photos
    ]
    expect(visitor.page.locator("#uploads-on")).to_be_visible()
    visitor.page.locator("#upload-files").set_input_files(files)
    return visitor.page.locator("#uploads li")


def test_new_photos_are_sent_with_progress_and_then_found(
    site: str, visit: Visit, sample: Path, elton: bytes, no_face: bytes
) -> None:
    visitor = visit(site)
    visitor.run(REMEMBER)
    slow_down(visitor, 60_000)
    with Image.open(sample / "train/elton_john/elton_john_02.jpg") as photo:
        large = io.BytesIO()
        photo.resize((photo.width * 3, photo.height * 3)).save(large, "JPEG")
    rows = add(
        visitor,
        ("Sir Elton.jpg", large.getvalue()),
        ("madonna.jpg", (sample / "train/madonna/madonna_01.jpg").read_bytes()),
        ("empty room.jpg", no_face),
    )
    expect(rows).to_have_count(3)
    for row, said in zip(
        rows.all(),
        (
            "can be found now, by 1 face",
            "can be found now, by 1 face",
            "stored, but no face was found in it",
        ),
        strict=True,
    ):
        expect(row.locator(".state")).to_have_text(said, timeout=SOON_MS)
    states = visitor.run("window.states")
    assert any(re.fullmatch(r"sending, [1-9]\d?%", state) for state in states), states
    assert "stored; its faces are being looked for" in states
    # A busy machine's index may be late: the page asks again.
    visitor.refused = [each for each in visitor.refused if each != "503 /v1/photos"]
    slow_down(visitor, -1)
    visitor.page.get_by_role("button", name="Close").click()
    expect(visitor.page.locator("#holds")).to_have_text("3 photos, 2 faces")
    visitor.drop(elton)
    assert visitor.names()[0] == "Sir-Elton.jpg"
    visitor.unfold()
    expect(visitor.cards).to_have_count(2)
    expect(visitor.cards.first.locator("img[src^='blob:']")).to_be_visible()


def test_photo_for_a_collection_can_be_looked_for_there_only(
    chrome: Browser, visit: Visit, sample: Path, elton: bytes, tmp_path: Path
) -> None:
    photos = {
        person: (sample / f"train/{person}/{person}_01.jpg").read_bytes()
        for person in ("elton_john", "madonna")
    }
    store = f"sqlite:///{tmp_path / 'faces.db'}"
    with serving(f"--store={store}", f"--uploads={tmp_path / 'photos'}") as address:
        visitor = visit(address)
        chooser = visitor.filter("Collection")
        expect(chooser).to_be_hidden()
        for person, photo in photos.items():
            visitor.page.locator("#upload-collection").evaluate(
                "(field, name) => { field.value = name; }", person
            )
            row = add(visitor, (f"{person}.jpg", photo)).last
            expect(row.locator(".state")).to_contain_text("can be found now", timeout=SOON_MS)
            visitor.page.get_by_role("button", name="Close").click()
        visitor.drop(elton)
        visitor.names()
        expect(visitor.page.locator("#grid li")).to_have_count(2)
        chooser.select_option("madonna")
        expect(visitor.page.locator("#grid li")).to_have_count(1)
        visitor.unfold()
        expect(visitor.cards.first.locator(".folder")).to_have_text("madonna")
        visitor.open_first()
        visitor.page.get_by_role("link", name="Search with this face").click()
        expect(visitor.title).to_have_text("Nothing here")
        assert visitor.page.url.endswith("&collection=madonna")
        shared = visit(visitor.page.url)
        expect(shared.title).to_have_text("Nothing here")
        expect(shared.filter("Collection")).to_have_value("madonna")


def test_file_that_is_refused_does_not_stop_the_others(
    chrome: Browser, visit: Visit, elton: bytes, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path / 'faces.db'}"
    with serving(f"--store={store}", f"--uploads={tmp_path / 'photos'}") as address:
        visitor = visit(address)
        visitor.page.get_by_role("button", name="Add photos").click()
        expect(visitor.page.locator("#uploads-on")).to_be_visible()
        files: list[FilePayload] = [
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"notes"},
            {"name": "elton.jpg", "mimeType": "image/jpeg", "buffer": elton},
        ]
        visitor.page.locator("#upload-files").set_input_files(files)
        states = visitor.page.locator("#uploads .state")
        expect(states.nth(0)).to_contain_text("That is not a photo")
        expect(states.nth(1)).to_contain_text("can be found now", timeout=SOON_MS)
        assert visitor.refused == ["415 /v1/uploads"]
        visitor.refused.clear()


def test_photo_is_waited_for_while_the_service_is_away(
    chrome: Browser, visit: Visit, elton: bytes, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path / 'faces.db'}"
    with serving(f"--store={store}", f"--uploads={tmp_path / 'photos'}") as address:
        visitor = visit(address)
        visitor.page.route("**/v1/photos?*", lambda route: route.abort())
        row = add(visitor, ("elton.jpg", elton)).last
        expect(row.locator(".state")).to_have_text("stored; its faces are being looked for")
        with visitor.page.expect_event("requestfailed"):
            pass
        visitor.page.unroute("**/v1/photos?*")
        expect(row.locator(".state")).to_contain_text("can be found now", timeout=SOON_MS)


def test_service_without_uploads_says_so(served: str, visit: Visit) -> None:
    visitor = visit(served)
    visitor.page.get_by_role("button", name="Add photos").click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("This service takes no photos here")
    expect(dialog.get_by_label("Collection")).to_be_hidden()
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
