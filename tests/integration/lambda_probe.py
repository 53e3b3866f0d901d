"""Runs in the Lambda runtime image, with nothing but the layers: prints what it found as JSON."""

import importlib
import json
import sys
from pathlib import Path

from facesearch.recipes.finding import built_in
from facesearch.vision.images import decode_image
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline


def main(photos: Path, imports: list[str]) -> None:
    """Import each `module` or `module:name`, decode every file, and embed photo.jpg's faces."""
    for wanted in imports:
        _import(*wanted.split(":"))
    means = {
        path.name: decode_image(path.read_bytes()).rgb().mean(axis=(0, 1)).tolist()
        for path in photos.iterdir()
    }
    pipeline = FacePipeline(Path("/opt/models"), built_in("facenet"), threads=1)
    (photo,) = pipeline.analyse([(photos / "photo.jpg").read_bytes()])
    if not isinstance(photo, AnalysedPhoto):
        raise photo
    embeddings = [face.embedding.tolist() for face in photo.faces]
    print(json.dumps({"means": means, "embeddings": embeddings}))


def _import(module: str, name: str | None = None) -> None:
    imported = importlib.import_module(module)
    if name and not hasattr(imported, name):
        importlib.import_module(f"{module}.{name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
