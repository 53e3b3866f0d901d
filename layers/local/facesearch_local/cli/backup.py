"""`facesearch backup`: a copy of the store, taken while it is in use."""

from pathlib import Path

import click

from facesearch.errors import SettingsError
from facesearch.stores.sqlite.backup import back_up
from facesearch.stores.sqlite.store import path_of_url
from facesearch.stores.urls import without_password
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_json, saved


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch backup faces-2026-11-28.db
  facesearch backup --force --store sqlite:////var/lib/faces.db /backup/faces.db""",
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it is there already.")
@store_option
@json_option
def command(file: Path, force: bool, store_url: str | None, as_json: bool) -> None:
    """Copy the store, in one file, to FILE, and check the copy.

    The copy is of one moment, even while photos are indexed. It holds faces and names of photos:
    only its owner may read it. 'facesearch restore' puts it back; it is also a store itself.
    """
    store = store_file(read_settings(store_url).store_url)
    if file.exists() and not force:
        raise click.ClickException(f"{file} is there already: use --force to replace it")
    with saved(file):
        counts = back_up(store, file.absolute())
    if as_json:
        print_json({"photos": counts.photos, "faces": counts.faces, "file": str(file)})
    else:
        click.echo(f"{counts.photos:,} photos with {counts.faces:,} faces copied to {file}")


def store_file(url: str) -> Path:
    """The file of the store at `url`. Raises `SettingsError` for a store that is not a file."""
    path = path_of_url(url) if url.startswith("sqlite:") else None
    if path is None:
        raise SettingsError(
            f"store '{without_password(url)}' is no file: OpenSearch takes snapshots of its own "
            "indexes, and keeps them in a repository"
        )
    return path.absolute()
