"""The recipe on real faces: pinned vectors, one view and two, what turning a photo changes."""

import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from facesearch.errors import RecipeMismatch
from facesearch.faces import Embedding, IndexedPhoto, Photo
from facesearch.recipes.finding import ChosenRecipe, built_in
from facesearch.stores import open_store
from facesearch.vision.embedding import BATCH
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline

# The first eight numbers of the unit vector of val/ben_afflek/ben_afflek_01.jpg, by views.
GOLDEN: dict[int, list[float]] = {
    1: [-0.01349, 0.05116, -0.0095, -0.0648, 0.05134, -0.04015, 0.20875, -0.03937],
    2: [-0.02125, 0.04375, -0.01885, -0.0844, 0.05672, -0.02643, 0.20914, -0.02693],
}


@pytest.fixture(scope="module")
def two_views(models: Path) -> FacePipeline:
    return FacePipeline(models, built_in("facenet-two-views"), threads=1)


@pytest.fixture
def photo(sample: Path) -> bytes:
    return (sample / "val" / "ben_afflek" / "ben_afflek_01.jpg").read_bytes()


def embedding(pipeline: FacePipeline, photo: bytes) -> Embedding:
    """Of the largest face."""
    (analysed,) = pipeline.analyse([photo])
    assert isinstance(analysed, AnalysedPhoto)
    return analysed.faces[0].embedding


def turned(photo: bytes, degrees: float) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(photo)) as image:
        image.rotate(degrees, Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def test_recipe_gives_the_pinned_vectors(
    pipeline: FacePipeline, two_views: FacePipeline, photo: bytes
) -> None:
    for views, each in ((1, pipeline), (2, two_views)):
        assert embedding(each, photo)[:8] == pytest.approx(GOLDEN[views], abs=2e-4)


def test_two_views_give_their_mean_however_the_batches_fall(
    models: Path, two_views: FacePipeline, sample: Path
) -> None:
    photos = [path.read_bytes() for path in sorted((sample / "val" / "madonna").iterdir())]
    photos *= BATCH // len(photos) + 1
    both = built_in("facenet-two-views").description
    alone = [
        FacePipeline(models, ChosenRecipe(msgspec.structs.replace(both, cuts=(cut,))), threads=1)
        for cut in both.cuts
    ]
    together = two_views.analyse(photos)
    for number, analysed in enumerate(together[: len(photos) // 2 + 1]):
        assert isinstance(analysed, AnalysedPhoto)
        mean = np.sum([embedding(each, photos[number]) for each in alone], axis=0)
        assert analysed.faces[0].embedding == pytest.approx(mean / np.linalg.norm(mean), abs=1e-4)
        assert np.linalg.norm(analysed.faces[0].embedding) == pytest.approx(1, abs=1e-5)


def test_store_of_one_view_refuses_two(
    pipeline: FacePipeline, two_views: FacePipeline, photo: bytes, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/faces.db"
    with open_store(url, pipeline.recipe) as store:
        store.write([IndexedPhoto(Photo("file:///empty.jpg", sequence=1))])
    with open_store(url, two_views.recipe) as store, pytest.raises(RecipeMismatch):
        store.search(embedding(two_views, photo), 1)


def test_turned_photo_shows_the_same_person(pipeline: FacePipeline, photo: bytes) -> None:
    upright = embedding(pipeline, photo)
    distances = [
        np.linalg.norm(embedding(pipeline, turned(photo, degrees)) - upright)
        for degrees in (-20, 20)
    ]
    assert max(distances) < 0.5
