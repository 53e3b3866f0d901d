"""What the page says when there is nothing to show, or something is wrong."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.page.conftest import Visit
from tests.e2e.page.gateway import KEY, STAGE
from tests.e2e.page.sites import behind_gateway, serving

pytestmark = pytest.mark.slow


def test_photo_without_a_face_is_told_with_advice(
    served: str, visit: Visit, no_face: bytes
) -> None:
    visitor = visit(served)
    visitor.drop(no_face)
    expect(visitor.title).to_have_text("No face found")
    expect(visitor.title).to_be_focused()
    expect(visitor.note).to_contain_text("clear, upright and not too small")
    expect(visitor.page.locator("#shown")).to_be_visible()
    expect(visitor.page.locator("#said")).to_contain_text("No face found")
    assert visitor.refused.pop() == "422 /v1/search"


def test_damaged_photo_is_told_in_the_services_words(
    served: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(served)
    visitor.drop(elton[:300])
    expect(visitor.title).to_have_text("The image is damaged")
    expect(visitor.note).to_contain_text("export it again")
    expect(visitor.note).to_contain_text(re.compile(r"Request [0-9a-f-]{36}"))
    expect(visitor.page.get_by_role("button", name="Try again")).to_have_count(0)
    assert visitor.refused.pop() == "422 /v1/search"


def test_file_that_is_no_photo_is_not_even_sent(served: str, visit: Visit) -> None:
    visitor = visit(served)
    visitor.drop(b"Dear diary", "diary.txt", "text/plain")
    expect(visitor.title).to_have_text("That is not a photo")
    expect(visitor.note).to_contain_text("“diary.txt” is of the type text/plain")


def test_no_photo_behind_a_photos_name_is_told(served: str, visit: Visit) -> None:
    visitor = visit(served)
    visitor.drop(b"<html>", "photo.jpg")
    expect(visitor.title).to_have_text("That is not a photo")
    expect(visitor.note).to_contain_text("JPEG, PNG, WebP")
    assert visitor.refused.pop() == "415 /v1/search"


def test_unknown_face_in_a_shared_address_is_told(served: str, visit: Visit) -> None:
    face = "0" * 32 + "-0"
    visitor = visit(served, f"?face={face}")
    expect(visitor.title).to_have_text("Not found")
    expect(visitor.note).to_contain_text("deleted")
    assert {each[:3] for each in visitor.refused} == {"404"}
    visitor.refused.clear()


def test_empty_index_says_to_add_photos(
    chrome: Browser, visit: Visit, elton: bytes, tmp_path: Path
) -> None:
    with serving(f"--store=sqlite:///{tmp_path / 'empty.db'}") as address:
        visitor = visit(address)
        expect(visitor.page.locator("#holds")).to_have_text("0 photos, 0 faces")
        expect(visitor.page.locator("#empty-index")).to_contain_text("There are no photos yet.")
        expect(visitor.page.locator("#empty-index")).to_contain_text("facesearch index FOLDER")
        visitor.drop(elton)
        expect(visitor.title).to_have_text("There are no photos yet")


def test_offline_search_goes_on_by_itself_when_the_network_is_back(
    served: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(served)
    expect(visitor.page.locator("#holds")).to_be_visible()
    visitor.context.set_offline(True)
    visitor.drop(elton)
    expect(visitor.title).to_have_text("You are offline")
    visitor.context.set_offline(False)
    assert visitor.names()[0].startswith("elton_john")


def test_server_that_went_down_can_be_tried_again(
    chrome: Browser, store: str, visit: Visit, elton: bytes
) -> None:
    with serving(f"--store={store}") as address:
        visitor = visit(address)
        expect(visitor.page.locator("#holds")).to_contain_text("faces")
    visitor.drop(elton)
    expect(visitor.title).to_have_text("The service does not answer")
    port = re.search(r":(\d+)/", address)
    assert port
    with serving(f"--store={store}", f"--port={port[1]}"):
        visitor.page.get_by_role("button", name="Try again").click()
        assert visitor.names()[0].startswith("elton_john")


@pytest.mark.parametrize("site", ["served", "served_bundle"])
def test_photo_is_resized_on_the_next_try_when_the_resizing_could_not_be_loaded(
    site: str, request: pytest.FixtureRequest, visit: Visit, elton: bytes
) -> None:
    served = request.getfixturevalue(site)
    visitor = visit("about:blank")
    visitor.context.route("**/resize*.js", lambda route: route.abort())
    visitor.page.goto(served)
    expect(visitor.page.locator("#holds")).to_contain_text("faces")
    visitor.drop(elton)
    expect(visitor.title).to_have_text("The service does not answer")
    visitor.context.unroute("**/resize*.js")
    visitor.page.get_by_role("button", name="Try again").click()
    assert visitor.names()[0].startswith("elton_john")


def test_key_is_asked_for_used_and_forgotten(
    chrome: Browser, store: str, visit: Visit, elton: bytes, bundled: Path
) -> None:
    with behind_gateway(store, bundled) as root:
        # Without a slash at its end, as people type it.
        visitor = visit(f"{root}{STAGE}")
        page = visitor.page
        assert page.url == f"{root}{STAGE}/"
        # How much it holds is told to those with a key.
        expect(page.locator("#holds")).to_be_empty()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_hidden()
        visitor.drop(elton)
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(visitor.title).to_have_text("The API key is missing or unknown")

        visitor.drop(elton)
        page.get_by_label("API key").fill("another")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_have_text("That key was not accepted.")
        page.get_by_label("API key").fill(KEY)
        page.get_by_role("button", name="Use the key").click()
        assert visitor.names()[0].startswith("elton_john")
        expect(page.locator("#holds")).to_contain_text("98 faces")
        expect(visitor.cards.first.locator("img[src^='blob:']")).to_be_visible()

        assert visitor.run("sessionStorage['facesearch.key']") == KEY
        assert visitor.run("[localStorage.length, document.cookie]") == [0, ""]
        page.get_by_role("button", name="Forget the key").click()
        assert KEY not in visitor.run("Object.values(sessionStorage)")
        assert {each[:3] for each in visitor.refused} == {"403"}
        visitor.refused.clear()


def test_key_of_the_local_server_is_asked_for_and_used(
    store: str, visit: Visit, elton: bytes
) -> None:
    with serving(f"--store={store}", f"--api-key={KEY}") as address:
        visitor = visit(address)
        page = visitor.page
        # How much it holds is told to those with a key.
        expect(page.locator("#holds")).to_be_empty()
        visitor.drop(elton)
        page.get_by_label("API key").fill(KEY)
        page.get_by_role("button", name="Use the key").click()
        assert visitor.names()[0].startswith("elton_john")
        expect(page.locator("#holds")).to_contain_text("98 faces")
        expect(visitor.cards.first.locator("img[src^='blob:']")).to_be_visible()
        assert {each[:3] for each in visitor.refused} == {"403"}
        visitor.refused.clear()
