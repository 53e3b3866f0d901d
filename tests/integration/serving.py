"""`facesearch serve` as its own process, for tests that speak HTTP."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from facesearch.indexing import PhotoToIndex, index_photos
from facesearch.photos.reading import PhotoContent
from facesearch.stores import open_store
from facesearch.vision.pipeline import FacePipeline
from tests.integration.api import PEOPLE


def index_sample(url: str, pipeline: FacePipeline, sample: Path) -> None:
    """Three photos of each person; madonna's are in the collection music, each has a number."""
    photos = {
        path.as_uri(): (path, number)
        for person in PEOPLE
        for number, path in enumerate(sorted((sample / "train" / person).iterdir())[1:4])
    }

    def read(photo_id: str) -> PhotoContent:
        path, number = photos[photo_id]
        return PhotoContent(path.read_bytes(), "1", {"number": str(number)})

    changes = [
        PhotoToIndex(each, 1, "music" if "madonna" in each else "default") for each in photos
    ]
    with open_store(url, pipeline.recipe) as store:
        index_photos(changes, read, pipeline, store)


@contextmanager
def serving(url: str, models: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """The address of a server over the store at `url`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "facesearch_local.cli", "serve", "--port", "0", "--store", url],
        env={**os.environ, "FACESEARCH_MODELS": str(models), "FACESEARCH_THREADS": "1", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    found = re.search(r"listening on (http://\S+)$", line)
    assert found, line + process.stdout.read()
    yield found[1]
    process.terminate()
    printed, _ = process.communicate(timeout=30)
    assert (process.returncode, printed) == (0, "")
