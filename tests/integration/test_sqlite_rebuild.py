"""A store's file upgraded while it is read and written: nothing lost, nothing stale."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from facesearch.errors import SettingsError, StoreNotFound
from facesearch.faces import Photo, Removal, face_id
from facesearch.hidden import Region
from facesearch.stores import Counts, FaceStore, open_rebuild, open_store
from facesearch.stores.rebuilding import Rebuilt, Reembed
from facesearch.stores.sqlite import rebuild
from tests.contract.samples import OTHER_RECIPE, RECIPE, indexed, photo_ids, unit_vectors, vector
from tests.integration.earlier_versions.installing import HERE as EARLIER_VERSIONS
from tests.integration.rebuild_worker import embed_anew


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/faces.db"


def upgrade(url: str, reembed: Reembed = embed_anew) -> object:
    with open_rebuild(url, RECIPE) as rebuilding:
        return rebuilding.run(reembed, lambda _, __: None)


def test_upgrade_takes_writes_made_meanwhile(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "EMBEDDED_AT_ONCE", 3)
    calls = 0
    with open_store(url, OTHER_RECIPE) as old, open_store(url, None) as reader:
        photos = [indexed(f"p{n}", 1, unit_vectors(n % 3, seed=n + 1)) for n in range(9)]
        old.write([*photos, Removal("gone", 5)])

        def reembed(photos: Sequence[Photo], store: FaceStore) -> None:
            nonlocal calls
            calls += 1
            embed_anew(photos, store)
            if calls == 3:
                old.write([indexed("p1", 2, [vector(1)]), Removal("p2", 2), indexed("p99", 7)])
                assert reader.counts() == Counts(9, 7)

        upgrade(url, reembed)
        assert {each.photo.photo_id: each.photo.sequence for each in reader.photos()} == {
            **{f"p{n}": 1 for n in (0, 3, 4, 5, 6, 7, 8)},
            "p1": 2,
            "p99": 7,
        }
        assert reader.stored_recipe() == RECIPE
    assert calls == 5  # three, the new photo behind them, and one pass for what changed
    with open_store(url, RECIPE) as new:
        assert new.write([indexed("gone", 4), indexed("p2", 1)]) == [False, False]
        assert new.write([indexed("p5", 3, [vector(5)])]) == [True]
        assert photo_ids(new.search(vector(5), 1)) == ["p5"]
    assert [path.name for path in tmp_path.iterdir()] == ["faces.db"]


def test_upgrade_to_the_same_recipe_looks_at_nothing(url: str) -> None:
    with open_store(url, RECIPE) as store:
        store.write([indexed("a", 1, [vector(1)])])

    def never(photos: Sequence[Photo], store: FaceStore) -> None:
        raise AssertionError

    assert upgrade(url, never) is None


def test_upgrade_converts_a_store_of_the_same_recipe_and_an_earlier_format(url: str) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    path.write_bytes(gzip.decompress((EARLIER_VERSIONS / "6e5db2d" / "faces.db.gz").read_bytes()))

    def never(photos: Sequence[Photo], store: FaceStore) -> None:
        raise AssertionError((photos, store))

    assert upgrade(url, never) == Rebuilt("format 3", str(path), 59)
    assert upgrade(url, never) is None
    with open_store(url, RECIPE) as store:
        assert store.status().counts == Counts(59, 58)


def test_upgrade_of_a_store_without_photos(url: str) -> None:
    with open_store(url, OTHER_RECIPE) as store:
        store.write([Removal("a", 1)])
    upgrade(url)
    with open_store(url, RECIPE) as store:
        assert store.counts() == Counts(0, 0)


def test_upgrade_of_no_store_makes_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound):
        upgrade(url)
    assert not list(tmp_path.iterdir())
    with pytest.raises(SettingsError):
        upgrade("sqlite:///:memory:")


def test_hidden_faces_stay_hidden_with_another_recipe(url: str) -> None:
    with open_store(url, OTHER_RECIPE) as old:
        old.write([indexed("a", 1, unit_vectors(2, seed=1)), indexed("b", 1, [vector(9)])])
        faces = {each.face_id: each for each in old.faces()}
        chosen = faces[face_id("a", 0)]
        old.hide("a", Region.of(chosen.face.detected.box, chosen.photo))

        def reembed(photos: Sequence[Photo], store: FaceStore) -> None:
            embed_anew(photos, store)
            # While it is built: the decision is about the store in use.
            other = faces[face_id("b", 0)]
            old.hide("b", Region.of(other.face.detected.box, other.photo))

        upgrade(url, reembed)
    with open_store(url, RECIPE) as new:
        assert set(new.hidden_regions(["a", "b"])) == {"a", "b"}
        assert new.status().recipe == RECIPE
