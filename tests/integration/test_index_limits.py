"""What a face must reach to be indexed: size, sharpness, score and number, on real photos."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from facesearch.indexing import Outcome, PhotoToIndex, Status, index_photos
from facesearch.photos.reading import PhotoContent
from facesearch.recipes.finding import built_in
from facesearch.stores import FaceStore, open_store
from facesearch.vision.limits import NO_LIMITS, IndexLimits
from facesearch.vision.pipeline import FacePipeline
from facesearch.vision.quality import FaceQuality, face_quality

Index = Callable[[IndexLimits], tuple[Outcome, int]]
Qualities = list[tuple[FaceQuality, float]]
SIDES = 240, 120, 60
"""Of the portraits in the group; the last is blurred."""


@pytest.fixture(scope="module")
def group(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person's portrait three times, smaller each time."""
    page = Image.new("RGB", (sum(SIDES), max(SIDES)), "grey")
    with Image.open(sorted((sample / "val/madonna").iterdir())[2]) as photo:
        for place, side in enumerate(SIDES):
            portrait = photo.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
            if place == len(SIDES) - 1:
                portrait = portrait.filter(ImageFilter.GaussianBlur(2))
            page.paste(portrait, (sum(SIDES[:place]), 0))
    path = tmp_path_factory.mktemp("group") / "group.png"
    page.save(path)
    return path


@pytest.fixture(scope="module")
def qualities(group: Path, pipeline: FacePipeline) -> Qualities:
    """Of each face, with the detection score, largest first."""
    photo, faces = pipeline.detect(group.read_bytes())
    assert len(faces) >= len(SIDES)
    return [(face_quality(photo, face), face.detection_score) for face in faces]


@pytest.fixture
def store(tmp_path: Path, pipeline: FacePipeline) -> Iterator[FaceStore]:
    with open_store(f"sqlite:///{tmp_path}/faces.db", pipeline.recipe) as opened:
        yield opened


@pytest.fixture
def index(group: Path, models: Path, store: FaceStore) -> Index:
    """The group's outcome under limits, and how many faces the store has of it."""

    def indexed(limits: IndexLimits) -> tuple[Outcome, int]:
        pipeline = FacePipeline(models, built_in("facenet"), threads=1, limits=limits)
        content = PhotoContent(group.read_bytes(), revision="1")
        (outcome,) = index_photos([PhotoToIndex("group", 1)], lambda _: content, pipeline, store)
        return outcome, store.counts().faces

    return indexed


def test_no_face_is_left_out_without_limits(index: Index, qualities: Qualities) -> None:
    outcome, stored = index(NO_LIMITS)
    assert (outcome.faces, outcome.left_out, stored) == (len(qualities), 0, len(qualities))


@pytest.mark.parametrize("kept", [2, 1])
def test_faces_below_the_least_size_are_left_out(
    index: Index, qualities: Qualities, kept: int
) -> None:
    sizes = sorted((quality.size for quality, _ in qualities), reverse=True)
    outcome, stored = index(IndexLimits(min_face_size=(sizes[kept - 1] + sizes[kept]) / 2))
    assert (outcome.faces, outcome.left_out, stored) == (kept, len(qualities) - kept, kept)


@pytest.mark.parametrize("kept", [2, 1])
def test_faces_below_the_least_sharpness_are_left_out(
    index: Index, qualities: Qualities, kept: int
) -> None:
    values = sorted((quality.sharpness for quality, _ in qualities), reverse=True)
    outcome, stored = index(IndexLimits(min_sharpness=(values[kept - 1] + values[kept]) / 2))
    assert (outcome.faces, outcome.left_out, stored) == (kept, len(qualities) - kept, kept)


def test_faces_at_the_least_score_are_kept_and_those_below_left_out(
    index: Index, qualities: Qualities
) -> None:
    scores = sorted((score for _, score in qualities), reverse=True)
    outcome, stored = index(IndexLimits(min_detection_score=scores[1]))
    assert (outcome.faces, outcome.left_out, stored) == (2, len(qualities) - 2, 2)


def test_the_largest_faces_are_kept(index: Index, store: FaceStore, qualities: Qualities) -> None:
    outcome, _ = index(IndexLimits(max_faces=2))
    assert (outcome.faces, outcome.left_out) == (2, len(qualities) - 2)
    stored = store.photo("group")
    assert stored is not None
    scores = [face.detected.detection_score for face in stored.faces]
    assert scores == pytest.approx([score for _, score in qualities[:2]])


def test_photo_whose_faces_are_all_left_out_is_recorded_without_a_face(
    index: Index, store: FaceStore, qualities: Qualities
) -> None:
    outcome, stored = index(IndexLimits(min_face_size=5000))
    left_out = len(qualities)
    assert (outcome.status, outcome.left_out, stored) == (Status.WITHOUT_FACE, left_out, 0)
    assert store.counts().photos == 1


def test_limits_do_not_hold_for_photos_that_are_searched_with_and_change_no_recipe(
    group: Path, models: Path, pipeline: FacePipeline, qualities: Qualities
) -> None:
    limits = replace(NO_LIMITS, min_face_size=5000.0)
    strict = FacePipeline(models, built_in("facenet"), threads=1, limits=limits)
    _, photo = strict.analyse_one(group.read_bytes())
    assert (len(photo.faces), photo.left_out.total) == (len(qualities), 0)
    assert strict.recipe == pipeline.recipe
