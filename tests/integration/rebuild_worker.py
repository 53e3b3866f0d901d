"""A reindex in a process of its own, that dies where the test wants it to."""

import os
import signal
from collections.abc import Sequence

from facesearch.faces import Photo, Recipe
from facesearch.stores import FaceStore
from facesearch.stores.opensearch.rebuild import OpenSearchRebuild
from facesearch.stores.opensearch.settings import OpenSearchSettings
from tests.contract.samples import indexed, vector


def embed_anew(photos: Sequence[Photo], store: FaceStore) -> None:
    """What another recipe might see: one face, another vector."""
    written = store.write(
        [
            indexed(photo.photo_id, photo.sequence, [vector(10_000 + photo.width)])
            for photo in photos
        ]
    )
    assert False not in written


def die_after(url: str, recipe: Recipe, steps: int) -> None:
    """SIGKILL itself after so many reports of progress."""
    left = steps

    def progress(_: int, __: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with OpenSearchRebuild(OpenSearchSettings.from_url(url), recipe) as rebuild:
        rebuild.run(embed_anew, progress)
