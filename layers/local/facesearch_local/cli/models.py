"""`facesearch models`: build the model files, and list them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path

import click

from facesearch.errors import ModelError
from facesearch.faces import Recipe
from facesearch.recipes.finding import ChosenRecipe, find_recipe, names
from facesearch.vision.identity import recipe_of
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.cli.command import CommandGroup
from facesearch_local.cli.options import json_option, model_settings
from facesearch_local.cli.output import Json, print_json
from facesearch_local.cli.progress import show_steps
from facesearch_models.brought.adding import Added, Tried, add_recipe
from facesearch_models.build import build_models
from facesearch_models.further.build import build_network, load_further, needed_networks
from facesearch_models.manifest import Source, load_manifest
from facesearch_models.mirror import Mirror


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that the build made, and its source."""

    name: str
    bytes: int
    sha256: str
    licence: str
    source: str


@click.group(
    cls=CommandGroup,
    epilog="""\b
Examples:
  facesearch models build
  facesearch models info""",
)
def command() -> None:
    """Build the model files, or tell what they are.

    They are in the folder that FACESEARCH_MODELS names (default: in your cache).
    """


@command.command(
    epilog="""\b
Examples:
  facesearch models build
  facesearch models build --recipe whole-image
  facesearch models build --offline
  facesearch models build --from /mnt/archives
  facesearch models build --from https://mirror.example/facesearch
  FACESEARCH_MODELS=/srv/models facesearch models build"""
)
@click.option(
    "--recipe",
    "recipe_names",
    metavar="NAME",
    multiple=True,
    help="What this recipe needs, too: EfficientNet-Lite0 (17 MB more) or CenterFace (7 MB).",
)
@click.option("--offline", is_flag=True, help="Download nothing; fail if something is missing.")
@click.option(
    "--from",
    "place",
    metavar="FOLDER|URL",
    help="Where to take the archives of manifest.toml from instead of the package index, or models "
    "that another machine has built.",
)
@json_option
def build(*, recipe_names: Sequence[str], offline: bool, place: str | None, as_json: bool) -> None:
    """Download, verify and convert the models; returns at once when that is done.

    Files that were changed or damaged since are made again.
    """
    folder = model_settings().models
    recipes_named = [find_recipe(name, folder) for name in recipe_names]
    mirror = Mirror(place) if place else None
    with show_steps() as progress:
        build_models(folder, report=progress, offline=offline, mirror=mirror)
        for recipe in recipes_named:
            for name in needed_networks(recipe.description):
                build_network(folder, name, report=progress, offline=offline)
    if as_json:
        print_json({"folder": str(folder)})
    else:
        click.echo(f"The models are in {folder}")


@command.command(
    epilog="""\b
Examples:
  facesearch models info
  facesearch models info --json
  ls "$(facesearch models info --folder)/sample" """
)
@click.option("--folder", "only_folder", is_flag=True, help="Print the folder, nothing else.")
@json_option
def info(only_folder: bool, as_json: bool) -> None:
    """The model files: sizes, SHA-256, licences; and the fingerprint of the recipe."""
    settings = model_settings()
    if only_folder:
        click.echo(settings.models)
        return
    files = _files(settings.models)
    recipe = FacePipeline.from_settings(settings).recipe
    if as_json:
        print_json(
            {
                "folder": str(settings.models),
                "files": [asdict(file) for file in files],
                "recipe": {**_steps(recipe), "fingerprint": recipe.fingerprint},
            }
        )
    else:
        _print(settings.models, files, recipe)


@command.command(
    epilog="""\b
Examples:
  facesearch models add mine.toml network.onnx
  facesearch models add mine.toml network.onnx --int8
  facesearch models add whole-image-resnet50 resnet50.onnx

How a recipe is written: layers/models/README.md."""
)
@click.argument("recipe_name", metavar="RECIPE")
@click.argument("file", metavar="FILE.onnx", type=click.Path(path_type=Path))
@click.option("--int8", is_flag=True, help="Quantise the network to 8 bits: faster, and smaller.")
@json_option
def add(*, recipe_name: str, file: Path, int8: bool, as_json: bool) -> None:
    """Bring the network of a recipe: a .toml file, or one that 'models recipes' says lacks it.

    The file is checked and tried on the sample's photos before it is added. Those tell little of
    your photos: measure with 'facesearch evaluate PEOPLE --recipe NAME --calibrate'.
    """
    models = model_settings().models
    with show_steps() as progress:
        build_models(models, report=progress)
        added = add_recipe(find_recipe(recipe_name, models), file, models, progress, int8=int8)
    if as_json:
        print_json(_tried(added))
    else:
        _print_added(added)


