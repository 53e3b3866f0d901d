"""The options that several commands share, and the settings that they change."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from facesearch.errors import SettingsError
from facesearch.settings import STORE_FILE, Settings, default_store
from facesearch.store_urls import url_of
from facesearch_local.cli.command import CollectionName
from facesearch_local.cli.output import print_note

store_option = click.option(
    "--store",
    "store_url",
    metavar="FILE|URL",
    help="Where the faces are stored: a file, or OpenSearch by its URL (FACESEARCH_STORE; default: "
    "faces.db in your data folder, which 'facesearch status' names).",
)
collection_option = click.option(
    "--collection",
    type=CollectionName(),
    help="The collection that the photos are to be in. [default: the one they are in, or default]",
)
exclude_option = click.option(
    "--exclude",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Leave out what has this name in a folder, this path below it ('*/raw/*') or this path of "
    "its own (./scans). Several may be given. Names that start with a dot, bins, and thumbnails of "
    "NAS and photo programs always are.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes to share the work (default: one for each CPU that it may use, as far as memory "
    "allows).",
)
recipe_option = click.option(
    "--recipe",
    metavar="NAME",
    help="How photos are looked at: a recipe's name, or its .toml file (FACESEARCH_RECIPE; "
    "default: the store's, else facenet). 'facesearch models recipes' lists them.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def environment(recipe: str | None) -> Mapping[str, str]:
    """The environment, in which the recipe of the command line replaces its own."""
    if recipe is None:
        return os.environ
    if not recipe:
        raise SettingsError(
            "--recipe is empty: name a recipe of 'facesearch models recipes', or a .toml file"
        )
    return {**os.environ, "FACESEARCH_RECIPE": recipe}


def read_settings(store_url: str | None = None, recipe: str | None = None) -> Settings:
    """The settings of the environment. Store and recipe of the command line replace theirs."""
    settings = Settings.from_env(environment(recipe))
    if store_url:
        return replace(settings, store_url=url_of(store_url))
    note_other_store()
    return settings


def model_settings(recipe: str | None = None) -> Settings:
    """The settings for a command that uses no store."""
    return Settings.from_env(environment(recipe))


def note_other_store() -> None:
    """Tell of a store in the current folder, the default place in earlier versions, if unused."""
    if os.environ.get("FACESEARCH_STORE"):
        return
    here, used = Path(STORE_FILE), default_store()
    if here.is_file() and used.absolute() != here.absolute():
        print_note(
            f"the store is {used}; this folder has another, {here}: --store {here} uses that one"
        )
