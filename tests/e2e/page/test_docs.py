"""The API's documentation in real Chromium: Swagger UI, with nothing from another server."""

from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from tests.e2e.page.conftest import Visit
from tests.e2e.page.sites import behind_gateway
from tests.e2e.page.test_access import assert_accessible
from tests.e2e.page.visitor import Scheme

pytestmark = pytest.mark.slow

MOST_MS = 60_000.0


def test_documentation_shows_every_path_and_breaks_no_policy(served: str, visit: Visit) -> None:
    page = visit(served, "docs").page
    expect(page.locator(".opblock")).not_to_have_count(0, timeout=MOST_MS)
    for path in (
        "/v1/search",
        "/v1/faces/{face_id}/matches",
        "/v1/compare",
        "/v1/photos",
        "/v1/version",
    ):
        expect(page.locator(f'[data-path="{path}"]').first).to_be_visible()
    loaded = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert loaded
    assert all(each.startswith(served) for each in loaded if not each.startswith("data:"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_documentation(
    served: str, visit: Visit, scheme: Scheme
) -> None:
    page = visit(served, "docs", color_scheme=scheme).page
    block = page.locator("#operations-Searching-search")
    block.locator(".opblock-summary-control").click(timeout=MOST_MS)
    expect(block.locator("tr[data-param-name=face] select")).to_be_visible()
    expect(block.locator("pre.microlight").first).to_be_visible()
    assert_accessible(page)


def test_request_is_tried_out_in_the_documentation(served: str, visit: Visit) -> None:
    page = visit(served, "docs").page
    block = page.locator("#operations-Service-version")
    block.locator(".opblock-summary-control").click(timeout=MOST_MS)
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").nth(1)).to_contain_text("200")
    expect(answer).to_contain_text("fingerprint")


def test_photo_is_searched_with_in_the_documentation(
    served: str, visit: Visit, elton: bytes
) -> None:
    visitor = visit(served, "docs")
    block = visitor.page.locator("#operations-Searching-search")
    block.locator(".opblock-summary-control").click(timeout=MOST_MS)
    block.get_by_label("Request content type").select_option("multipart/form-data")
    photo = FilePayload(name="photo.jpg", mimeType="image/jpeg", buffer=elton)
    block.locator("input[type=file]").set_input_files(photo)
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table")).to_contain_text("elton_john")
    # Swagger UI's own: it shows the file's field all the same.
    visitor.errors.remove("Could not find component: JsonSchema_string_binary")


def test_documentation_behind_a_gateway_asks_below_its_stage(
    store: str, visit: Visit, bundled: Path
) -> None:
    with behind_gateway(store, bundled) as address:
        page = visit(address, "prod/docs").page
        block = page.locator("#operations-Service-version")
        block.locator(".opblock-summary-control").click(timeout=MOST_MS)
        block.get_by_role("button", name="Execute").click()
        expect(block.locator(".request-url")).to_contain_text("/prod/v1/version")
        expect(block.locator(".live-responses-table")).to_contain_text("fingerprint")