@command.command(
    epilog="""\b
Examples:
  facesearch models recipes
  facesearch models recipes --json"""
)
@json_option
def recipes(as_json: bool) -> None:
    """The recipes that --recipe takes, and whether their distances are calibrated."""
    models = model_settings().models
    found = [find_recipe(name, models) for name in names(models)]
    if as_json:
        print_json([_described(each) for each in found])
        return
    for each in found:
        network = each.description.network
        state = "calibrated" if each.description.calibration else "not calibrated"
        if not network.sha256:
            state = f"bring its network: facesearch models add {each.name} FILE.onnx"
        size = f"{network.dimension:,} numbers"
        click.echo(f"{each.name:<26}{each.description.regions:<12} {size:<14} {state}")


def _tried(added: Added) -> dict[str, Json]:
    description = _described(added.recipe)
    return {
        **description,
        "file": str(added.recipe.file),
        "tried": _trial(added.tried),
        "before_int8": _trial(added.precise) if added.precise else None,
        "moved_by_int8": added.moved,
    }


def _trial(tried: Tried) -> dict[str, Json]:
    trial = tried.trial
    return {
        "bytes": tried.bytes,
        "photos": len(trial.vectors),
        "milliseconds": trial.milliseconds,
        "rank_1": trial.rank_1,
        "distances": {
            "repeated": trial.repeated,
            "shifted": trial.shifted,
            "mirrored": trial.mirrored,
            "same_person": trial.same_person,
            "different_people": trial.different_people,
        },
        "doubts": list[Json](trial.doubts),
    }


def _print_added(added: Added) -> None:
    name, trial = added.recipe.name, added.tried.trial
    click.echo(f"recipe {name} is added: {added.recipe.file}")
    _print_trial(added.tried)
    if added.precise:
        click.echo(
            f"before it had 8 bits; a photo's vector moved by {added.moved:.3f} (the median):"
        )
        _print_trial(added.precise)
    click.echo(
        f"median distances: {trial.shifted:.3f} to itself shifted by 2 %, {trial.mirrored:.3f} "
        f"mirrored, {trial.same_person:.3f} to another of the same person, "
        f"{trial.different_people:.3f} of different people"
    )
    for doubt in trial.doubts:
        click.echo(f"doubtful: {doubt}. Look at its size, layout, colours, pixels and cuts.")
    click.echo(
        "Those are 93 photos of five people. Measure it on your own, and calibrate it: facesearch "
        f"evaluate PEOPLE --recipe {name} --calibrate"
    )


def _print_trial(tried: Tried) -> None:
    trial = tried.trial
    click.echo(
        f"  {tried.bytes / 1e6:.1f} MB, {trial.milliseconds:.1f} ms a picture on one core; of "
        f"{len(trial.vectors)} photos, {trial.rank_1:.0%} have one of the same person nearest"
    )


def _described(chosen: ChosenRecipe) -> dict[str, Json]:
    description = chosen.description
    network = description.network
    return {
        "name": chosen.name,
        "regions": description.regions,
        "dimension": network.dimension,
        "unit_length": network.unit_length,
        "licence": network.licence,
        "source": network.source,
        "network": network.sha256 or None,
        "calibrated": description.calibration is not None,
        "fingerprint": recipe_of(description).fingerprint if network.sha256 else None,
    }


def _files(folder: Path) -> list[ModelFile]:
    manifest = load_manifest()
    files = [
        _file(folder, name, manifest.sources[output.source])
        for name, output in manifest.outputs.items()
    ]
    files += [
        _file(folder, name, network.source)
        for name, network in load_further().items()
        if (folder / name).is_file()
    ]
    return files


def _file(folder: Path, name: str, source: Source) -> ModelFile:
    try:
        with (folder / name).open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except FileNotFoundError as error:
        raise ModelError(
            f"model {folder / name} is missing: run 'facesearch models build'"
        ) from error
    return ModelFile(name, size, digest, source.licence, f"{source.package} {source.version}")


def _steps(recipe: Recipe) -> dict[str, str]:
    return {"detector": recipe.detector, "crop": recipe.crop, "embedder": recipe.embedder}


def _print(folder: Path, files: list[ModelFile], recipe: Recipe) -> None:
    click.echo(f"folder    {folder}")
    for file in files:
        click.echo(f"{file.name:<18}{file.bytes / 1e6:6.1f} MB  {file.licence}, from {file.source}")
        click.echo(f"{'':<18}SHA-256 {file.sha256}")
    click.echo(f"recipe    {recipe.fingerprint}")
    for step, text in _steps(recipe).items():
        click.echo(f"  {step:<8}  {text}")
