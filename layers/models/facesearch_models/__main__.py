"""`python -m facesearch_models RESULT`: find the quantisation's calibration anew."""

import os
import sys
from pathlib import Path

import click
import onnx

from facesearch.settings import Settings
from facesearch_models.calibrate import calibrate, sample_crops
from facesearch_models.calibration import save_calibration
from facesearch_models.errors import BuildError


@click.command()
@click.option(
    "--target",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the models; else FACESEARCH_MODELS, else the user's cache.",
)
@click.argument("result", type=click.Path(dir_okay=False, path_type=Path))
def main(target: Path | None, result: Path) -> None:
    """Write calibration.json to RESULT, from built models and their sample's training photos."""
    folder = target or Settings.from_env(os.environ).models
    model = onnx.load(folder / "facenet-fp32.onnx")
    save_calibration(calibrate(model, sample_crops(folder / "sample", "train")), result)


if __name__ == "__main__":
    try:
        main()
    except BuildError as error:
        sys.exit(f"error: {error}")
