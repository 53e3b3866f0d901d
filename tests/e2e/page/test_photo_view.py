"""A hit leads to its photo; searches survive a reload, and say what they stand on."""

import io
import json
import re
import shutil
from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Route, expect

from facesearch.faces import face_id
from facesearch.stores import open_store
from tests.e2e.page.conftest import Visit
from tests.e2e.page.sites import index_sample, serving
from tests.e2e.page.test_access import assert_accessible

pytestmark = pytest.mark.slow


def as_file(data: bytes, name: str = "photo.jpg") -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


@pytest.fixture
def library(chrome: Browser, sample: Path, two_people: bytes, tmp_path: Path) -> Path:
    """A photo of two people, twice, and a portrait of one of them, in years of folders."""
    photos = tmp_path / "photos"
    for year in ("2023", "2024"):
        (photos / year).mkdir(parents=True)
        (photos / year / "party.jpg").write_bytes(two_people)
    shutil.copy(sample / "train/madonna/madonna_03.jpg", photos / "2024/portrait.jpg")
    index_sample(photos, f"sqlite:///{tmp_path / 'faces.db'}")
    return photos


def test_match_leads_to_its_photo_and_on_with_any_face_of_it(
    library: Path, visit: Visit, elton: bytes, tmp_path: Path
) -> None:
    with serving(f"--store=sqlite:///{tmp_path / 'faces.db'}") as address:
        visitor = visit(address)
        page = visitor.page
        visitor.drop(elton)
        assert visitor.names()[0] == "party.jpg"
        expect(visitor.cards.first.locator(".copies")).to_have_text("×2 copies")
        dialog = visitor.open_first()
        facts = dialog.locator("#photo-facts")
        for text in (str(library / "2023/party.jpg"), str(library / "2024/party.jpg")):
            expect(facts).to_contain_text(text)
        expect(facts).to_contain_text("700 × 420 px")
        expect(page.locator("#photo-shown[src]")).to_be_visible()
        faces = dialog.get_by_role("group", name="Faces in this photo").get_by_role("button")
        expect(faces).to_have_count(2)
        expect(faces.nth(0)).to_have_attribute("aria-pressed", "true")
        original = dialog.get_by_role("link", name="Open").get_attribute("href")
        assert original
        with urlopen(original) as answer:  # noqa: S310 (the test's own server)
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.read() == (library / "2023/party.jpg").read_bytes()
        path = Path(facts.locator("dd").first.inner_text())
        shared = page.url
        faces.nth(1).click()
        dialog.get_by_role("link", name="Search with this face").click()
        expect(page.locator("#query-title")).to_have_text("The chosen face")
        expect(visitor.cards.filter(has_text="portrait.jpg")).to_have_count(1)
        page.go_back()
        expect(page.locator("#query-title")).to_have_text("Your photo")

        # The address of the photo alone shows it, and closing it leaves the page open.
        other = visit(shared)
        expect(other.page.locator("#photo-title")).to_have_text("party.jpg")
        other.page.keyboard.press("Escape")
        expect(other.page.locator("#query-title")).to_be_visible()
        expect(other.page).not_to_have_url(re.compile("photo="))

        path.unlink()
        gone = visit(shared)
        expect(gone.page.locator("#photo-wrong")).to_contain_text("cannot be read now")
        expect(gone.page.locator("#photo-facts")).to_contain_text(str(path))
        assert {each[:3] for each in gone.refused} == {"404"}
        gone.refused.clear()


def test_path_is_copied(served: str, visit: Visit, elton: bytes) -> None:
    visitor = visit(served, permissions=["clipboard-read", "clipboard-write"])
    visitor.drop(elton)
    dialog = visitor.open_first()
    dialog.get_by_role("button", name="Copy path").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    path = Path(visitor.run("navigator.clipboard.readText()"))
    assert path.is_file()
    assert path.name == visitor.page.locator("#photo-title").inner_text()


def test_reload_keeps_the_photo_and_the_chosen_face(
    served: str, visit: Visit, two_people: bytes
) -> None:
    visitor = visit(served)
    visitor.drop(two_people)
    visitor.names()
    visitor.page.get_by_role("button", name="Face 2 of 2").click()
    expect(visitor.cards.first.locator(".name")).to_contain_text("madonna")
    names = visitor.names()
    visitor.page.wait_for_function(
        "() => JSON.parse(sessionStorage['facesearch.photo'] ?? '{}').face === 1"
    )
    visitor.page.reload()
    assert visitor.names() == names
    second = visitor.page.get_by_role("button", name="Face 2 of 2")
    expect(second).to_have_attribute("aria-pressed", "true")
    assert visit(served).run("sessionStorage.length") == 0, "another visitor has nothing of it"
    visitor.page.locator("#home").click()
    assert visitor.run("sessionStorage.length") == 0


