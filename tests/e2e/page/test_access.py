"""That everybody can use the page: by keyboard, with a screen reader, on a phone, in the dark."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FileChooser, FilePayload, Page, ViewportSize, expect

from tests.e2e.page.conftest import Visit
from tests.e2e.page.visitor import Scheme

pytestmark = pytest.mark.slow

PHONE: ViewportSize = {"width": 360, "height": 740}
NARROW: ViewportSize = {"width": 320, "height": 640}


def assert_accessible(page: Page) -> None:
    """No finding of axe that is serious or critical."""
    # Colours in the middle of a transition are nobody's.
    page.evaluate("Promise.allSettled(document.getAnimations().map((each) => each.finished))")
    violations = Axe().run(page).response["violations"]
    grave = [
        (each["id"], [node["target"] for node in each["nodes"]])
        for each in violations
        if each["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    served: str, visit: Visit, two_people: bytes, no_face: bytes, scheme: Scheme
) -> None:
    visitor = visit(served, color_scheme=scheme)
    page = visitor.page
    assert_accessible(page)
    page.get_by_role("button", name="Add photos").click()
    assert_accessible(page)
    page.get_by_role("button", name="Close").click()
    visitor.drop(two_people)
    visitor.names()
    expect(page.locator("#grid li:first-child img[src^='blob:']").first).to_be_visible()
    assert_accessible(page)
    visitor.unfold()
    visitor.filter("Distance threshold")
    assert_accessible(page)
    visitor.open_first()
    expect(page.locator("#photo-shown[src]")).to_be_visible()
    expect(page.locator("#photo-facts dd").first).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Close the photo").click()
    page.get_by_role("button", name="Compare two photos").click()
    assert_accessible(page)
    page.get_by_role("button", name="Close the comparison").click()
    visitor.filter("Distance threshold").fill("0.3")
    expect(visitor.title).to_have_text("No face within the threshold")
    assert_accessible(page)
    visitor.drop(no_face)
    expect(visitor.title).to_have_text("No face found")
    assert_accessible(page)
    visitor.refused.clear()


def test_everything_is_done_by_keyboard(served: str, visit: Visit, two_people: bytes) -> None:
    visitor = visit(served)
    page = visitor.page
    focused = page.locator(":focus")
    photo: FilePayload = {"name": "two.jpg", "mimeType": "image/jpeg", "buffer": two_people}

    def give(chooser: FileChooser) -> None:
        chooser.set_files(photo)

    page.on("filechooser", give)
    page.keyboard.press("Tab")
    expect(focused).to_have_text("Skip to the results")
    while focused.get_attribute("id") != "choose":
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    visitor.names()
    expect(visitor.title).to_be_focused()

    page.keyboard.press("Tab")
    name = focused.locator(".name").inner_text()
    outline = focused.evaluate("(link) => getComputedStyle(link).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#photo-title")).to_have_text(name)
    page.keyboard.press("Escape")
    expect(page.locator("#photo-dialog")).to_be_hidden()
    expect(focused.locator(".name")).to_have_text(name)
    # The way back is taken a moment later: nobody presses a key so soon.
    expect(page).not_to_have_url(re.compile("photo="))
    page.keyboard.press("Enter")
    search_on = page.get_by_role("link", name="Search with this face")
    while not search_on.evaluate("(link) => link === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#caption strong")).to_have_text(name)
    expect(visitor.title).to_be_focused()
    page.go_back()
    expect(page.locator("#query-title")).to_have_text("Your photo")
    page.locator("#filters > summary").focus()
    page.keyboard.press("Enter")
    slider = page.get_by_label("Distance threshold")
    while not slider.evaluate("(field) => field === document.activeElement"):
        page.keyboard.press("Tab")
    for _ in range(45):
        page.keyboard.press("ArrowLeft")
    expect(slider).to_have_value("1.05")
    expect(slider).to_have_attribute("aria-valuetext", "1.05")
    second = page.get_by_role("button", name="Face 2 of 2")
    while not second.evaluate("(button) => button === document.activeElement"):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(visitor.cards.first.locator(".name")).to_contain_text("madonna")
    expect(second).to_be_focused()


def test_screen_readers_hear_what_was_found(served: str, visit: Visit, elton: bytes) -> None:
    visitor = visit(served)
    visitor.drop(elton)
    nearest = visitor.names()[0]
    very_likely = visitor.page.locator(".very_likely > li").count()
    expect(visitor.page.get_by_role("status").filter(has_text="nearest")).to_have_text(
        f"{very_likely} photos very likely of the same person. The nearest: {nearest}, "
        "very likely the same person"
    )
    expect(visitor.cards.first.get_by_role("link")).to_have_accessible_name(
        re.compile(rf"Rank 1\b.*{nearest}.*Very likely.*distance 0\.\d+", re.DOTALL)
    )


@pytest.mark.parametrize("size", [PHONE, NARROW], ids=["360", "320"])
def test_phone_shows_all_within_its_width(
    served: str, visit: Visit, elton: bytes, size: ViewportSize
) -> None:
    visitor = visit(served, viewport=size, is_mobile=True, has_touch=True, color_scheme="dark")
    page = visitor.page
    for state in ("home", "results"):
        if state == "results":
            visitor.drop(elton)
            visitor.names()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        small = page.evaluate(
            """[...document.querySelectorAll("button, .button, select, nav a")]
              .filter((each) => each.checkVisibility() && !each.closest("#faces"))
              .map((each) => each.getBoundingClientRect().height).filter((height) => height < 44)"""
        )
        assert small == []
    for dialog in (visitor.open_first(), page.locator("#compare-dialog")):
        if dialog.get_attribute("id") == "compare-dialog":
            page.get_by_role("button", name="Compare two photos").click()
        else:
            expect(page.locator("#photo-facts dd").first).to_be_visible()
        assert dialog.evaluate("(dialog) => dialog.scrollWidth - dialog.clientWidth") <= 0
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    first, second = (visitor.cards.nth(at).bounding_box() for at in (0, 1))
    assert first is not None
    assert second is not None
    assert first["y"] == second["y"], "two in a row"


def test_faces_of_a_group_stay_in_view_and_fit_a_finger(
    served: str, visit: Visit, two_people: bytes
) -> None:
    visitor = visit(served, viewport=PHONE, is_mobile=True, has_touch=True)
    visitor.drop(two_people)
    visitor.names()
    faces = visitor.page.get_by_role("group", name="Faces in your photo").get_by_role("button")
    expect(faces).to_have_count(2)
    visitor.run("scrollTo(0, document.body.scrollHeight)")
    expect(faces.nth(1)).to_be_in_viewport(ratio=1)
    for box in (face.bounding_box() for face in faces.all()):
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    drawn = (
        faces.nth(1)
        .locator("canvas")
        .evaluate(
            "(canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, 90, 90).data).size"
        )
    )
    assert drawn > 50, "a face, not a plain colour"


def test_motion_stops_where_it_is_not_wanted(served: str, visit: Visit) -> None:
    visitor = visit(served, reduced_motion="reduce")
    moving = "getComputedStyle(document.getElementById('bones')).animationName"
    assert visitor.run(f"(document.body.dataset.state = 'loading', {moving})") == "none"
