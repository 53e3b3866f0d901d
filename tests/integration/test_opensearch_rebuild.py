"""A store rebuilt while it is read and written: nothing lost, nothing stale, resumable."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from facesearch.errors import RecipeMismatch, SettingsError, StoreNotFound, StoreUnavailable
from facesearch.faces import IndexedPhoto, Photo, Recipe, Removal
from facesearch.hidden import Region
from facesearch.stores import Counts, FaceStore, StoreStatus, open_store
from facesearch.stores.opensearch.rebuild import OpenSearchRebuild
from facesearch.stores.rebuilding import Rebuilt
from tests.contract.samples import (
    OTHER_RECIPE,
    RECIPE,
    indexed,
    photo_ids,
    same_face,
    unit_vectors,
    vector,
)
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)
from tests.integration.rebuild_worker import die_after, embed_anew

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def url(opensearch_server: OpenSearchServer, index: str) -> str:
    return f"opensearch://{opensearch_server.host}/{index}?refresh=true&retry=20"


def _photos(count: int) -> list[IndexedPhoto]:
    """Each its own width, by which it is told apart without its name."""
    photos = [
        indexed(f"p{n}", n + 1, unit_vectors(n % 3, seed=n + 1), metadata={"n": str(n)})
        for n in range(count)
    ]
    return [replace(each, photo=replace(each.photo, width=n)) for n, each in enumerate(photos)]


def _rebuild(
    url: str,
    recipe: Recipe = RECIPE,
    reembed: Callable[[Sequence[Photo], FaceStore], None] = embed_anew,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> Rebuilt | None:
    with OpenSearchRebuild.from_url(url, recipe) as rebuild:
        return rebuild.run(reembed, progress)


def status_of(url: str) -> StoreStatus:
    with open_store(url, None) as store:
        return store.status()


def _never(photos: Sequence[Photo], store: FaceStore) -> None:
    raise AssertionError("photos are only looked at again for another recipe")


def test_rebuild_in_another_shape_keeps_everything(url: str, index: str) -> None:
    photos = _photos(50)
    with open_store(url, RECIPE) as store:
        store.write([*photos, Removal("gone", 7)])
        rebuilt = _rebuild(f"{url}&m=32&shards=2&compression=4x", reembed=_never)
        assert rebuilt == Rebuilt(f"{index}-000001", f"{index}-000002", 50)
        for photo in photos:
            found = store.photo(photo.photo.photo_id)
            assert found is not None
            assert found.photo == photo.photo
            assert all(map(same_face, found.faces, photo.faces))
        assert store.counts() == Counts(50, sum(n % 3 for n in range(50)))
        assert photo_ids(store.search(photos[1].faces[0].embedding, 1)) == ["p1"]
        assert store.write([indexed("gone", 6), indexed("p5", 5)]) == [False, False]
        assert store.write([indexed("gone", 8), indexed("p5", 6)]) == [True, True]


MANY = 600
"""Photos enough for others to write while they are copied, however busy the machine is."""


def test_rebuild_carries_every_write_that_comes_meanwhile(url: str) -> None:
    with open_store(url, RECIPE) as store:
        store.write(_photos(MANY))
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        with open_store(url, RECIPE) as writer:
            number = 0
            while not stop.is_set():
                changes: list[IndexedPhoto | Removal] = [
                    indexed(f"new{number}", 1, [vector(number)]),
                    indexed("same", 5, [vector(number)]),  # of equals, the later wins
                    Removal(f"p{number}", 1000),
                ]
                assert writer.write(changes) == [True] * 3
                written.append(number)
                number += 1

    thread = threading.Thread(target=write)
    thread.start()
    for m in (20, 24, 28):
        before = len(written)

        def wait_for_write(_: int, __: int, before: int = before) -> None:
            while len(written) == before and thread.is_alive():
                time.sleep(0.01)

        assert _rebuild(f"{url}&m={m}", progress=wait_for_write) is not None
        assert len(written) > before
    stop.set()
    thread.join()
    last = written[-1]
    with open_store(url, RECIPE) as store:
        for number in written:
            assert store.photo(f"new{number}") is not None
            assert store.photo(f"p{number}") is None
        same = store.photo("same")
        assert same is not None
        assert same.faces[0].embedding.tobytes() == vector(last).tobytes()
        assert store.counts().photos == max(MANY - len(written), 0) + len(written) + 1


@pytest.mark.parametrize("recipe", [RECIPE, OTHER_RECIPE], ids=["shape", "recipe"])
def test_rebuild_keeps_faces_hidden_that_are_hidden_before_and_meanwhile(
    url: str, recipe: Recipe
) -> None:
    place = Region(0.1, 0.1, 0.2, 0.2)
    with open_store(url, RECIPE) as old:
        old.write(_photos(300))
        old.hide("p1", place)
        old.hide("p2", place)
        old.hide("p2", place, hidden=False)

        decided: list[Future[None]] = []
        with ThreadPoolExecutor() as others:

            def hide_meanwhile(_: int, __: int) -> None:
                decided.append(others.submit(old.hide, "p7", place))

            assert _rebuild(f"{url}&m=32", recipe, progress=hide_meanwhile) is not None
        # The last pass has writes blocked: then it waits for the new index, if that is its own.
        errors = [error for each in decided if (error := each.exception())]
        assert len(errors) < len(decided)
        assert all(recipe != RECIPE and isinstance(each, RecipeMismatch) for each in errors)
    with open_store(url, recipe) as new:
        assert new.hidden_regions(["p1", "p2", "p7"]) == {"p1": (place,), "p7": (place,)}
        assert new.counts().photos == 300


def test_rebuild_for_another_recipe_looks_at_every_photo_again(url: str, index: str) -> None:
    with open_store(url, RECIPE) as old, open_store(url, OTHER_RECIPE) as new:
        old.write([*_photos(450), Removal("gone", 7)])
        assert _rebuild(url, OTHER_RECIPE) is not None
        assert new.stored_recipe() == OTHER_RECIPE
        assert new.counts() == Counts(450, 450)
        assert photo_ids(new.search(vector(10_007), 1)) == ["p7"]
        assert new.write([indexed("gone", 6)]) == [False]
        # Those who have not been deployed anew go on searching; their writes are refused.
        assert photo_ids(old.search(unit_vectors(1, seed=2)[0], 1)) == ["p1"]
        with pytest.raises(RecipeMismatch):
            old.write([indexed("late")])
        with pytest.raises(RecipeMismatch):
            old.hide("p1", Region(0, 0, 1, 1))
        assert status_of(url).notes == (
            f"the old index {index}-000001 is kept: facesearch reindex --drop-old deletes it",
        )
        with OpenSearchRebuild.from_url(url, OTHER_RECIPE) as rebuild:
            assert rebuild.drop_old() == [f"{index}-000001"]
        with pytest.raises(RecipeMismatch):
            old.counts()
        assert new.counts() == Counts(450, 450)


def test_rebuild_back_to_a_former_recipe_holds_every_photo_once(url: str) -> None:
    with open_store(url, RECIPE) as store:
        store.write(_photos(9))
    _rebuild(url, OTHER_RECIPE)
    _rebuild(url, RECIPE)
    with open_store(url, RECIPE) as store:
        assert [each.photo.photo_id for each in store.photos()] == [f"p{n}" for n in range(9)]
        assert store.counts() == Counts(9, 9)
        assert photo_ids(store.search(vector(1), 20)).count("p1") == 1


@pytest.mark.parametrize("steps", [1, 2])
def test_killed_rebuild_goes_on_where_it_was(url: str, index: str, steps: int) -> None:
    with open_store(url, RECIPE) as store:
        store.write(_photos(500))
        process = SPAWN.Process(target=die_after, args=(url, OTHER_RECIPE, steps))
        process.start()
        process.join()
        assert process.exitcode == -9
        assert store.counts() == Counts(500, sum(n % 3 for n in range(500)))
        assert "under way or was cut short" in status_of(url).notes[0]
        assert store.write([indexed("meanwhile", 1, [vector(1)])]) == [True]
    again: set[str] = set()

    def counted(photos: Sequence[Photo], store: FaceStore) -> None:
        again.update(photo.photo_id for photo in photos)
        embed_anew(photos, store)

    rebuilt = _rebuild(url, OTHER_RECIPE, counted)
    assert rebuilt == Rebuilt(f"{index}-000001", f"{index}-000002", 501)
    assert len(again) <= 501 - steps * 200
    assert "meanwhile" in again


def test_rebuild_killed_while_writes_are_kept_back_is_finished_by_the_next(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    with open_store(url, RECIPE) as store:
        store.write(_photos(20))
        # All that a rebuild leaves behind that dies just before the change-over.
        process = SPAWN.Process(target=die_after, args=(f"{url}&m=20", RECIPE, 1))
        process.start()
        process.join()
        opensearch_server.request("PUT", f"/{index}-000001/_block/write")
        with (
            open_store(url.replace("retry=20", "retry=0.5"), RECIPE) as impatient,
            pytest.raises(StoreUnavailable, match="reindex"),
        ):
            impatient.write([indexed("late")])
        assert _rebuild(f"{url}&m=20") is not None
        assert store.write([indexed("late")]) == [True]
        assert store.counts().photos == 21


def test_rebuild_that_fails_changes_nothing_and_lets_writers_go_on(url: str) -> None:
    calls = 0

    def fails(photos: Sequence[Photo], store: FaceStore) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StoreUnavailable("the photos cannot be read")
        embed_anew(photos, store)
        with open_store(url, RECIPE) as writer:  # something for the last pass
            writer.write([indexed("meanwhile", 1, [vector(3)])])

    with open_store(url, RECIPE) as store:
        store.write(_photos(20))
        with pytest.raises(StoreUnavailable, match="photos cannot be read"):
            _rebuild(url, OTHER_RECIPE, fails)
        assert store.write([indexed("later", 1, [vector(1)])]) == [True]
        assert store.counts().photos == 22
        assert _rebuild(url, OTHER_RECIPE) is not None
    with open_store(url, OTHER_RECIPE) as store:
        assert store.counts().photos == 22


def test_rebuild_begun_for_other_settings_is_thrown_away(url: str, index: str) -> None:
    with open_store(url, RECIPE) as store:
        store.write(_photos(20))
    process = SPAWN.Process(target=die_after, args=(f"{url}&m=20", RECIPE, 1))
    process.start()
    process.join()
    assert _rebuild(f"{url}&m=24") == Rebuilt(f"{index}-000001", f"{index}-000003", 20)
    assert len(status_of(url).notes) == 1


def test_rebuild_of_what_is_as_wanted_only_adjusts_the_index(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    with open_store(url, RECIPE) as store:
        store.write(_photos(5))
    assert _rebuild(f"{url}&refresh_interval=7s&replicas=0", reembed=_never) is None
    answer = opensearch_server.request("GET", f"/{index}/_settings?flat_settings=true")
    assert isinstance(answer, dict)
    settings = answer[f"{index}-000001"]["settings"]
    assert settings["index.refresh_interval"] == "7s"
    assert settings["index.number_of_replicas"] == "0"


def test_rebuild_of_nothing_raises(url: str) -> None:
    with pytest.raises(StoreNotFound):
        _rebuild(url)
    with pytest.raises(SettingsError, match="opensearch://host:9200/index"):
        OpenSearchRebuild.from_url("sqlite:///faces.db", RECIPE)


def test_status_tells_what_the_store_holds(url: str, index: str) -> None:
    with pytest.raises(StoreNotFound):
        status_of(url)
    with open_store(url, RECIPE) as store:
        store.write([*_photos(20), Removal("gone", 1)])
    status = status_of(url)
    assert status.place == f"index {index}-000001"
    assert status.recipe == RECIPE
    assert status.counts == Counts(20, sum(n % 3 for n in range(20)))
    assert status.size_bytes > 10_000
    assert status.health == "green"
    assert status.notes == ()
