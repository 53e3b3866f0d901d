"""From a dropped photo to its nearest faces and on: on this machine and on the local stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import Visit
from tests.e2e.system import RunningSystem

pytestmark = pytest.mark.slow

DEPLOYED = pytest.param("deployed", marks=pytest.mark.long)


@pytest.fixture(scope="module", params=["served", "served_bundle", DEPLOYED])
def site(request: pytest.FixtureRequest, sample: Path) -> Iterator[str]:
    """The page's address, with the sample's photos in the index."""
    if request.param != "deployed":
        yield request.getfixturevalue(request.param)
        return
    request.getfixturevalue("chrome")
    system: RunningSystem = request.getfixturevalue("system")
    system.clear()
    for photo in sorted((sample / "train").glob("*/*.jpg")):
        system.put(f"{photo.parent.name}/{photo.name}", photo.read_bytes())
    system.wait_until_idle()
    address = f"{system.api_url}/"
    request.getfixturevalue("keys")[address] = system.api_key
    yield address
    system.clear()


def test_dropped_photo_is_shown_with_its_face_and_the_20_nearest(
    site: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(site)
    expect(visitor.page.locator("#holds")).to_contain_text("98 faces")
    visitor.drop(elton)
    names = visitor.names()
    assert [name[:10] for name in names[:10]] == ["elton_john"] * 10
    likely = visitor.page.locator(".very_likely > li")
    title = f"{likely.count()} photos very likely of the same person"
    expect(visitor.title).to_have_text(title)
    expect(visitor.title).to_be_focused()
    assert {name[:10] for name in likely.locator(".name").all_inner_texts()} == {"elton_john"}
    folded = 20 - len(names)
    assert folded > 0
    visitor.unfold()
    expect(visitor.cards).to_have_count(20)
    verdicts = visitor.page.locator("#grid h3").all_inner_texts()
    assert [each.rstrip(" 0123456789\n") for each in verdicts] == [
        *("Very likely the same person", "Possible", "Look-alikes")
    ]
    expect(visitor.page.locator("#limits-said")).to_contain_text("Among 98 faces")
    expect(visitor.page.locator("#outlines span")).to_have_count(1)
    first = visitor.cards.first
    expect(first.locator(".rank")).to_have_text("Rank 1")
    expect(first.locator(".folder")).to_have_text("elton_john")
    expect(first.locator(".numbers")).to_contain_text("Very likely")
    distances = visitor.cards.locator(".numbers > span").all_inner_texts()
    assert distances == sorted(distances)
    expect(visitor.page.locator("#grid li:first-child img[src^='blob:']").first).to_be_visible()
    assert (
        first.locator("img").evaluate("async (image) => (await image.decode(), image.naturalWidth)")
        == 216
    )
    assert visitor.page.url == site, "a photo's own search is nobody else's business"


def test_click_searches_on_back_and_forward_return_and_the_address_can_be_shared(
    site: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(site)
    visitor.drop(elton)
    of_photo = visitor.names()
    visitor.cards.nth(2).get_by_role("link").click()
    assert "?photo=" in visitor.page.url
    visitor.page.get_by_role("link", name="Search with this face").click()
    expect(visitor.page.locator("#query-title")).to_have_text("The chosen face")
    expect(visitor.page.locator("#caption strong")).to_have_text(of_photo[2])
    of_face = visitor.names()
    assert of_photo[2] not in of_face, "a face is not among its own matches"
    shared = visitor.page.url
    assert "?face=" in shared

    visitor.page.go_back()
    expect(visitor.page.locator("#query-title")).to_have_text("Your photo")
    assert visitor.names() == of_photo
    visitor.page.go_back()
    expect(visitor.page.locator("#query-title")).to_have_text("Find the photos of a person")
    expect(visitor.cards).to_have_count(0)
    visitor.page.go_forward()
    expect(visitor.page.locator("#query-title")).to_have_text("Your photo")
    assert visitor.names() == of_photo
    visitor.page.go_forward()
    assert visitor.names() == of_face

    other = visit(shared)
    assert other.names() == of_face
    expect(other.page.locator("#caption strong")).to_have_text(of_photo[2])


def test_slider_hides_the_distant_and_more_are_loaded_when_asked_for(
    site: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(site)
    visitor.drop(elton)
    visitor.names()
    more = visitor.page.get_by_role("button", name="Show more")
    expect(more).to_be_hidden()
    visitor.unfold()
    more.click()
    expect(visitor.page.locator("#grid li")).to_have_count(40)
    expect(visitor.cards).to_have_count(40)
    expect(visitor.cards.nth(39).locator(".rank")).to_have_text("Rank 40")
    slider = visitor.filter("Distance threshold")
    slider.fill("1.1")
    expect(visitor.page.locator("#limit-said")).to_have_text("1.10")
    near = visitor.cards.count()
    assert 10 <= near < 20
    assert {name[:10] for name in visitor.names()} == {"elton_john"}
    expect(visitor.page.locator("#hidden-said")).to_have_text(
        f"{40 - near} faces are beyond the threshold of 1.10, and hidden."
    )
    expect(more).to_be_hidden()
    visitor.open_first()
    visitor.page.get_by_role("link", name="Search with this face").click()
    expect(visitor.page.locator("#query-title")).to_have_text("The chosen face")
    assert visitor.page.url.endswith("&max_distance=1.1")
    visitor.names()
    other = visit(visitor.page.url)
    assert other.names() == visitor.names()
    expect(other.filter("Distance threshold")).to_have_value("1.1")
