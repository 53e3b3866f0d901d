"""What strangers do: odd photos, odd names, too many of them, and all at once."""

import io
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.page.conftest import Visit
from tests.e2e.page.sites import forget_all, index_sample, serving
from tests.e2e.page.visitor import Visitor

pytestmark = pytest.mark.slow

NAMES = (
    "100% “Élise” 👩‍🚀 #1?.jpg",
    "a'b\"c&d<e>.jpg",
    "תמונה של אלטון.jpg",
    "long-" + 24 * "nameless" + ".jpg",
)


def jpeg(photo: Image.Image) -> bytes:
    data = io.BytesIO()
    photo.convert("RGB").save(data, "JPEG", quality=90)
    return data.getvalue()


def inside(inner: Locator, outer: Locator) -> bool:
    """Whether one element's box is within another's, up to its border."""
    one, other = inner.bounding_box(), outer.bounding_box()
    assert one is not None
    assert other is not None
    return (
        other["x"] - 4 <= one["x"]
        and other["y"] - 4 <= one["y"]
        and one["x"] + one["width"] <= other["x"] + other["width"] + 4
        and one["y"] + one["height"] <= other["y"] + other["height"] + 4
    )


@pytest.mark.parametrize("size", [(400, 2400), (2400, 400)], ids=["tall", "wide"])
def test_outlines_are_on_the_faces_of_tall_and_wide_photos(
    served: str, visit: Visit, sample: Path, size: tuple[int, int]
) -> None:
    with Image.open(sample / "train/madonna/madonna_01.jpg") as face:
        photo = Image.new("RGB", size, "grey")
        photo.paste(face.resize((400, 400)), ((size[0] - 400) // 2, (size[1] - 400) // 2))
    visitor = visit(served)
    visitor.drop(jpeg(photo))
    visitor.names()
    stage = visitor.page.locator("#stage")
    box = stage.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(size[0] / size[1], rel=0.03)
    outline = visitor.page.locator("#outlines span").bounding_box()
    assert outline is not None
    assert 0.5 < outline["width"] / outline["height"] < 1.1, "a face is higher than wide"
    assert inside(visitor.page.locator("#outlines span"), stage)


def test_photo_of_forty_faces_offers_each_of_them(served: str, visit: Visit, sample: Path) -> None:
    photos = sorted((sample / "train").glob("*/*.jpg"))[:40]
    group = Image.new("RGB", (8 * 160, 5 * 160))
    for at, file in enumerate(photos):
        with Image.open(file) as each:
            group.paste(each.resize((160, 160)), (at % 8 * 160, at // 8 * 160))
    visitor = visit(served)
    visitor.drop(jpeg(group))
    visitor.names()
    faces = visitor.page.locator("#faces button")
    assert faces.count() >= 36
    faces.last.click()
    expect(faces.last).to_have_attribute("aria-pressed", "true")
    assert visitor.names()
    strip = visitor.page.locator("#faces")
    assert inside(faces.last, strip), "the chosen face is scrolled into view"


def test_several_photos_that_are_dropped_are_one_persons(
    served: str, visit: Visit, sample: Path
) -> None:
    photos = sorted((sample / "train/elton_john").glob("*.jpg"))[:11]
    assert len(photos) == 11
    visitor = visit(served)
    visitor.drop_all(*((photo.read_bytes(), photo.name) for photo in photos))
    expect(visitor.page.locator("#query-title")).to_have_text("Your photos")
    caption = visitor.page.locator("#caption")
    expect(caption).to_contain_text("10 photos of one person")
    expect(caption).to_contain_text("1 photo was left out: ten are taken at most")
    names = visitor.names()
    assert names[0].startswith("elton_john")
    visitor.page.wait_for_function("() => 'facesearch.photo' in sessionStorage")
    visitor.page.reload()
    assert visitor.names() == names, "a reload keeps them"
    expect(caption).to_contain_text("10 photos of one person")


def test_heic_is_searched_with_shown_and_kept(served: str, visit: Visit) -> None:
    photo = Path(__file__).with_name("elton_john.heic")
    visitor = visit(served)
    visitor.drop(photo.read_bytes(), photo.name, "image/heic")
    names = visitor.names()
    assert names[0].startswith("elton_john")
    shown = visitor.page.locator("#shown")
    expect(shown).to_be_visible()
    width = "(image) => (image.decode(), image.naturalWidth)"
    assert shown.evaluate(width) == 300
    visitor.page.wait_for_function("() => 'facesearch.photo' in sessionStorage")
    visitor.page.reload()
    assert visitor.names() == names
    expect(shown).to_be_visible()
    # A system that does not know the format gives no type.
    visitor.drop(photo.read_bytes(), photo.name, "")
    assert visitor.names() == names


def test_animated_gif_is_searched_with_by_its_first_picture(
    served: str, visit: Visit, elton: bytes
) -> None:
    data = io.BytesIO()
    with Image.open(io.BytesIO(elton)) as photo:
        first = photo.convert("P")
        first.save(data, "GIF", save_all=True, append_images=[Image.new("P", first.size)] * 3)
    visitor = visit(served)
    visitor.drop(data.getvalue(), "moving.gif", "image/gif")
    assert visitor.names()[0].startswith("elton_john")


def test_empty_file_is_told(served: str, visit: Visit) -> None:
    visitor = visit(served)
    visitor.drop(b"", "empty.jpg")
    expect(visitor.note).to_contain_text("empty")
    visitor.refused.clear()


def test_photos_dropped_on_the_comparison_are_compared(
    served: str, visit: Visit, sample: Path, elton: bytes
) -> None:
    visitor = visit(served)
    page = visitor.page
    page.get_by_role("button", name="Compare two photos").click()
    stranger = (sample / "val/madonna/madonna_01.jpg").read_bytes()
    visitor.drop_all((elton, "one.jpg"), (stranger, "other.jpg"))
    compared = page.locator("#compared")
    expect(compared).to_contain_text("Only a look-alike")
    expect(page.locator("#side-one")).to_contain_text("one.jpg")
    sides = [page.locator(f"#side-{side}").bounding_box() for side in ("one", "other")]
    assert sides[0] is not None
    assert sides[1] is not None
    assert sides[0]["y"] == sides[1]["y"], "side by side"
    expect(page.locator("#side-other")).to_contain_text("other.jpg")
    # One more takes the place of the second.
    second = (sample / "val/elton_john/elton_john_02.jpg").read_bytes()
    visitor.drop(second, "second.jpg")
    expect(compared).to_contain_text("the same person")
    expect(page.locator("#side-other")).to_contain_text("second.jpg")
    visitor.paste(stranger, "pasted.png")
    expect(compared).to_contain_text("Only a look-alike")
    expect(page.locator("#compare-dialog")).to_be_visible()
    expect(page.locator("#query-title")).to_have_text("Find the photos of a person")


def test_matches_are_gone_through_in_the_photo_view(
    served: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(served)
    page = visitor.page
    visitor.drop(elton)
    names = visitor.names()
    dialog = visitor.open_first()
    place, title = page.locator("#photo-place"), page.locator("#photo-title")
    expect(place).to_have_text(f"1 of {len(names)}")
    expect(dialog.get_by_role("button", name="The match before")).to_be_disabled()
    dialog.get_by_role("button", name="The next match").click()
    expect(title).to_have_text(names[1])
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text(names[2])
    expect(place).to_have_text(f"3 of {len(names)}")
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text(names[1])
    assert page.url.count("photo=") == 1
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(":focus .name")).to_have_text(names[1])
    expect(page.locator("#query-title")).to_have_text("Your photo")
    page.go_forward()
    expect(title).to_have_text(names[1])


def test_look_alikes_are_folded_again_for_another_photo(
    served: str, visit: Visit, sample: Path, elton: bytes
) -> None:
    visitor = visit(served)
    visitor.drop(elton)
    few = len(visitor.names())
    visitor.unfold()
    expect(visitor.cards).not_to_have_count(few)
    visitor.drop((sample / "val/madonna/madonna_01.jpg").read_bytes())
    expect(visitor.cards.first.locator(".name")).to_contain_text("madonna")
    fold = visitor.page.locator("#grid details")
    expect(fold).not_to_have_attribute("open", "")
    visitor.page.go_back()
    expect(visitor.cards.first.locator(".name")).to_contain_text("elton")
    expect(fold).to_have_attribute("open", "")


def test_title_does_not_say_that_a_page_is_all(
    chrome: Browser, visit: Visit, sample: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    madonna = sample / "train/madonna/madonna_01.jpg"
    for number in range(21):
        with Image.open(madonna) as photo:
            # Not exact duplicates, which would be one card.
            size = 300 - number
            (folder / f"{number}.jpg").write_bytes(jpeg(photo.resize((size, size))))
    index_sample(folder, f"sqlite:///{tmp_path / 'faces.db'}")
    with serving(f"--store=sqlite:///{tmp_path / 'faces.db'}") as address:
        visitor = visit(address)
        visitor.drop((folder / "0.jpg").read_bytes())
        expect(visitor.title).to_have_text("At least 20 photos very likely of the same person")
        visitor.page.get_by_role("button", name="Show more").click()
        expect(visitor.title).to_have_text("21 photos very likely of the same person")


def test_odd_names_are_shown_opened_and_found_by(
    chrome: Browser, visit: Visit, sample: Path, tmp_path: Path
) -> None:
    madonna = sample / "train/madonna/madonna_01.jpg"
    folder = tmp_path / "Fotos 50% “neu” & mehr"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        with Image.open(madonna) as photo:
            size = 300 - 10 * number
            (folder / name).write_bytes(jpeg(photo.resize((size, size))))
    index_sample(folder, f"sqlite:///{tmp_path / 'faces.db'}")
    with serving(f"--store=sqlite:///{tmp_path / 'faces.db'}") as address:
        visitor = visit(address, viewport={"width": 390, "height": 844})
        page = visitor.page
        visitor.drop(madonna.read_bytes())
        expect(visitor.cards).to_have_count(len(NAMES))
        assert sorted(visitor.cards.locator(".name").all_text_contents()) == sorted(NAMES)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for at, name in enumerate(visitor.cards.locator(".name").all_text_contents()):
            visitor.cards.nth(at).get_by_role("link").click()
            dialog = page.locator("#photo-dialog")
            expect(page.locator("#photo-title")).to_have_text(name)
            expect(page.locator("#photo-facts dd").first).to_have_text(str(folder / name))
            expect(page.locator("#photo-shown[src]")).to_be_visible()
            with page.expect_download() as download:
                dialog.get_by_role("link", name="Download").click()
            assert Path(download.value.path()).read_bytes() == (folder / name).read_bytes()
            page.keyboard.press("Escape")
            expect(dialog).to_be_hidden()
            # The way back is taken a moment later.
            expect(page).not_to_have_url(re.compile("photo="))


def test_metadata_with_commas_and_quotes_is_one_value(
    served: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(served)
    visitor.drop(elton)
    visitor.names()
    field = visitor.filter("Metadata")
    with visitor.page.expect_request("**/v1/search?*") as asked:
        field.fill('place=Paris, "le Marais", year=2024')
        field.press("Enter")
    assert "metadata.place=Paris%2C+%22le+Marais%22&metadata.year=2024" in asked.value.url
    expect(visitor.title).to_have_text("Nothing found")
    shared = visit(visitor.page.url)
    expect(shared.filter("Metadata")).to_have_value('place=Paris, "le Marais", year=2024')
    # What is not NAME=VALUE is not left out without a word.
    url = visitor.page.url
    field.fill("summer")
    field.press("Enter")
    message = "(field) => field.validationMessage"
    assert field.evaluate(message) == "Write NAME=VALUE, such as album=summer."
    assert visitor.page.url == url


def test_double_click_on_a_match_opens_its_photo_and_leaves_it_open(
    served: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(served, viewport={"width": 1600, "height": 900})
    visitor.drop(elton)
    visitor.names()
    row = [visitor.cards.nth(at).bounding_box() for at in range(6)]
    last = max(range(6), key=lambda at: (row[at] or {"x": 0})["x"])
    visitor.cards.nth(last).get_by_role("link").dblclick()
    dialog = visitor.page.locator("#photo-dialog")
    expect(visitor.page.locator("#photo-facts dd").first).to_be_visible()
    expect(dialog).to_be_visible()
    # What is beside it closes it, as before.
    visitor.page.wait_for_timeout(600)
    visitor.page.mouse.click(5, 5)
    expect(dialog).to_be_hidden()


def test_photo_view_says_when_the_service_is_away(
    chrome: Browser, store: str, visit: Visit, elton: bytes
) -> None:
    with serving(f"--store={store}") as address:
        visitor = visit(address)
        visitor.drop(elton)
        visitor.names()
    visitor.open_first()
    wrong = visitor.page.locator("#photo-wrong")
    expect(wrong).to_contain_text("The service does not answer")
    visitor.page.keyboard.press("Escape")
    visitor.unfold()
    visitor.page.get_by_role("button", name="Show more").click()
    expect(visitor.title).to_have_text("The service does not answer")
    visitor.page.get_by_role("button", name="Try again").click()
    assert visitor.names()[0].startswith("elton_john"), "what was found is still there"


def test_store_that_was_emptied_meanwhile_is_told(
    chrome: Browser, visit: Visit, sample: Path, elton: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(sample / "train/elton_john/elton_john_02.jpg", folder)
    store = f"sqlite:///{tmp_path / 'faces.db'}"
    index_sample(folder, store)
    with serving(f"--store={store}") as address:
        visitor: Visitor = visit(address)
        visitor.drop(elton)
        visitor.names()
        forget_all(store)
        visitor.open_first()
        expect(visitor.page.locator("#photo-wrong")).to_be_visible()
        visitor.page.keyboard.press("Escape")
        visitor.drop(elton)
        expect(visitor.title).to_have_text("There are no photos yet")
        expect(visitor.page.locator("#holds")).to_have_text("0 photos, 0 faces")
        visitor.refused.clear()
