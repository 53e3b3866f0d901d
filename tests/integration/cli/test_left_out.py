"""Faces that limits leave out: counted in the photo's record, whatever becomes of the store."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import apsw
import pytest

from facesearch.faces import LeftOut, Recipe
from facesearch.indexing import PhotoToIndex, index_photos
from facesearch.photos.folder import read_photo
from facesearch.recipes.finding import built_in
from facesearch.stores import open_store
from facesearch.vision.limits import IndexLimits
from facesearch.vision.pipeline import FacePipeline
from tests.integration.api import get
from tests.integration.cli.running import Cli
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)

SMALL = "--min-face-size", "38"
BY_QUALITY = LeftOut(by_quality=1)
"""Of Elton John's second photo: a smaller face beside him."""
LIMITS = {"min_face_size": 38.0}
EARLIER = Recipe("detector of an earlier version", "crop", "embedder")


@pytest.fixture
def folder(sample: Path, tmp_path: Path) -> Path:
    """Two photos; one of them has a small face beside the large one."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("elton_john_01.jpg", "elton_john_02.jpg"):
        shutil.copy(sample / "val" / "elton_john" / name, photos / name)
    return photos


@pytest.fixture(params=["file", "opensearch"])
def url(
    request: pytest.FixtureRequest,
    functions: None,
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The default store of `cli` and of the API."""
    del functions, cli
    store = f"sqlite:///{tmp_path}/faces.db"
    if request.param == "opensearch":
        server: OpenSearchServer = request.getfixturevalue("opensearch_server")
        store = f"opensearch://{server.host}/{request.getfixturevalue('index')}?refresh=true"
    monkeypatch.setenv("FACESEARCH_STORE", store)
    return store


def records(url: str) -> dict[str, tuple[LeftOut, Mapping[str, float]]]:
    """What is recorded of each photo, by file name."""
    with open_store(url, None) as store:
        return {
            Path(listed.photo.photo_id).name: (listed.photo.left_out, listed.photo.limits)
            for listed in store.photos()
        }


def test_status_and_the_list_of_photos_tell_how_many_faces_were_left_out_and_why(
    url: str, cli: Cli, folder: Path
) -> None:
    del url
    assert cli("index", "--json", *SMALL, folder).json["left_out"] == 1
    assert cli("index", "--force", "--max-faces", "1", folder / "elton_john_02.jpg").code == 0
    assert cli("status", "--json").json["left_out"] == {"by_quality": 0, "by_max_faces": 1}
    assert "faces    2 (1 left out by max_faces)" in cli("status").out
    assert cli("index", "--force", *SMALL, folder).code == 0
    assert cli("status", "--json").json["left_out"] == {"by_quality": 1, "by_max_faces": 0}
    assert "faces    2 (1 left out by quality)" in cli("status").out
    of_one, of_two = get("/v1/photos").json["photos"]
    assert of_one["left_out"] == {"by_quality": 0, "by_max_faces": 0, "limits": LIMITS}
    assert of_two["left_out"] == {"by_quality": 1, "by_max_faces": 0, "limits": LIMITS}


def test_nothing_is_said_of_faces_left_out_where_none_are(url: str, cli: Cli, folder: Path) -> None:
    cli("index", folder)
    assert "faces    3\n" in cli("status").out
    assert set(map(str, records(url).values())) == {str((LeftOut(), {}))}


def test_moved_photo_keeps_what_is_known_of_the_faces_left_out(
    url: str, cli: Cli, folder: Path
) -> None:
    cli("index", *SMALL, folder)
    (folder / "elton_john_02.jpg").rename(folder / "sir.jpg")
    assert cli("index", "--json", "--collection", "music", folder).json["moved"] == 1
    assert records(url)["sir.jpg"] == (BY_QUALITY, LIMITS)


