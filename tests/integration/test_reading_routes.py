"""What the service is and holds, and its documentation: real events, a real store."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from facesearch import __version__
from facesearch.faces import IndexedPhoto, Photo, Recipe, face_id
from facesearch.stores import open_store
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.openapi.document import FILE
from search_faces.handler import handler
from tests.events.loading import Context, load
from tests.integration.api import ApiAnswer, get

pytestmark = pytest.mark.usefixtures("functions")


def fetch(path: str, *, stage: str = "", **headers: str) -> dict[str, Any]:
    """The function's whole response to a GET."""
    event = load("api_gateway_rest_search")
    event.update(httpMethod="GET", path=path, body=None, isBase64Encoded=False)
    event["queryStringParameters"] = event["multiValueQueryStringParameters"] = None
    event["requestContext"]["path"] = f"{stage}{path}"
    event["headers"] = {name.replace("_", "-"): value for name, value in headers.items()}
    event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    return handler(event, Context("search_faces"))


def pages(limit: int) -> list[list[str]]:
    """The ids of all photos, page by page."""
    found: list[list[str]] = []
    query = {"limit": str(limit)}
    while True:
        answer = get("/v1/photos", query).json
        found.append([photo["photo_id"] for photo in answer["photos"]])
        if answer["next"] is None:
            return found
        query["after"] = answer["next"]


@pytest.mark.usefixtures("indexed")
def test_photos_come_by_id_a_page_at_a_time_each_once() -> None:
    (whole,) = pages(limit=15)
    assert (len(whole), whole) == (15, sorted(whole))
    assert [len(page) for page in pages(limit=6)] == [6, 6, 3]
    assert [each for page in pages(limit=4) for each in page] == whole


@pytest.mark.usefixtures("indexed")
def test_photos_are_told_with_what_is_known_of_them() -> None:
    (photo,) = get("/v1/photos", {"prefix": "s3://photos/madonna/1"}).json["photos"]
    assert photo.pop("width") > 50
    assert photo.pop("height") > 50
    largest, other = (get(f"/v1/faces/{each}").json for each in photo["faces"])
    assert largest["photo_id"] == other["photo_id"] == photo["photo_id"]
    assert largest["box"]["width"] > other["box"]["width"]
    assert photo == {
        "photo_id": "s3://photos/madonna/1.jpg",
        "collection": "music",
        "external_id": None,
        "metadata": {"number": "1"},
        "faces": [face_id("s3://photos/madonna/1.jpg", number) for number in range(2)],
        "problem": None,
        "left_out": {"by_quality": 0, "by_max_faces": 0, "limits": {}},
    }


