"""What a process holds after photos, beside its models, in MB.

`python -m tests.benchmarks.memory_probe FOLDER [apart]`. With `apart`, each network keeps memory of
its own, and plans by the shapes it has seen: ONNX Runtime's defaults. Photos come in several sizes,
so that the networks' inputs differ.
"""

import argparse
import io
import os
from pathlib import Path

from PIL import Image

from facesearch.settings import Settings
from facesearch.vision.pipeline import FacePipeline
from tests.benchmarks.load.phases import held_by

SIZES = (160, 250, 320)


def use_defaults() -> None:
    import onnxruntime as ort

    class Apart(ort.SessionOptions):  # type: ignore[misc]  # it has no types
        enable_mem_pattern = True

        def add_session_config_entry(self, key: str, value: str) -> None:
            if key != "session.use_env_allocators":
                super().add_session_config_entry(key, value)

    ort.SessionOptions = Apart


def in_sizes(path: Path) -> list[bytes]:
    """The photo, resized."""
    files = []
    for size in SIZES:
        file = io.BytesIO()
        with Image.open(path) as image:
            image.convert("RGB").resize((size, size)).save(file, "JPEG")
        files.append(file.getvalue())
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("apart", nargs="?", choices=["apart"])
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*.jpg"))
    if not paths:
        parser.error(f"{arguments.folder} holds no *.jpg")
    if arguments.apart:
        use_defaults()
    pipeline = FacePipeline.from_settings(Settings.from_env({"FACESEARCH_THREADS": "1"}))
    before = held_by(os.getpid())["own_memory_mb"]
    for path in paths:
        for photo in in_sizes(path):
            batch = pipeline.batch_to_index()
            batch.add(photo)
            batch.finish()
    print(held_by(os.getpid())["own_memory_mb"] - before)


if __name__ == "__main__":
    main()
