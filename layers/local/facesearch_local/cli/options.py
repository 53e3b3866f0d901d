"""The options that several commands share, and the settings that they change."""

import os
from dataclasses import replace

import click

from facesearch.settings import DEFAULT_STORE, Settings
from facesearch_local.cli.command import CollectionName

store_option = click.option(
    "--store",
    "store_url",
    metavar="URL",
    help=f"Where the faces are stored (FACESEARCH_STORE; default: {DEFAULT_STORE}).",
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
    help="Leave out what has this name in a folder, or this path below it ('*/raw/*'). Several may "
    "be given. Names that start with a dot, bins, and thumbnails of NAS and photo programs always "
    "are.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes to share the work (default: one for each CPU that it may use, as far as memory "
    "allows).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def read_settings(store_url: str | None = None) -> Settings:
    """The settings of the environment. The store of the command line replaces theirs."""
    settings = Settings.from_env(os.environ)
    return replace(settings, store_url=store_url) if store_url else settings
