"""Builds the Lambda layer of models: those of the built ones that the functions open."""

import os
import shutil
from pathlib import Path

import click

from facesearch.settings import Settings
from layers.dependencies.build import LayerBuildError, renew

MODEL_FILES = ("facenet-int8.onnx", "pnet.onnx", "rnet.onnx", "onet.onnx", "models.json")


@click.command()
@click.option("--target", type=click.Path(path_type=Path, file_okay=False), required=True)
def main(target: Path) -> None:
    """Build the layer of models in TARGET."""
    build_models(Settings.from_env(os.environ).models, target)


def build_models(models: Path, target: Path) -> None:
    """Fill `target` with `models/…`, unless it is up to date.

    Raises `LayerBuildError` when one is missing in `models`.
    """
    missing = [name for name in MODEL_FILES if not (models / name).is_file()]
    if missing:
        raise LayerBuildError(
            f"{models} lacks {', '.join(missing)}: run 'facesearch models build', "
            "or name another folder in FACESEARCH_MODELS"
        )

    def fill(layer: Path) -> None:
        (layer / "models").mkdir()
        for name in MODEL_FILES:
            shutil.copyfile(models / name, layer / "models" / name)

    renew(target, ((models / name).read_bytes() for name in MODEL_FILES), fill)


if __name__ == "__main__":
    main()
