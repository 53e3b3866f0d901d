"""The two use cases on real photos, the real models and the embedded store."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesearch.errors import (
    DamagedImage,
    ImageTooLarge,
    InvalidRequest,
    ModelError,
    NoFaceFound,
    NotFound,
    ReadError,
    StoreError,
)
from facesearch.faces import Removal, face_id
from facesearch.indexing import Outcome, PhotoToIndex, Status, index_photos
from facesearch.photos.reading import PhotoContent
from facesearch.recipes.finding import built_in
from facesearch.searching import (
    Scope,
    analyse_photo,
    compare_faces,
    search_face,
    search_person,
    search_photo,
)
from facesearch.stores import FaceStore, open_store
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline

PEOPLE = ("ben_afflek", "elton_john", "jerry_seinfeld", "madonna", "mindy_kaling")

Photos = dict[str, Path]


@pytest.fixture(scope="module")
def photos(sample: Path) -> Photos:
    """Three training photos of each person, by photo id."""
    return {
        f"s3://photos/{person}/{path.name}": path
        for person in PEOPLE
        for path in sorted((sample / "train" / person).iterdir())[1:4]
    }


@pytest.fixture
def store(tmp_path: Path, pipeline: FacePipeline) -> Iterator[FaceStore]:
    with open_store(f"sqlite:///{tmp_path}/faces.db", pipeline.recipe) as opened:
        yield opened


def reader(photos: Photos) -> Callable[[str], PhotoContent]:
    return lambda photo_id: PhotoContent(photos[photo_id].read_bytes(), revision="1")


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def analysed(result: AnalysedPhoto | Exception) -> AnalysedPhoto:
    assert isinstance(result, AnalysedPhoto)
    return result


def test_analyse_together_gives_what_each_gives_alone(
    pipeline: FacePipeline, photos: Photos
) -> None:
    data = [path.read_bytes() for path in photos.values()]
    together = pipeline.analyse(data)
    for one, result in zip(data, together, strict=True):
        (alone,) = pipeline.analyse([one])
        for face, same in zip(analysed(result).faces, analysed(alone).faces, strict=True):
            assert face.detected == same.detected
            assert face.embedding == pytest.approx(same.embedding, abs=1e-5)


def test_analyse_puts_each_error_in_its_photo_s_place(
    pipeline: FacePipeline, photos: Photos
) -> None:
    good = next(iter(photos.values())).read_bytes()
    failed = ReadError("the bucket did not answer")
    results = pipeline.analyse([good, good[: len(good) // 2], failed, good])
    assert [type(result) for result in results] == [
        AnalysedPhoto,
        DamagedImage,
        ReadError,
        AnalysedPhoto,
    ]


def test_analyse_of_a_reduced_photo_gives_boxes_in_the_original_s_pixels(
    pipeline: FacePipeline, photos: Photos
) -> None:
    with Image.open(photos["s3://photos/madonna/madonna_02.jpg"]) as image:
        small = image.convert("RGB")
    large = small.resize((small.width * 3000 // small.height, 3000), Image.Resampling.BICUBIC)
    one, other = map(analysed, pipeline.analyse([jpeg(small), jpeg(large)]))
    factor = large.width / small.width
    assert (other.width, other.height) == large.size
    box, scaled = one.faces[0].detected.box, other.faces[0].detected.box
    assert scaled.left / factor == pytest.approx(box.left, abs=box.width / 10)
    assert scaled.width / factor == pytest.approx(box.width, rel=0.15)
    assert np.linalg.norm(one.faces[0].embedding - other.faces[0].embedding) < 0.5


def test_missing_models_are_named_with_the_way_to_build_them(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="facesearch models build"):
        FacePipeline(tmp_path, built_in("facenet"), 1).analyse([b""])


def test_damaged_model_is_named(tmp_path: Path) -> None:
    for name in ("pnet", "rnet", "onet", "facenet-int8"):
        (tmp_path / f"{name}.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"pnet\.onnx is damaged"):
        FacePipeline(tmp_path, built_in("facenet"), 1).warm()


def test_model_that_was_swapped_for_another_is_not_opened(models: Path, tmp_path: Path) -> None:
    for name in ("pnet", "rnet", "onet", "facenet-int8"):
        shutil.copy(models / f"{name}.onnx", tmp_path)
    FacePipeline(tmp_path, built_in("facenet"), 1).warm()
    rnet = bytearray((tmp_path / "rnet.onnx").read_bytes())
    rnet[len(rnet) // 2] ^= 1  # a weight
    (tmp_path / "rnet.onnx").write_bytes(rnet)
    with pytest.raises(ModelError, match=r"rnet\.onnx is damaged, or another one than was built"):
        FacePipeline(tmp_path, built_in("facenet"), 1).warm()


def test_indexed_photos_are_found_by_other_photos_of_the_same_people(
    pipeline: FacePipeline, photos: Photos, store: FaceStore, sample: Path
) -> None:
    changes = [PhotoToIndex(photo_id, 1) for photo_id in photos]
    outcomes = index_photos(changes, reader(photos), pipeline, store)
    assert {outcome.status for outcome in outcomes} == {Status.INDEXED}
    assert [outcome.photo_id for outcome in outcomes] == list(photos)
    for person in PEOPLE:
        query = sorted((sample / "val" / person).iterdir())[1]
        found = search_photo(query.read_bytes(), pipeline, store, Scope(k=3))
        assert {
            match.stored.photo.photo_id.split("/")[3] for match in found.results[0].matches
        } == {person}


def test_each_validation_photo_of_the_sample_has_only_its_person_among_the_five_nearest(
    pipeline: FacePipeline, store: FaceStore, sample: Path
) -> None:
    train = {f"file://{path}": path for path in sorted((sample / "train").rglob("*.jpg"))}
    queries = sorted((sample / "val").rglob("*.jpg"))
    assert (len(train), len(queries)) == (93, 25)
    index_photos([PhotoToIndex(each, 1) for each in train], reader(train), pipeline, store)
    for query in queries:
        found = search_photo(query.read_bytes(), pipeline, store, Scope(k=5))
        people = {
            train[match.stored.photo.photo_id].parent.name for match in found.results[0].matches
        }
        assert people == {query.parent.name}, query


def test_index_each_change_succeeds_or_fails_by_itself(
    pipeline: FacePipeline, photos: Photos, store: FaceStore
) -> None:
    good = next(iter(photos.values())).read_bytes()
    contents = {
        "good": good,
        "faceless": jpeg(Image.new("RGB", (300, 200), "navy")),
        "text": b"hello",
        "old": good,
    }
    errors = {
        "huge": ImageTooLarge("the file has 1 TB"),
        "gone": NotFound("deleted meanwhile"),
        "locked": ReadError("no permission"),
    }

    def read(photo_id: str) -> PhotoContent:
        if photo_id in errors:
            raise errors[photo_id]
        return PhotoContent(contents[photo_id], "1", {"camera": "x"})

    index_photos(
        [PhotoToIndex("old", 9), PhotoToIndex("leaving", 1)],
        lambda _: PhotoContent(good, "0"),
        pipeline,
        store,
    )
    changes = [PhotoToIndex(photo_id, 5) for photo_id in (*contents, *errors)]
    outcomes = index_photos([*changes, Removal("leaving", 6)], read, pipeline, store)
    assert {outcome.photo_id: outcome.status for outcome in outcomes} == {
        "good": Status.INDEXED,
        "faceless": Status.WITHOUT_FACE,
        "text": Status.FAILED,
        "old": Status.SUPERSEDED,
        "huge": Status.FAILED,
        "gone": Status.SUPERSEDED,
        "locked": Status.UNDONE,
        "leaving": Status.REMOVED,
    }
    stored = {each.photo.photo_id: each.photo.problem for each in store.photos()}
    assert stored == {
        "faceless": "",
        "good": "",
        "huge": "image_too_large",
        "old": "",
        "text": "not_an_image",
    }


class RefusingStore:
    """Writes all but one photo: what a bulk request with one rejected document does."""

    def __init__(self, store: FaceStore, refused: str) -> None:
        self._store, self._refused = store, refused

    def write(self, changes: list[object]) -> list[bool | StoreError]:
        written = self._store.write(changes)  # type: ignore[arg-type]
        written[0] = StoreError(f"{self._refused} was rejected")
        return written


def test_index_photo_that_the_store_refuses_is_to_be_tried_again(
    pipeline: FacePipeline, photos: Photos, store: FaceStore
) -> None:
    ids = list(photos)[:2]
    refusing = RefusingStore(store, ids[0])
    outcomes: list[Outcome] = index_photos(
        [PhotoToIndex(photo_id, 1) for photo_id in ids],
        reader(photos),
        pipeline,
        refusing,  # type: ignore[arg-type]
    )
    assert [outcome.status for outcome in outcomes] == [Status.UNDONE, Status.INDEXED]


def test_search_by_stored_face_leaves_that_face_out(
    pipeline: FacePipeline, photos: Photos, store: FaceStore
) -> None:
    index_photos([PhotoToIndex(p, 1) for p in photos], reader(photos), pipeline, store)
    face = face_id(next(iter(photos)), 0)
    matches = search_face(face, store, Scope(k=2)).matches
    assert [m.stored.photo.photo_id.split("/")[3] for m in matches] == ["ben_afflek"] * 2
    assert face not in {match.stored.face_id for match in matches}


def test_search_for_an_unknown_face_says_so(store: FaceStore, pipeline: FacePipeline) -> None:
    store.write([Removal("s3://photos/x", 1)])
    with pytest.raises(NotFound, match="no face 'abc-0'"):
        search_face("abc-0", store, Scope())


def test_search_photo_without_a_face_says_so(store: FaceStore, pipeline: FacePipeline) -> None:
    with pytest.raises(NoFaceFound):
        search_photo(jpeg(Image.new("RGB", (300, 300))), pipeline, store, Scope())


def test_several_photos_find_what_one_does_and_more_surely(
    pipeline: FacePipeline, photos: Photos, store: FaceStore, sample: Path
) -> None:
    index_photos([PhotoToIndex(p, 1) for p in photos], reader(photos), pipeline, store)
    queries = [each.read_bytes() for each in sorted((sample / "val" / "madonna").iterdir())[:4]]
    scope = Scope(k=3)
    together = search_person(queries, (), pipeline, store, scope).matches
    assert {"madonna" in match.stored.photo.photo_id for match in together} == {True}
    singles = [search_person([each], (), pipeline, store, scope).matches for each in queries]
    assert together[-1].distance < min(found[-1].distance for found in singles)
    (alone,) = search_photo(queries[0], pipeline, store, scope).results
    assert [match.distance for match in singles[0]] == pytest.approx(
        [match.distance for match in alone.matches], abs=1e-6
    )


def test_search_where_nothing_was_ever_indexed_finds_nothing(
    pipeline: FacePipeline, photos: Photos, store: FaceStore
) -> None:
    photo = next(iter(photos.values())).read_bytes()
    (result,) = search_photo(photo, pipeline, store, Scope(expand=True)).results
    assert (result.matches, result.next) == ([], None)
    assert search_person([photo, photo], (), pipeline, store, Scope()).matches == []
    with pytest.raises(NotFound, match="nothing has been indexed yet"):
        search_face("abc-0", store, Scope())


@pytest.mark.parametrize("k", [0, -1, 101])
def test_k_out_of_range_is_named(k: int) -> None:
    with pytest.raises(InvalidRequest, match=f"k is {k}: use 1 to 100"):
        Scope(k=k)


def test_compare_tells_one_person_from_two(pipeline: FacePipeline, sample: Path) -> None:
    elton = sorted((sample / "val" / "elton_john").iterdir())
    madonna = sorted((sample / "val" / "madonna").iterdir())
    one, again, stranger = (
        analyse_photo(path.read_bytes(), pipeline).faces[0]
        for path in (elton[1], elton[2], madonna[1])
    )
    same, other = (compare_faces(one, each, pipeline.recipe) for each in (again, stranger))
    assert same.confidence is not None
    assert other.confidence is not None
    assert same.same_person
    assert same.confidence > 0.5
    assert not other.same_person
    assert other.confidence < 0.5
    assert same.distance < other.distance
