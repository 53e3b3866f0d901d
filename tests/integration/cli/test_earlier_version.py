"""Stores of earlier versions: they open, are indexed on, and are upgraded, nothing lost."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from facesearch import reindexing
from facesearch.errors import ReadError
from facesearch.faces import IndexedPhoto, LeftOut, Photo, Recipe, Removal
from facesearch.indexing import Outcome, PhotoToIndex, index_photos
from facesearch.stores import Counts, open_store
from facesearch.stores.sqlite import rebuild
from facesearch.stores.sqlite.integrity import count_all
from facesearch.vision.pipeline import FacePipeline
from tests.integration.cli.running import Cli
from tests.integration.earlier_versions.installing import (
    FACES,
    METADATA,
    PHOTOS,
    VERSIONS,
    install_file,
    install_index,
    lay_out_photos,
)
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)

OTHER = Recipe("detector of an earlier version", "crop", "embedder")

Install = Callable[[Recipe], str]


@pytest.fixture
def folder(sample: Path, tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    lay_out_photos(sample, photos)
    return photos


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """The commit whose stores are there."""
    made_by: str = request.param
    return made_by


@pytest.fixture(params=["file", "opensearch"])
def install(
    request: pytest.FixtureRequest,
    version: str,
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Install:
    """Put the store there as if its embeddings were of a recipe, and make it the default."""

    def installed(recipe: Recipe) -> str:
        if request.param == "file":
            url = install_file(version, tmp_path / "faces.db", folder, recipe)
        else:
            server = request.getfixturevalue("opensearch_server")
            url = install_index(version, server, request.getfixturevalue("index"), folder, recipe)
        monkeypatch.setenv("FACESEARCH_STORE", url)
        return url

    return installed


def photos_of(url: str) -> dict[str, Photo]:
    with open_store(url, None) as store:
        return {listed.photo.photo_id.rpartition("/")[2]: listed.photo for listed in store.photos()}


def assert_all_is_kept(url: str) -> None:
    photos = photos_of(url)
    assert len(photos) == PHOTOS
    for name, photo in photos.items():
        madonna = name.startswith("madonna")
        assert (photo.collection, photo.metadata) == (
            ("party", METADATA) if madonna else ("default", {})
        )
        assert photo.problem == ("not_an_image" if name == "damaged.jpg" else "")


def test_earlier_store_is_read_whatever_its_recipe(
    install: Install, cli: Cli, tmp_path: Path
) -> None:
    url = install(OTHER)
    assert_all_is_kept(url)
    with open_store(url, None) as store:
        assert store.counts() == Counts(PHOTOS, FACES)
        face = next(store.faces())
        found = store.face(face.face_id)
        assert found is not None
        assert found.photo == face.photo
    status = cli("status", "--json").json
    assert (status["photos"], status["failed"], status["faces"]) == (PHOTOS - 1, 1, FACES)
    assert cli("export", "--json", tmp_path / "faces.parquet").json["faces"] == FACES


def test_earlier_store_of_this_recipe_is_searched_and_indexed_on(
    install: Install, cli: Cli, folder: Path, pipeline: FacePipeline
) -> None:
    url = install(pipeline.recipe)
    (folder / "elton_john" / "elton_john_03.jpg").rename(folder / "sir.jpg")
    (folder / "elton_john" / "elton_john_04.jpg").unlink()
    ran = cli("index", "--json", folder)
    assert ran.code == 3
    assert [failed["code"] for failed in ran.json["failed"]] == ["not_an_image"]
    counts = {name: ran.json[name] for name in ("photos", "unchanged", "moved", "removed")}
    assert counts == {"photos": 0, "unchanged": PHOTOS - 3, "moved": 1, "removed": 1}
    query = folder / "madonna" / "madonna_01.jpg"
    found = cli("search", "--json", "--collection", "party", query).json
    names = {Path(match["photo_id"]).name for match in found["results"][0]["matches"]}
    assert names == {name for name in photos_of(url) if name.startswith("madonna")}


def test_earlier_store_is_searched_by_detection_score_once_upgraded(
    install: Install, version: str, cli: Cli, folder: Path, pipeline: FacePipeline
) -> None:
    url = install(pipeline.recipe)
    query = folder / "madonna" / "madonna_01.jpg"
    search = ("search", "--json", "--min-detection-score", "0.5", query)
    if url.startswith("opensearch") and version == "3036e58":
        refused = cli(*search)
        assert refused.code == 2
        assert "have the index made anew (facesearch upgrade)" in refused.err
        assert cli("upgrade", "--json").json["photos"] == PHOTOS
        assert_all_is_kept(url)
    found = cli(*search).json
    assert found["results"][0]["matches"]
    assert min(each["detection_score"] for each in found["results"][0]["matches"]) >= 0.5


def test_earlier_store_records_faces_left_out_from_the_first_write_or_its_upgrade_on(
    install: Install, version: str, cli: Cli, folder: Path, pipeline: FacePipeline
) -> None:
    url = install(pipeline.recipe)
    of_two = folder / "elton_john" / "elton_john_02.jpg"
    index = ("index", "--json", "--force", "--max-faces", "1", of_two)
    assert cli("status", "--json").json["left_out"] == {"by_quality": 0, "by_max_faces": 0}
    if url.startswith("opensearch"):
        assert "facesearch upgrade" in cli("status").err
        assert cli(*index).json["left_out"] == 1
        assert photos_of(url)[of_two.name].left_out == LeftOut()
        # Only the older index has to be copied.
        assert cli("upgrade", "--json").json["rebuilt"] == (version == "3036e58")
        assert "facesearch upgrade" not in cli("status").err
    assert cli(*index).json["left_out"] == 1
    stored = photos_of(url)[of_two.name]
    assert (stored.left_out, stored.limits) == (LeftOut(by_max_faces=1), {"max_faces": 1})
    status = cli("status", "--json").json
    assert (status["left_out"], status["faces"]) == ({"by_quality": 0, "by_max_faces": 1}, 20)
    assert_all_is_kept(url)


def test_store_that_wrote_before_its_upgrade_records_faces_left_out_after_it(
    opensearch_server: OpenSearchServer, index: str, folder: Path, cli: Cli, pipeline: FacePipeline
) -> None:
    url = install_index("d3807d0", opensearch_server, index, folder, pipeline.recipe)
    one = Photo("s3://photos/one.jpg", 1, left_out=LeftOut(by_quality=2))
    with open_store(url, pipeline.recipe) as store:
        for sequence, recorded in ((1, LeftOut()), (2, one.left_out)):
            assert store.write([IndexedPhoto(replace(one, sequence=sequence))]) == [True]
            stored = store.photo(one.photo_id)
            assert stored is not None
            assert stored.photo.left_out == recorded
            assert cli("upgrade", "--store", url).code == 0


def test_earlier_store_of_another_recipe_says_how_to_go_on(
    install: Install, cli: Cli, folder: Path
) -> None:
    install(OTHER)
    for command in ("index", "search"):
        ran = cli(command, folder / "madonna" / "madonna_01.jpg")
        assert ran.code == 1
        assert "facesearch upgrade" in ran.err


def test_upgrade_keeps_all_that_was_said(install: Install, cli: Cli, folder: Path) -> None:
    url = install(OTHER)
    ran = cli("upgrade", "--json")
    assert ran.code == 0
    assert (ran.json["photos"], ran.json["missing"]) == (PHOTOS, 0)
    assert_all_is_kept(url)
    query = folder / "madonna" / "madonna_01.jpg"
    nearest = cli("search", "--json", query).json["results"][0]["matches"][0]
    assert (Path(nearest["photo_id"]).name, nearest["distance"] < 1e-3) == (query.name, True)
    again = cli("index", "--json", folder).json
    assert (again["photos"], again["unchanged"]) == (0, PHOTOS - 1)
    assert "nothing to upgrade" in cli("upgrade").out


def test_upgrade_keeps_what_was_said_of_missing_photos(
    install: Install, cli: Cli, folder: Path, tmp_path: Path
) -> None:
    url = install(OTHER)
    photo = folder / "madonna" / "madonna_01.jpg"
    photo.rename(tmp_path / "kept.jpg")
    ran = cli("upgrade")
    assert ran.code == 3
    assert "1 file is missing: photos are" in ran.err
    stored = photos_of(url)[photo.name]
    assert (stored.problem, stored.collection, stored.metadata) == ("not_found", "party", METADATA)
    (tmp_path / "kept.jpg").rename(photo)
    assert cli("index", "--json", folder).json["photos"] == 1
    assert_all_is_kept(url)


def test_upgrade_of_a_store_whose_disk_is_not_mounted_does_nothing(
    install: Install, cli: Cli, folder: Path, tmp_path: Path
) -> None:
    url = install(OTHER)
    folder.rename(tmp_path / "unplugged")
    ran = cli("upgrade")
    assert ran.code == 3
    assert "21 of 21 photos are missing" in ran.err
    with open_store(url, OTHER) as store:
        assert store.counts() == Counts(PHOTOS, FACES)


def test_upgrade_that_was_cut_short_goes_on_where_it_was(
    version: str, cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = install_file(version, tmp_path / "faces.db", folder, OTHER)
    monkeypatch.setattr(rebuild, "EMBEDDED_AT_ONCE", 5)
    looked_at: list[PhotoToIndex | Removal] = []

    def counted(changes: Sequence[PhotoToIndex | Removal], *rest: Any) -> list[Outcome]:
        if len(looked_at) == 10:
            raise ReadError("the power is cut")
        looked_at.extend(changes)
        return index_photos(changes, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(reindexing, "index_photos", counted)
        assert cli("upgrade").code == 1
    with open_store(url, OTHER) as store:
        assert store.counts() == Counts(PHOTOS, FACES)
    looked_at = [Removal("", 0)]
    monkeypatch.setattr(reindexing, "index_photos", counted)
    assert cli("upgrade").code == 0
    assert len(looked_at) == 1 + PHOTOS - 10
    assert_all_is_kept(url)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.db", "photos"]


def test_upgrade_keeps_by_which_folder_s_links_photos_are_known(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    linked = tmp_path / "Pictures"
    linked.mkdir()
    shutil.copy(people / "elton.jpg", linked / "own.jpg")
    (linked / "link").symlink_to(people)
    cli("index", linked)
    with apsw.Connection(str(tmp_path / "faces.db")) as connection:
        connection.execute("UPDATE recipe SET detector = 'of an earlier version'")
        count_all(connection, 128)
    connection.close()
    assert cli("upgrade").code == 0
    (linked / "link").unlink()
    assert cli("index", "--json", linked).json["removed"] == 3
