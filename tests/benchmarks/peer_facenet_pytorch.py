"""The Python peer, timed by `bench_index`: facenet-pytorch on torch CPU, batched, all threads.

Runs in an environment of its own that has facenet-pytorch; prints seconds and faces as JSON. Its
pretrained weights need a download that is not always possible and do not change the time: random
weights of the same network stand in.
"""

import json
import sys
import time
from pathlib import Path

import torch  # type: ignore[import-not-found, unused-ignore]
from facenet_pytorch import MTCNN, InceptionResnetV1  # type: ignore[import-not-found]
from PIL import Image

BATCH = 16


def main(listing: str) -> None:
    paths = [Path(line) for line in Path(listing).read_text().splitlines()]
    detector, embedder = MTCNN(keep_all=True), InceptionResnetV1(pretrained=None).eval()
    faces = 0
    start = time.perf_counter()
    with torch.no_grad():
        for first in range(0, len(paths), BATCH):
            images = [Image.open(path).convert("RGB") for path in paths[first : first + BATCH]]
            crops = [found for found in detector(images) if found is not None]
            faces += len(embedder(torch.cat(crops))) if crops else 0
    print(json.dumps({"seconds": time.perf_counter() - start, "faces": faces}))


if __name__ == "__main__":
    main(sys.argv[1])
