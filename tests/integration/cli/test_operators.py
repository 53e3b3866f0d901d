"""`facesearch status` and `facesearch reindex`, on real photos and both stores."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from facesearch.faces import Recipe
from facesearch.stores import open_store
from tests.contract.samples import indexed, vector
from tests.integration.cli.running import Cli
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)
from tests.integration.test_index_faces import faceless


@pytest.fixture
def photos(sample: Path, tmp_path: Path) -> Path:
    """Six photos, in a folder that a test may change."""
    folder = tmp_path / "photos"
    shutil.copytree(sample / "val" / "elton_john", folder)
    for extra in sorted(folder.iterdir())[6:]:
        extra.unlink()
    return folder


@pytest.fixture
def url(opensearch_server: OpenSearchServer, index: str) -> str:
    return f"opensearch://user:s3cret@{opensearch_server.host}/{index}?refresh=true"


def test_status_of_a_file_tells_its_figures(cli: Cli, photos: Path, tmp_path: Path) -> None:
    before = cli("status")
    assert before.code == 1
    assert "there is no store" in before.err
    cli("index", photos)
    status = cli("status", "--json").json
    count = len(list(photos.iterdir()))
    assert (status["photos"], status["health"]) == (count, "green")
    assert status["faces"] >= count
    assert status["place"] == str(tmp_path / "faces.db")
    assert status["size_bytes"] >= (tmp_path / "faces.db").stat().st_size
    assert f"photos   {count}" in cli("status").out


def test_reindex_of_a_file_of_the_same_recipe_does_nothing(cli: Cli, photos: Path) -> None:
    cli("index", photos)
    ran = cli("reindex")
    assert ran.code == 0
    assert "nothing to rebuild" in ran.out


@pytest.mark.slow
def test_reindex_with_other_models_looks_at_every_photo_again(
    cli: Cli, photos: Path, url: str, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(list(photos.iterdir()))
    assert cli("index", "--store", url, photos).code == 0
    before = cli("status", "--store", url, "--json").json
    deleted, query = sorted(photos.iterdir())[:2]
    deleted.unlink()
    monkeypatch.setenv("FACESEARCH_EMBEDDER", "facenet-fp32")
    mismatch = cli("search", "--store", url, query)
    assert mismatch.code == 1
    assert "facesearch upgrade" in mismatch.err
    done = cli("reindex", "--store", url, "--json", "--drop-old")
    assert done.code == 0
    assert done.json == {
        "rebuilt": True,
        "old": f"{index}-000001",
        "new": f"{index}-000002",
        "photos": count,
        "dropped": [f"{index}-000001"],
    }
    after = cli("status", "--store", url, "--json").json
    assert after["recipe"]["fingerprint"] != before["recipe"]["fingerprint"]
    # A file that is missing keeps what was said of it, but no faces.
    assert (after["photos"], after["failed"]) == (count - 1, 1)
    with open_store(url, None) as store:
        lost = store.photo(deleted.as_uri())
    assert lost is not None
    assert (lost.faces, lost.photo.problem) == ((), "not_found")
    [nearest, *_] = cli("search", "--store", url, "--json", query).json["results"][0]["matches"]
    assert nearest["photo_id"] == query.resolve().as_uri()
    assert nearest["distance"] == pytest.approx(0, abs=1e-4)
    assert "nothing to rebuild" in cli("reindex", "--store", url).out


def test_commands_never_show_the_password(cli: Cli, photos: Path, url: str) -> None:
    commands: list[Callable[[], object]] = [
        lambda: cli("status", "--store", url),
        lambda: cli("index", "--store", url, photos),
        lambda: cli("status", "--store", url),
        lambda: cli("status", "--store", url, "--json"),
        lambda: cli("reindex", "--store", f"{url}&m=20"),
        lambda: cli("reindex", "--store", f"{url}&m=none"),
    ]
    for command in commands:
        assert "s3cret" not in str(command())


def test_status_and_index_count_alike(cli: Cli, photos: Path) -> None:
    (photos / "damaged.jpg").write_bytes(b"no photo")
    (photos / "faceless.png").write_bytes(faceless())
    first = cli("index", "--json", photos).json
    again = cli("index", "--json", photos).json
    status = cli("status", "--json").json
    assert status["photos"] == first["photos"] == again["photos"] + again["unchanged"]
    assert status["faces"] == first["faces"]
    assert status["without_face"] == first["without_face"] == 1
    assert status["failed"] == len(first["failed"]) == len(again["failed"]) == 1
    assert f"photos   {first['photos']} (1 without a face, 1 failed besides)\n" in cli("status").out


def test_whole_images_of_an_unknown_recipe_are_kept(cli: Cli, tmp_path: Path) -> None:
    """Its network is on another machine: FaceNet would leave nothing of it."""
    url = f"sqlite:///{tmp_path}/products.db"
    products = Recipe("none, the whole image/1", "whole image", "onnx 0123 only output/1")
    with open_store(url, products) as store:
        store.write([indexed("a.jpg", 1, [vector(1)])])
    for command in ("upgrade", "reindex"):
        ran = cli(command, "--store", url)
        assert ran.code != 0
        assert "is not to be found here: name the one to make it anew with" in ran.err
    with open_store(url, None) as store:
        assert store.stored_recipe() == products
        assert store.counts().faces == 1
