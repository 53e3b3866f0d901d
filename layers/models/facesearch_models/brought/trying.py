"""Try a recipe on the sample's photos, in a process of its own with limits on memory and time."""

import io
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from facesearch.errors import FacesearchError
from facesearch.recipes.finding import ChosenRecipe
from facesearch.vision.crops import cut_out
from facesearch.vision.embedding import BATCH, Embedder
from facesearch.vision.models import open_model
from facesearch.vision.pipeline import FacePipeline
from facesearch_models.errors import BuildError, first_line

if sys.platform != "win32":
    import resource

MEMORY_BYTES = 6 * 2**30
CPU_S = 600
"""VGG19 takes 0.2 s a picture, and is tried on some 400."""

SHIFT = 0.02
"""Of the photo's sides."""

LEAST_RANK_1 = 0.5
SAME = 1e-3
"""Of the distance between different people's photos: as far apart as rounding may put one."""

Vectors = NDArray[np.float32]
Crops = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a recipe makes of the sample's photos. Distances are L2.

    `repeated` is the largest distance of a photo to itself, embedded again and alone. The others
    are medians: to itself `mirrored` and `shifted` by 2 %, and to others of the `same_person` and
    of `different_people`. `rank_1` is the share of photos whose nearest other one shows the same
    person, which is asked of networks for faces (`of_faces`) only. `milliseconds` are of one core
    for a picture, embedded. `vectors` has shape (photos, dimension).
    """

    repeated: float
    mirrored: float
    shifted: float
    same_person: float
    different_people: float
    rank_1: float
    milliseconds: float
    vectors: Vectors
    of_faces: bool = True

    @property
    def doubts(self) -> list[str]:
        """What speaks against using the recipe as it is."""
        doubts = []
        if not self.repeated <= SAME * self.different_people:
            doubts.append("the same picture gets other vectors when it is embedded again")
        if self.shifted >= self.different_people:
            doubts.append("a picture shifted by 2 % is as far from itself as from other people's")
        if self.of_faces and self.rank_1 < LEAST_RANK_1:
            doubts.append(
                f"only {self.rank_1:.0%} of the sample's photos have one of the same person nearest"
            )
        return doubts


def try_recipe(recipe: ChosenRecipe, models: Path) -> Trial:
    """Embed the sample's photos with a recipe; `models` holds what the model build made.

    Raises `BuildError` when a photo cannot be embedded, or the limits are reached.
    """
    # Not forked: the runtime has threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_limit) as process:
        try:
            return process.submit(_try, recipe, models).result()
        except FacesearchError:
            raise
        except (BrokenProcessPool, MemoryError) as error:
            raise BuildError(
                f"the network of recipe {recipe.name} needs more than {MEMORY_BYTES >> 30} GB or "
                f"{CPU_S} s for the sample's photos, or crashes the runtime: use a smaller one"
            ) from error
        except Exception as error:
            # The runtime's errors share no base but Exception, and have long texts.
            raise BuildError(
                f"the network of recipe {recipe.name} does not run: {first_line(error)}"
            ) from error


def sample_photos(models: Path) -> list[Path]:
    """The sample's photos to index, in folders of people."""
    return sorted((models / "sample" / "train").glob("*/*"))


def sample_crops(recipe: ChosenRecipe, models: Path) -> Crops:
    """What the recipe cuts out of the sample's photos: of each the largest region, all its cuts."""
    pipeline = FacePipeline(models, recipe, threads=1)
    size, crops = recipe.description.network.size, []
    for path in sample_photos(models):
        _, regions = pipeline.detect(path.read_bytes())
        photo = _opened(path)
        crops += [
            cut_out(cut, photo, region, size)
            for region in regions[:1]
            for cut in recipe.description.cuts
        ]
    return crops


def _limit() -> None:
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _try(recipe: ChosenRecipe, models: Path) -> Trial:
    """In the process of its own."""
    pipeline = FacePipeline(models, recipe, threads=1)
    paths = sample_photos(models)
    first = _embed(pipeline, [path.read_bytes() for path in paths])
    # What a detector does not find cannot be compared.
    paths = [path for path, vector in zip(paths, first, strict=True) if vector is not None]
    vectors = np.stack([vector for vector in first if vector is not None])
    photos = [_opened(path) for path in paths]
    again = _embed(pipeline, [path.read_bytes() for path in paths])
    alone = [_embed(pipeline, [path.read_bytes()])[0] for path in paths[::10]]
    mirrored = _embed(pipeline, [_png(ImageOps.mirror(photo)) for photo in photos])
    shifted = _embed(pipeline, [_png(_shifted(photo)) for photo in photos])
    people = np.array([path.parent.name for path in paths])
    same = people[:, None] == people[None]
    others = ~np.eye(len(paths), dtype=bool)
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    nearest = np.where(others, apart, np.inf).argmin(axis=1)
    return Trial(
        repeated=float(
            max(_distances(vectors, again).max(), _distances(vectors[::10], alone).max())
        ),
        mirrored=float(np.median(_distances(vectors, mirrored))),
        shifted=float(np.median(_distances(vectors, shifted))),
        same_person=float(np.median(apart[same & others])),
        different_people=float(np.median(apart[~same])),
        rank_1=float((people[nearest] == people).mean()),
        milliseconds=_milliseconds(recipe, models, sample_crops(recipe, models)),
        vectors=vectors,
        of_faces=not pipeline.recipe.whole_image,
    )


def _milliseconds(recipe: ChosenRecipe, models: Path, crops: Crops) -> float:
    """Processor time to embed one crop, of as many as a run holds."""
    network, file = recipe.description.network, recipe.network_file(models)
    embedder = Embedder(open_model(file, network.sha256, 1, ""), network, file)
    run = [*crops[:BATCH]]
    embedder.embed(run)
    start = time.process_time()
    embedder.embed(run)
    return (time.process_time() - start) * 1000 / len(run)


def _embed(pipeline: FacePipeline, photos: Sequence[bytes]) -> list[Vectors | None]:
    """Of each photo the vector of its largest region; None without one."""
    vectors: list[Vectors | None] = []
    for analysed in pipeline.analyse(photos):
        if isinstance(analysed, FacesearchError):
            raise BuildError(f"a photo of the sample cannot be embedded: {analysed}")
        vectors.append(analysed.faces[0].embedding if analysed.faces else None)
    return vectors


def _distances(vectors: Vectors, others: Sequence[Vectors | None]) -> NDArray[np.float64]:
    pairs = zip(vectors, others, strict=True)
    return np.array([np.linalg.norm(one - other) for one, other in pairs if other is not None])


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("RGB")


def _shifted(photo: Image.Image) -> Image.Image:
    across, down = (round(side * SHIFT) for side in photo.size)
    return photo.crop((across, down, *photo.size))


def _png(photo: Image.Image) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
