"""A client that openapi-python-client makes of the document works against a running server."""

import importlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from facesearch_local.openapi.document import FILE

pytestmark = pytest.mark.slow

CLIENT = "generated_facesearch_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the client as a package, which can be imported from there."""
    folder = tmp_path_factory.mktemp("client")
    command = [sys.executable, "-m", "openapi_python_client", "generate", f"--path={FILE}"]
    ran = subprocess.run(
        [*command, f"--output-path={folder / CLIENT}", "--meta=none"],
        # It tidies up with ruff, which is beside Python.
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    # It knows neither pictures nor "any picture": the photo goes as bytes.
    warnings = {line for line in ran.stdout.splitlines() if line.startswith("WARNING")}
    assert warnings == {
        "WARNING parsing POST /v1/search within searching.",
        "WARNING parsing POST /v1/detect within faces.",
        "WARNING parsing GET /v1/faces/{face_id}/thumbnail within faces.",
        "WARNING parsing GET /v1/faces/{face_id}/preview within faces.",
    }, ran.stdout
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def part(name: str) -> ModuleType:
    """A module of the client."""
    return importlib.import_module(f"{CLIENT}.{name}")


@pytest.fixture
def client(generated: Path, served: str) -> Iterator[Any]:
    with part("client").Client(served, raise_on_unexpected_status=True, timeout=60) as client:
        yield client


@pytest.fixture
def photo(sample: Path) -> bytes:
    return (sample / "val/elton_john/elton_john_01.jpg").read_bytes()


def test_photo_is_searched_with_in_each_way(client: Any, photo: bytes) -> None:
    search, types = part("api.searching.search"), part("types")
    models = part("models")
    found = search.sync(client=client, body=types.File(io.BytesIO(photo)), k=3)
    matches = found.results[0].matches
    assert ["elton_john" in match.photo_id for match in matches] == [True] * 3
    assert (matches[0].verdict, matches[0].confidence > 0.9) == ("very_likely", True)
    files = models.SearchFilesBody(photo=[types.File(io.BytesIO(photo), "a.jpg")], k=3)
    in_form = search.sync(client=client, body=files)
    assert in_form == found, getattr(in_form, "detail", "")
    body = models.SearchRequest(face_id=matches[0].face_id, k=2, min_detection_score=0.5)
    near = search.sync(client=client, body=body).results[0]
    assert [match.face_id for match in near.matches] == [match.face_id for match in matches[1:]]
    assert near.next_ == 2


def test_options_of_the_address_reach_the_api(client: Any, photo: bytes) -> None:
    search, types = part("api.searching.search"), part("types")
    file = types.File(io.BytesIO(photo))
    found = search.sync(client=client, body=file, collection="music", include="", face=0)
    (result,) = found.results
    assert {match.collection for match in result.matches} == {"music"}
    assert isinstance(result.matches[0].box, types.Unset)


def test_everything_else_is_answered_with_its_type(client: Any, photo: bytes) -> None:
    models, types = part("models"), part("types")
    listed = part("api.photos.photos").sync(client=client, limit=4)
    assert len(listed.photos) == 4
    more = part("api.photos.photos").sync(client=client, limit=4, after=listed.next_)
    assert more.photos[0].photo_id > listed.photos[-1].photo_id
    face_id = listed.photos[0].faces[0]
    stored = part("api.faces.face").sync(face_id, client=client)
    assert (stored.face_id, stored.index) == (face_id, 0)
    near = part("api.searching.matches").sync(face_id, client=client, k=1, expand=True)
    assert len(near.results[0].matches) == 1
    detected = part("api.faces.detect").sync(client=client, body=types.File(io.BytesIO(photo)))
    assert detected.faces[0].quality.size > 50
    side = models.CompareSide(face_id=face_id)
    compared = part("api.faces.compare").sync(
        client=client, body=models.CompareRequest(one=side, other=side)
    )
    assert (compared.distance, compared.same_person) == (0, True)
    health, version = (
        part(f"api.service.{name}").sync(client=client) for name in ("health", "version")
    )
    assert health.recipe == version.store.recipe == compared.recipe
    assert part("api.photos.collections").sync(client=client).collections[0].name == "default"


def test_refusal_is_a_problem(client: Any) -> None:
    body = part("models").SearchRequest(face_id="0" * 32 + "-0", k=101)
    problem = part("api.searching.search").sync(client=client, body=body)
    assert (problem.status, problem.code) == (400, "invalid_request")
    assert problem.detail == "k is 101: use 1 to 100"
