"""Photos as the page shows them: whole, with all their faces, and their links in `serve`."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from PIL import Image

from facesearch.errors import InvalidRequest
from facesearch.photos.links import LINK_S, PhotoLinks
from facesearch.vision.pipeline import FacePipeline
from tests.integration.serving import index_sample, serving


@pytest.fixture(scope="module")
def server(
    models: Path, pipeline: FacePipeline, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    url = f"sqlite:///{tmp_path_factory.mktemp('links') / 'faces.db'}"
    index_sample(url, pipeline, sample)
    with serving(url, models, {"FACESEARCH_UPLOADS": "off"}) as address:
        yield address


def photo_of_first(server: str) -> dict[str, object]:
    listed = requests.get(f"{server}/v1/photos", timeout=30).json()["photos"]
    face = listed[0]["faces"][0]
    answer: dict[str, object] = requests.get(f"{server}/v1/faces/{face}/photo", timeout=30).json()
    return answer


def test_photo_of_a_face_is_told_with_its_link_that_needs_no_key(server: str) -> None:
    photo = photo_of_first(server)
    path = Path(str(photo["path"]))
    assert path.is_file()
    assert path.as_uri() == photo["photo_id"]
    got = requests.get(f"{server}/{photo['photo_url']}", timeout=30)
    assert (got.status_code, got.content) == (200, path.read_bytes())
    assert got.headers["Content-Type"] == "image/jpeg"
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert got.headers["Content-Disposition"].endswith(path.name)


def test_nobody_hides_faces_where_nobody_may_add_photos(server: str) -> None:
    listed = requests.get(f"{server}/v1/photos", timeout=30).json()["photos"]
    face = f"{server}/v1/faces/{listed[0]['faces'][0]}"
    for method in ("PUT", "DELETE"):
        refused = requests.request(method, f"{face}/hidden", timeout=30)
        assert (refused.status_code, refused.json()["code"]) == (409, "hiding_off")
    assert requests.get(face, timeout=30).json()["hidden"] is False


def test_link_that_was_changed_leads_nowhere(server: str) -> None:
    url = str(photo_of_first(server)["photo_url"])
    other = url.replace("photo_id=file%3A%2F%2F%2F", "photo_id=file%3A%2F%2F%2Fetc%2Fpasswd%23", 1)
    for changed in (other, url[:-1] + ("0" if url[-1] != "0" else "1"), url.partition("&")[0]):
        answer = requests.get(f"{server}/{changed}", timeout=30)
        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_request"


def test_link_ends_after_five_minutes() -> None:
    now = [1000.0]
    links = PhotoLinks(b"secret", clock=lambda: now[0])
    query = dict(parse_qsl(urlsplit(links.url("file:///a b.jpg")).query))
    assert links.photo_id(query) == "file:///a b.jpg"
    now[0] += LINK_S + 1
    with pytest.raises(InvalidRequest, match="expired"):
        links.photo_id(query)
    with pytest.raises(InvalidRequest, match="not one of this service"):
        PhotoLinks(b"another").photo_id(query)


def test_preview_is_the_whole_photo_as_a_jpeg(server: str) -> None:
    listed = requests.get(f"{server}/v1/photos", timeout=30).json()["photos"][0]
    answer = requests.get(f"{server}/v1/faces/{listed['faces'][0]}/preview", timeout=30)
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (listed["width"], listed["height"])


def test_query_photo_is_shown_where_it_is_asked_for(server: str, sample: Path) -> None:
    data = io.BytesIO()
    with Image.open(sample / "val/madonna/madonna_01.jpg") as photo:
        large = photo.resize((2000, 2000 * photo.height // photo.width))
        large.save(data, "TIFF", compression="tiff_deflate")
    url = f"{server}/v1/search?include=boxes,preview"
    shown = requests.post(url, data.getvalue(), timeout=60).json()["preview"]
    jpeg = base64.b64decode(shown.removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert max(picture.size) <= 1600
        assert picture.width / picture.height == pytest.approx(large.width / large.height, abs=0.01)
    assert "preview" not in requests.post(f"{server}/v1/search", data.getvalue(), timeout=60).json()