def test_upgrade_leaves_out_again_what_a_photo_s_own_limits_left_out(
    url: str, cli: Cli, folder: Path, models: Path
) -> None:
    strict = FacePipeline(
        models, built_in("facenet"), threads=1, limits=IndexLimits.from_record(LIMITS)
    )
    photos = [PhotoToIndex(path.as_uri(), 1) for path in sorted(folder.iterdir())]
    with open_store(url, EARLIER) as store:
        index_photos(photos, read_photo, strict, store)
    assert cli("upgrade", "--json").json["rebuilt"]
    assert records(url)["elton_john_02.jpg"] == (BY_QUALITY, LIMITS)
    status = cli("status", "--json").json
    assert (status["faces"], status["left_out"]["by_quality"]) == (2, 1)


def test_photos_without_limits_of_their_own_are_upgraded_with_those_of_the_settings(
    url: str, cli: Cli, folder: Path, pipeline: FacePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [PhotoToIndex(path.as_uri(), 1) for path in sorted(folder.iterdir())]
    with open_store(url, EARLIER) as store:
        index_photos(photos, read_photo, pipeline, store)
    monkeypatch.setenv("FACESEARCH_MIN_FACE_SIZE", "38")
    assert cli("upgrade").code == 0
    assert records(url)["elton_john_02.jpg"] == (BY_QUALITY, LIMITS)


def test_reindex_in_another_shape_keeps_the_faces_left_out(
    opensearch_server: OpenSearchServer, index: str, cli: Cli, folder: Path
) -> None:
    url = f"opensearch://{opensearch_server.host}/{index}?refresh=true"
    cli("index", *SMALL, "--store", url, folder)
    shaped = f"{url}&m=8"
    assert cli("reindex", "--store", shaped, "--json").json["rebuilt"]
    assert records(url)["elton_john_02.jpg"] == (BY_QUALITY, LIMITS)


def test_backup_and_restore_keep_the_faces_left_out(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli("index", *SMALL, folder)
    assert cli("backup", tmp_path / "copy").code == 0
    (tmp_path / "faces.db").unlink()
    assert cli("restore", "--yes", tmp_path / "copy").code == 0
    assert records(f"sqlite:///{tmp_path}/faces.db")["elton_john_02.jpg"] == (BY_QUALITY, LIMITS)


def make_format_1(file: Path) -> None:
    """Take from a store what later formats added."""
    with apsw.Connection(str(file)) as connection:
        connection.execute("ALTER TABLE photos DROP COLUMN left_out")
        connection.execute(
            "DROP TABLE totals; DROP TABLE collections; DROP TABLE stamps; DROP TABLE hidden"
        )
        connection.pragma("user_version", 1)
    connection.close()


def test_backup_of_an_earlier_format_is_restored_and_written_on(
    cli: Cli, folder: Path, tmp_path: Path
) -> None:
    cli("index", folder)
    file = tmp_path / "faces.db"
    make_format_1(file)
    assert cli("backup", tmp_path / "copy").code == 0
    assert cli("restore", "--yes", tmp_path / "copy").code == 0
    assert "faces    3\n" in cli("status").out
    cli("index", "--force", *SMALL, folder)
    assert records(f"sqlite:///{file}")["elton_john_02.jpg"] == (BY_QUALITY, LIMITS)


def test_earlier_file_is_read_without_a_change(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli("index", folder)
    file = tmp_path / "faces.db"
    make_format_1(file)
    before = file.read_bytes()
    assert cli("search", "--json", folder / "elton_john_01.jpg").code == 0
    assert records(f"sqlite:///{file}")["elton_john_02.jpg"] == (LeftOut(), {})
    assert file.read_bytes() == before


def test_limits_are_recorded_by_name_unless_they_are_the_defaults() -> None:
    assert IndexLimits().record() == {}
    limits = IndexLimits(min_face_size=40.0, max_faces=7)
    assert limits.record() == {"min_face_size": 40.0, "max_faces": 7}
    assert IndexLimits.from_record(limits.record()) == limits
    of_a_later_version = {**limits.record(), "min_smile": 1.0}
    assert IndexLimits.from_record(of_a_later_version) == limits
