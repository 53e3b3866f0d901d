"""Prints what a batch of photos takes in the Lambda image; `bench_lambda_indexing` starts it."""

import json
import sys
import time
from pathlib import Path

from facesearch.settings import Settings
from facesearch.vision.pipeline import FacePipeline


def main(folder: Path) -> None:
    """The second batch is measured: the first loads the models."""
    photos = [path.read_bytes() for path in sorted(folder.iterdir())]
    settings = Settings.from_env({"FACESEARCH_MODELS": "/opt/models", "FACESEARCH_THREADS": "1"})
    pipeline = FacePipeline.from_settings(settings)
    index(pipeline, photos[:1])
    start = time.process_time()
    faces = index(pipeline, photos)
    seconds = time.process_time() - start
    print(json.dumps({"photos": len(photos), "seconds": seconds, "faces": faces}))


def index(pipeline: FacePipeline, photos: list[bytes]) -> int:
    batch = pipeline.batch_to_index()
    for photo in photos:
        batch.add(photo)
    results = batch.finish()
    failed = [each for each in results if isinstance(each, Exception)]
    if failed:
        raise failed[0]
    return sum(len(each.faces) for each in results if not isinstance(each, Exception))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
