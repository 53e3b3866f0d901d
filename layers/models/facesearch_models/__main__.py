"""`python -m facesearch_models`: build the models, or find the calibration anew."""

import os
import sys
from pathlib import Path

import click

from facesearch.settings import Settings
from facesearch_models.build import build_models
from facesearch_models.errors import BuildError
from facesearch_models.progress import ShownProgress

_target = click.option(
    "--target",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the models; else FACESEARCH_MODELS, else the user's cache.",
)


@click.group()
def main() -> None:
    """The models of facesearch."""


@main.command()
@_target
def build(target: Path | None) -> None:
    """Download, convert and quantise the models, once."""
    folder = target or Settings.from_env(os.environ).models
    with ShownProgress() as report:
        build_models(folder, report=report)
    click.echo(folder)


@main.command(name="calibrate")
@_target
@click.argument("result", type=click.Path(dir_okay=False, path_type=Path))
def calibrate_command(target: Path | None, result: Path) -> None:
    """Write calibration.json to RESULT, from built models and their sample's training photos."""
    import onnx

    from facesearch_models.calibrate import calibrate, sample_crops
    from facesearch_models.calibration import save_calibration

    folder = target or Settings.from_env(os.environ).models
    model = onnx.load(folder / "facenet-fp32.onnx")
    save_calibration(calibrate(model, sample_crops(folder / "sample", "train")), result)


if __name__ == "__main__":
    try:
        main()
    except BuildError as error:
        sys.exit(f"error: {error}")