def test_photo_that_could_not_be_used_is_told_with_the_reason(
    pipeline: FacePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/problems.db"
    with open_store(url, pipeline.recipe) as store:
        store.write([IndexedPhoto(Photo("s3://photos/a.txt", 1, problem="not_an_image"), ())])
    monkeypatch.setenv("FACESEARCH_STORE", url)
    (photo,) = get("/v1/photos").json["photos"]
    assert (photo["problem"], photo["width"]) == ("not_an_image", 0)


def test_page_is_cut_where_an_answer_of_lambda_would_not_hold_it(
    pipeline: FacePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/large.db"
    many = [
        Photo(f"s3://photos/{number:04}.jpg", 1, metadata={"story": "😀é" * 500})
        for number in range(1100)
    ]
    with open_store(url, pipeline.recipe) as store:
        store.write([IndexedPhoto(photo, ()) for photo in many])
    monkeypatch.setenv("FACESEARCH_STORE", url)
    assert len(get("/v1/photos", {"limit": "1000"}).body) < 6_000_000
    first, *rest = pages(limit=1000)
    assert 300 < len(first) < 1000
    assert [*first, *(each for page in rest for each in page)] == [each.photo_id for each in many]


def test_nothing_indexed_is_an_empty_list_and_no_error() -> None:
    assert get("/v1/photos").json == {"photos": [], "next": None}
    assert get("/v1/collections").json == {"collections": []}


@pytest.mark.usefixtures("indexed")
def test_collections_are_told_with_what_they_hold() -> None:
    assert [
        (each["name"], each["photos"]) for each in get("/v1/collections").json["collections"]
    ] == [
        ("default", 12),
        ("music", 3),
    ]


@pytest.mark.parametrize(
    ("path", "query", "detail"),
    [
        ("/v1/photos", {"limit": "0"}, "limit is 0: use 1 to 1000"),
        ("/v1/photos", {"limit": "1001"}, "limit is 1001: use 1 to 1000"),
        ("/v1/photos", {"limit": "ten"}, "limit is 'ten': use a whole number"),
        ("/v1/photos", {"limit": "²"}, "limit is '²': use a whole number"),
        ("/v1/photos", {"limit": "9" * 5000}, f"limit is '{'9' * 39}…: use a whole number"),
        ("/v1/photos", {"k": "5"}, "'k' is not understood: use prefix, after, limit"),
        ("/v1/collections", {"name": "a"}, "'name' is not understood: this path takes no options"),
        ("/v1/version", {"v": "1"}, "'v' is not understood: this path takes no options"),
    ],
)
def test_option_that_is_not_understood_is_refused_and_named(
    path: str, query: dict[str, str], detail: str
) -> None:
    answer = get(path, query)
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")
    assert answer.json["detail"] == detail


@pytest.mark.usefixtures("indexed")
def test_version_tells_what_runs_and_that_it_fits_the_index(
    pipeline: FacePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_COMMIT", "0123abc")
    answer = get("/v1/version").json
    assert (answer["version"], answer["commit"]) == (__version__, "0123abc")
    recipe = pipeline.recipe
    assert answer["recipe"] == {
        "name": "facenet",
        "fingerprint": recipe.fingerprint,
        "detector": recipe.detector,
        "crop": recipe.crop,
        "embedder": recipe.embedder,
    }
    assert answer["store"] == {
        "recipe": {"name": "facenet", "fingerprint": recipe.fingerprint},
        "fits": True,
    }
    assert answer["search"]["bucket"] is True


def test_version_without_an_index_or_a_commit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACESEARCH_COMMIT", raising=False)
    answer = get("/v1/version").json
    assert answer["commit"] is None
    assert answer["store"] == {"recipe": None, "fits": None}


def test_version_tells_an_index_of_another_recipe_which_photos_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    other = Recipe("another detector", "another crop", "another embedder")
    with open_store(url, other) as store:
        store.write([IndexedPhoto(Photo("s3://photos/a.jpg", 1), ())])
    monkeypatch.setenv("FACESEARCH_STORE", url)
    answer = get("/v1/version")
    assert answer.status == 200
    assert answer.json["store"] == {
        "recipe": {"name": None, "fingerprint": other.fingerprint},
        "fits": False,
    }
    refused = get("/v1/photos")
    assert (refused.status, refused.json["code"]) == (409, "recipe_mismatch")


def test_document_is_served_as_committed_compressed_where_that_is_understood() -> None:
    answer = ApiAnswer(fetch("/openapi.json"))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == FILE.read_bytes()
    small = ApiAnswer(fetch("/openapi.json", Accept_Encoding="gzip, br"))
    assert small.headers["content-encoding"] == "gzip"
    assert len(small.body) < len(answer.body) / 5
    assert gzip.decompress(small.body) == answer.body


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/docs", "/docs/swagger-ui.min.css", "/page/app.css"]
)
def test_file_that_the_caller_has_is_not_sent_again(path: str) -> None:
    etag = ApiAnswer(fetch(path)).headers["etag"]
    again = fetch(path, If_None_Match=etag, Accept_Encoding="gzip")
    assert (again["statusCode"], again["body"]) == (304, "")
    assert fetch(path, If_None_Match='W/"another"')["statusCode"] == 200


def test_documentation_may_run_its_own_files_only() -> None:
    page = ApiAnswer(fetch("/docs"))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    text = page.body.decode()
    assert "://" not in text
    assert " on" not in text.replace(" only", "")
    for name in ("start.js", "swagger-ui-bundle.min.js", "swagger-ui.min.css"):
        assert f'"docs/{name}"' in text
        file = ApiAnswer(fetch(f"/docs/{name}"))
        kind = "text/css" if name.endswith("css") else "text/javascript"
        assert file.headers["content-type"] == f"{kind}; charset=utf-8"
        assert file.body


@pytest.mark.parametrize("name", ["html.py", "..", "index.html", "%2e%2e%2fhandler.py"])
def test_documentation_serves_nothing_else(name: str) -> None:
    answer = ApiAnswer(fetch(f"/docs/{name}"))
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "not_found")


def test_documentation_with_a_slash_is_sent_to_where_its_links_are_right() -> None:
    answer = fetch("/docs/", stage="/prod")
    assert answer["statusCode"] == 308
    assert answer["multiValueHeaders"]["Location"] == ["../docs"]


@pytest.mark.usefixtures("indexed")
def test_listings_are_compressed_and_answers_that_may_have_pictures_are_not() -> None:
    listed = ApiAnswer(fetch("/v1/photos", Accept_Encoding="gzip"))
    assert listed.headers["content-encoding"] == "gzip"
    face = json.loads(gzip.decompress(listed.body))["photos"][0]["faces"][0]
    matches = ApiAnswer(fetch(f"/v1/faces/{face}/matches", Accept_Encoding="gzip"))
    assert (matches.status, "content-encoding" in matches.headers) == (200, False)
