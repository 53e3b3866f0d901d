"""The options that several commands share, and the settings that they change."""

import os
from dataclasses import replace

import click

from facesearch.settings import DEFAULT_STORE, Settings

store_option = click.option(
    "--store",
    "store_url",
    metavar="URL",
    help=f"Where the faces are stored (FACESEARCH_STORE; default: {DEFAULT_STORE}).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def read_settings(store_url: str | None = None) -> Settings:
    """The settings of the environment. The store of the command line replaces theirs."""
    settings = Settings.from_env(os.environ)
    return replace(settings, store_url=store_url) if store_url else settings
