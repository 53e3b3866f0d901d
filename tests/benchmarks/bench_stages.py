"""Where the time of a photo goes, when it is indexed and when it is searched with.

Times are the processor's, on one core, so other programs do not count. The bound is what the
networks' multiplications take at the rate that ONNX Runtime reaches on one large 8-bit product in
the same run: nothing can be faster than that on this machine.
"""

import io
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import click
import numpy as np
from onnx import TensorProto, helper
from PIL import Image

from facesearch.errors import FacesearchError
from facesearch.indexing import PhotoToIndex, index_photos
from facesearch.photos.reading import PhotoContent
from facesearch.searching import Scope, search_photo
from facesearch.settings import Settings
from facesearch.stages import Stage, stages_timed
from facesearch.stores import FaceStore, open_store
from facesearch.vision.crops import align_face
from facesearch.vision.pipeline import FacePipeline

GMAC_A_FACE = 1.417
"""Multiplications of FaceNet for one face, in thousand millions."""
BATCH = 16
CUT = "Cut"
"""Beside the stages that the program itself times."""
LARGE = (4000, 3000)
GROUP = 4
"""A group photo has so many rows and columns of faces."""
SIDE = 1024

Stages = Mapping[str, float]


@dataclass
class Watch:
    """Processor time spent in the networks, by the model's file, and in cutting faces out."""

    parts_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Milliseconds of processor time of each photo, as a whole and by stage."""

    whole_ms: list[float]
    stages_ms: list[Stages]

    def of(self, name: str) -> float:
        """The median of a stage."""
        return float(np.median([each.get(name, 0.0) for each in self.stages_ms]))

    @property
    def share_of_stages(self) -> float:
        """Of the whole, what the stages take: the rest is glue."""
        names = (*Stage, CUT)
        bare = sum(sum(each.get(name, 0.0) for name in names) for each in self.stages_ms)
        return bare / sum(self.whole_ms)

    def figures(self) -> dict[str, float]:
        names = sorted({name for each in self.stages_ms for name in each})
        return {
            "whole_ms": round(float(np.median(self.whole_ms)), 2),
            "p95_to_p50": round(
                float(np.quantile(self.whole_ms, 0.95) / np.median(self.whole_ms)), 2
            ),
            "share_of_stages": round(self.share_of_stages, 3),
            **{name: round(self.of(name), 2) for name in names},
        }


@contextmanager
def watched() -> Iterator[Watch]:
    """Time stages and networks by the processor's clock."""
    import onnxruntime as ort

    watch, run = Watch(), ort.InferenceSession.run

    def timed(session: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return run(session, *args, **kwargs)
        finally:
            name = Path(str(session._model_path)).stem
            watch.parts_s[name] += time.process_time() - start

    def cut(*args: Any) -> Any:
        start = time.process_time()
        try:
            return align_face(*args)
        finally:
            watch.parts_s[CUT] += time.process_time() - start

    clock = SimpleNamespace(perf_counter=time.process_time)
    with (
        patch.object(ort.InferenceSession, "run", timed),
        patch("facesearch.stages.time", clock),
        patch("facesearch.vision.crops.align_face", cut),
    ):
        yield watch


def indexed(
    photos: Sequence[bytes], pipeline: FacePipeline, store: FaceStore, batch: int = BATCH
) -> Stretch:
    """Index the photos, some at a time."""

    def index(first: int) -> None:
        changes = [PhotoToIndex(str(n), 1) for n in range(first, min(first + batch, len(photos)))]
        index_photos(changes, lambda each: PhotoContent(photos[int(each)], "1"), pipeline, store)

    return _stretch(index, range(0, len(photos), batch), batch)


def searched(photos: Sequence[bytes], pipeline: FacePipeline, store: FaceStore) -> Stretch:
    return _stretch(lambda photo: search_photo(photo, pipeline, store, Scope()), photos, 1)


def _stretch(work: Callable[[Any], object], items: Sequence[Any], photos: int) -> Stretch:
    whole: list[float] = []
    stages: list[Stages] = []
    with watched() as watch:
        work(items[0])
        for item in items:
            watch.parts_s.clear()
            start = time.process_time()
            with stages_timed() as seconds:
                work(item)
            factor = 1000 / photos
            whole.append(factor * (time.process_time() - start))
            stages.append({name: factor * each for name, each in (seconds | watch.parts_s).items()})
    return Stretch(whole, stages)


def gmac_per_s(rounds: int = 20) -> float:
    """Of ONNX Runtime, on one core, multiplying two large matrices of 8-bit numbers."""
    import onnxruntime as ort

    shape = [SIDE, SIDE]
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "product",
        [
            helper.make_tensor_value_info("a", TensorProto.UINT8, shape),
            helper.make_tensor_value_info("b", TensorProto.INT8, shape),
        ],
        [helper.make_tensor_value_info("c", TensorProto.INT32, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options)
    chance = np.random.default_rng(1)
    inputs = {
        "a": chance.integers(0, 255, shape, dtype=np.uint8),
        "b": chance.integers(-127, 127, shape, dtype=np.int8),
    }
    took = []
    for _ in range(rounds):
        start = time.process_time()
        session.run(None, inputs)
        took.append(time.process_time() - start)
    return float(SIDE**3 / np.min(took) / 1e9)


def with_a_face(photos: Sequence[bytes], pipeline: FacePipeline) -> list[bytes]:
    """Those in which there is one face: a search needs one."""
    found = []
    for photo in photos:
        try:
            if len(pipeline.analyse_one(photo)[1].faces) == 1:
                found.append(photo)
        except FacesearchError:
            continue
    return found


def large(photo: bytes) -> bytes:
    """The photo at 12 megapixels."""
    return _jpeg(Image.open(io.BytesIO(photo)).convert("RGB").resize(LARGE))


def group(photos: Sequence[bytes]) -> bytes:
    """One photo of many."""
    images = [Image.open(io.BytesIO(photo)).convert("RGB") for photo in photos[: GROUP**2]]
    width, height = images[0].size
    canvas = Image.new("RGB", (GROUP * width, GROUP * height))
    for number, image in enumerate(images):
        canvas.paste(
            image.resize((width, height)), (number % GROUP * width, number // GROUP * height)
        )
    return _jpeg(canvas)


def faceless(photo: bytes) -> bytes:
    """A corner of the photo, as large as it was: background only."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    corner = image.crop((0, 0, image.width // 5, image.height // 5))
    return _jpeg(corner.resize(image.size))


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(photos: Sequence[bytes], pipeline: FacePipeline, rounds: int) -> dict[str, Any]:
    photos = with_a_face(photos, pipeline)
    kinds = {
        "as they are": photos,
        "one at a time": photos,
        "12 megapixels": [large(photo) for photo in photos[: BATCH // 2]],
        "groups of 16": [group(photos[n:]) for n in range(0, len(photos) - GROUP**2, GROUP**2)],
        "without a face": [faceless(photo) for photo in photos[: 2 * BATCH]],
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(f"sqlite:///{folder}/faces.db", pipeline.recipe) as store,
    ):
        index = {
            kind: indexed(each, pipeline, store, 1 if kind != "as they are" else BATCH)
            for kind, each in kinds.items()
            if each
        }
        searches = [searched(photos, pipeline, store) for _ in range(rounds)]
    rate = gmac_per_s()
    bound = 1000 * GMAC_A_FACE / rate
    search = searches[0].figures() | {
        "p95_to_p50": float(np.median([each.figures()["p95_to_p50"] for each in searches]))
    }
    return {
        "gmac_per_s": round(rate, 1),
        "bound_ms_a_face": round(bound, 2),
        "embedding_to_bound": round(index["as they are"].of(Stage.EMBED) / bound, 2),
        "index": {kind: each.figures() for kind, each in index.items()},
        "search": search,
    }


@click.command(epilog="Example: python -m tests.benchmarks.bench_stages LFW")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--photos", default=160, show_default=True, help="How many, spread over the folder.")
@click.option(
    "--rounds", default=5, show_default=True, help="Of searches; p95 to p50 is their median."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(folder: Path, photos: int, rounds: int, as_json: bool) -> None:
    """Index photos of FOLDER and search with them on one core, stage by stage.

    The p95 of searches to their p50 is the median over the rounds.
    """
    found = sorted(folder.rglob("*.jpg"))
    chosen = [path.read_bytes() for path in found[:: max(1, len(found) // photos)][:photos]]
    pipeline = FacePipeline.from_settings(Settings.from_env({"FACESEARCH_THREADS": "1"}))
    figures = measure(chosen, pipeline, rounds)
    if as_json:
        click.echo(json.dumps(figures))
        return
    rows = {f"index, {kind}": each for kind, each in figures.pop("index").items()}
    rows["search"] = figures.pop("search")
    click.echo("  ".join(f"{name} {value}" for name, value in figures.items()))
    for kind, each in rows.items():
        click.echo(kind)
        click.echo("".join(f"    {name:18}{value:9.3f}\n" for name, value in each.items()))


if __name__ == "__main__":
    main()