def test_several_photos_of_one_person_are_searched_with_together(
    served: str, visit: Visit, sample: Path, elton: bytes
) -> None:
    visitor = visit(served)
    visitor.drop(elton)
    visitor.names()
    second = (sample / "val/elton_john/elton_john_02.jpg").read_bytes()
    visitor.run(
        """() => {
          const fetched = fetch;
          window.fetch = (url, options) => {
            const { body } = options ?? {};
            if (body instanceof FormData) window.sent = body.getAll("photo").length;
            return fetched(url, options);
          };
        }"""
    )
    visitor.page.locator("#another").set_input_files([as_file(second, "second.jpg")])
    expect(visitor.page.locator("#query-title")).to_have_text("Your photos")
    expect(visitor.page.locator("#caption")).to_contain_text("2 photos of one person")
    assert visitor.names()[0].startswith("elton_john")
    assert visitor.run("window.sent") == 2


def test_filters_are_those_of_the_api_and_stand_in_the_address(
    served: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(served)
    visitor.drop(elton)
    visitor.names()
    with visitor.page.expect_request("**/v1/search?*") as asked:
        visitor.filter("Expand the query").check()
    assert "expand=true" in asked.value.url
    visitor.names()
    with visitor.page.expect_request("**/v1/search?*") as asked:
        field = visitor.filter("Metadata")
        field.fill("album=summer, year=2024")
        field.press("Enter")
    assert "metadata.album=summer&metadata.year=2024" in asked.value.url
    expect(visitor.title).to_have_text("Nothing found")
    shared = visit(visitor.page.url)
    expect(shared.filter("Metadata")).to_have_value("album=summer, year=2024")
    expect(shared.filter("Expand the query")).to_be_checked()


def test_two_photos_are_compared(served: str, visit: Visit, sample: Path, elton: bytes) -> None:
    visitor = visit(served)
    page = visitor.page
    page.get_by_role("button", name="Compare two photos").click()
    other = (sample / "val/elton_john/elton_john_02.jpg").read_bytes()
    page.locator("#one").set_input_files(as_file(elton))
    page.locator("#other").set_input_files(as_file(other))
    compared = page.locator("#compared")
    expect(compared).to_contain_text("at a distance of 0.")
    expect(compared).to_contain_text("the same person")
    stranger = (sample / "val/madonna/madonna_01.jpg").read_bytes()
    page.locator("#other").set_input_files(as_file(stranger))
    expect(compared).to_contain_text("Only a look-alike")


def test_page_says_why_nothing_is_very_likely(served: str, visit: Visit, elton: bytes) -> None:
    visitor = visit(served)

    def as_in_a_huge_index(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["limits"] |= {
            "faces": 5_000_000,
            "very_likely": None,
            "basis": "extrapolated",
            "passing": 0.06,
        }
        for match in body["results"][0]["matches"]:
            match["verdict"] = "possible"
        route.fulfill(response=answer, body=json.dumps(body))

    visitor.page.route("**/v1/search?*", as_in_a_huge_index)
    visitor.drop(elton)
    visitor.names()
    expect(visitor.title).to_have_text("20 possible matches")
    expect(visitor.page.locator("#limits-said")).to_contain_text(
        "Among 5,000,000 faces, nothing can be called very likely"
    )
    expect(visitor.page.locator("#limits-said")).to_contain_text("only 6% of true matches")
    expect(visitor.page.locator(".very_likely")).to_have_count(0)


def test_limit_that_was_set_is_said_to_be_and_holds(
    chrome: Browser, store: str, visit: Visit, elton: bytes
) -> None:
    limit = {"FACESEARCH_VERY_LIKELY_DISTANCE": "0.6"}
    with serving(f"--store={store}", environ=limit) as address:
        visitor = visit(address)
        visitor.drop(elton)
        visitor.names()
        likely = visitor.page.locator(".very_likely .numbers > span").all_inner_texts()
        assert likely
        assert max(float(each.split()[-1]) for each in likely) <= 0.6
        expect(visitor.page.locator("#limits-said")).to_have_text(
            "Very likely: up to a distance of 0.60, as whoever runs this service set it."
        )


def test_recipe_that_nobody_measured_gets_no_verdicts(
    served: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(served)

    def without_limits(route: Route) -> None:
        answer = route.fetch()
        body = answer.json() | {"limits": None}
        for match in body["results"][0]["matches"]:
            match |= {"verdict": None, "confidence": None}
        route.fulfill(response=answer, body=json.dumps(body))

    visitor.page.route("**/v1/search?*", without_limits)
    visitor.drop(elton)
    assert len(visitor.names()) == 20
    expect(visitor.title).to_have_text("20 nearest faces")
    expect(visitor.page.locator("#limits-said")).to_contain_text("Nobody has measured")


def test_files_that_are_dragged_over_the_page_are_welcomed(served: str, visit: Visit) -> None:
    visitor = visit(served)
    over = visitor.page.locator("#over")
    expect(over).to_be_hidden()
    visitor.run(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["x"], "a.jpg", { type: "image/jpeg" }));
          document.body.dispatchEvent(new DragEvent("dragover",
            { dataTransfer, bubbles: true, cancelable: true }));
        }"""
    )
    expect(over).to_be_visible()


def test_faces_of_a_photo_that_the_browser_cannot_read_are_shown(
    served: str, visit: Visit, two_people: bytes
) -> None:
    data = io.BytesIO()
    with Image.open(io.BytesIO(two_people)) as photo:
        photo.save(data, "TIFF")
    visitor = visit(served)
    visitor.drop(data.getvalue(), "scan.tif", "image/tiff")
    visitor.names()
    expect(visitor.page.locator("#shown")).to_be_visible()
    drawn = """(canvas) => new Set(canvas.getContext("2d").getImageData(0, 0, 90, 90).data).size"""
    faces = visitor.page.locator("#faces canvas")
    expect(faces).to_have_count(2)
    visitor.page.wait_for_function(f"() => ({drawn})(document.querySelector('#faces canvas')) > 50")


def test_face_is_hidden_from_all_searches_and_shown_again(
    library: Path, visit: Visit, elton: bytes, tmp_path: Path
) -> None:
    with serving(
        f"--store=sqlite:///{tmp_path / 'faces.db'}", f"--uploads={tmp_path / 'new'}"
    ) as address:
        visitor = visit(address)
        page = visitor.page
        visitor.drop(elton)
        first = visitor.cards.first
        expect(first.locator(".copies")).to_have_text("×2 copies")
        dialog = visitor.open_first()
        faces = dialog.get_by_role("group", name="Faces in this photo").get_by_role("button")
        path = Path(dialog.locator("#photo-facts dd").first.inner_text())
        (other,) = {library / "2023/party.jpg", library / "2024/party.jpg"} - {path}
        dialog.get_by_role("button", name="Hide this face").click()
        expect(faces.nth(0)).to_have_accessible_name("Face 1 of 2, hidden")
        expect(dialog.locator("#photo-hint")).to_contain_text("no search finds it")
        expect(dialog.get_by_role("link", name="Search with this face")).to_be_hidden()
        assert_accessible(page)
        page.keyboard.press("Escape")
        # The copy's face is another one.
        expect(first.locator(".copies")).to_have_count(0)
        expect(first.locator("a")).to_have_attribute("title", str(other))
        with open_store(f"sqlite:///{tmp_path / 'faces.db'}", None) as store:
            stored = store.photo(path.as_uri())
        assert stored is not None
        assert stored.hidden == {0}
        # It is reached by the other face of its photo.
        page.goto(f"{address}?photo={face_id(path.as_uri(), 1)}")
        expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
        faces.nth(0).click()
        dialog.get_by_role("button", name="Show this face again").click()
        expect(faces.nth(0)).to_have_accessible_name("Face 1 of 2")
        page.keyboard.press("Escape")
        visitor.drop(elton)
        expect(first.locator(".copies")).to_have_text("×2 copies")


def test_nobody_hides_faces_where_nobody_may_add_photos(
    store: str, visit: Visit, elton: bytes
) -> None:
    with serving(f"--store={store}", environ={"FACESEARCH_UPLOADS": "off"}) as address:
        visitor = visit(address)
        visitor.drop(elton)
        dialog = visitor.open_first()
        expect(dialog.locator("#photo-facts dd").first).to_be_visible()
        expect(dialog.locator("#photo-hide")).to_be_hidden()
