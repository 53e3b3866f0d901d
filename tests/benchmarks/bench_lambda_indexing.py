"""Seconds a photo of the index function's work, in the Lambda runtime image at one CPU."""

import io
import json
import os
import tempfile
from pathlib import Path
from statistics import median

import click
import numpy as np
from PIL import Image

from facesearch.settings import Settings
from tests.benchmarks.bench_cold_start import ENVIRONMENT
from tests.integration.lambda_image import assemble_layers, run_in_image, why_not

LARGE = (4000, 3000)
"""12 megapixels."""


@click.command(
    epilog="Run it from the repository's root: python -m tests.benchmarks.bench_lambda_indexing"
)
@click.option("--runs", default=3, show_default=True, help="Containers, each with its own batch.")
def main(runs: int) -> None:
    """Processor time of a batch of 16 photos, from bytes to embeddings, a photo.

    Small photos are the sample's, large ones the same enlarged to 12 megapixels, with a camera's
    noise. Reading from S3 and writing to the index are waiting, and not in it.
    """
    if (reason := why_not()) is not None:
        raise click.ClickException(reason)
    models = Settings.from_env(os.environ).models
    small = sorted((models / "sample/val").glob("*/*.jpg"))[:16]
    with tempfile.TemporaryDirectory() as opt, tempfile.TemporaryDirectory() as photos:
        assemble_layers(models, Path(opt))
        for kind in ("small", "large"):
            (Path(photos) / kind).mkdir()
        for number, path in enumerate(small):
            (Path(photos) / "small" / f"{number}.jpg").write_bytes(path.read_bytes())
            (Path(photos) / "large" / f"{number}.jpg").write_bytes(enlarged(path, number))
        folders = {Path(__file__).parent: "/probe", Path(photos): "/photos"}
        for kind in ("small", "large"):
            measured = [
                json.loads(
                    run_in_image(
                        Path(opt),
                        folders,
                        "/probe/indexing_probe.py",
                        f"/photos/{kind}",
                        cpus=1,
                        environment=ENVIRONMENT,
                    )
                )
                for _ in range(runs)
            ]
            seconds = [run["seconds"] / run["photos"] for run in measured]
            click.echo(
                f"{kind:6} {min(seconds):.3f} s a photo at best, {median(seconds):.3f} in the "
                f"middle of {runs} ({measured[0]['faces'] / measured[0]['photos']:.1f} faces each)"
            )


def enlarged(path: Path, seed: int) -> bytes:
    """The photo in the middle of 12 megapixels, with noise, as a JPEG."""
    with Image.open(path) as photo:
        photo.thumbnail(LARGE)
        scale = min(LARGE[0] / photo.width, LARGE[1] / photo.height)
        size = (round(photo.width * scale), round(photo.height * scale))
        large = np.zeros((LARGE[1], LARGE[0], 3), np.int16) + 128
        pixels = np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.int16)
    top, left = (LARGE[1] - size[1]) // 2, (LARGE[0] - size[0]) // 2
    large[top : top + size[1], left : left + size[0]] = pixels
    large += np.random.default_rng(seed).integers(-6, 7, large.shape, np.int16)
    buffer = io.BytesIO()
    Image.fromarray(large.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
