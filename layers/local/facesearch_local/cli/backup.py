"""`facesearch backup`: a copy of the store, taken while it is in use."""

import os
from pathlib import Path

import click

from facesearch.errors import SettingsError
from facesearch.files import check_regular
from facesearch.store_urls import without_password
from facesearch.stores import StoreStatus
from facesearch.stores.sqlite.backup import back_up
from facesearch.stores.sqlite.store import path_of_url
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import Json, print_json, saved
from facesearch_local.counting import counted


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch backup faces-2026-11-28.db
  facesearch backup --force --store /var/lib/faces.db /backup/faces.db""",
)
@click.argument("file", metavar="COPY", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace COPY if it is there already.")
@store_option
@json_option
def command(file: Path, force: bool, store_url: str | None, as_json: bool) -> None:
    """Copy the store, in one file, to COPY, and check it.

    It is of one moment, even while photos are indexed. It holds faces and names of photos:
    only its owner may read it. Where COPY is a link, the file that it leads to is written.
    'facesearch restore' puts it back; it is also a store itself.
    """
    store = store_file(read_settings(store_url).store_url)
    check_apart(file, store)
    with saved(file):
        check_regular(file)
    if file.exists() and not force:
        raise click.ClickException(f"{file} is there already: use --force to replace it")
    with saved(file):
        status = back_up(store, real_file(file))
    if as_json:
        print_json({**copied_json(status), "file": str(file)})
    else:
        click.echo(f"{copied(status)} copied to {file}")


def check_apart(copy: Path, store: Path) -> None:
    """Raise `UsageError` if either is the other, or a file that SQLite keeps beside it."""
    for one, other in ((copy, store), (store, copy)):
        real = real_file(other)
        for ending in ("", "-wal", "-shm", "-journal"):
            each = real.with_name(f"{real.name}{ending}")
            if real_file(one) == each or (one.exists() and each.exists() and one.samefile(each)):
                raise click.UsageError(
                    f"{copy} is the store {store} itself, or a part of it: name another file."
                )


def real_file(path: Path) -> Path:
    """The file that a link leads to: files are written there, and links stay."""
    return Path(os.path.realpath(path))


def copied(status: StoreStatus) -> str:
    """What a copy holds, counted as 'facesearch status' does."""
    failed = f" ({status.failed:,} failed besides)" if status.failed else ""
    photos = counted(status.counts.photos - status.failed, "photo")
    return f"{photos} with {counted(status.counts.faces, 'face')}{failed}"


def copied_json(status: StoreStatus) -> dict[str, Json]:
    """The same as JSON."""
    return {
        "photos": status.counts.photos - status.failed,
        "faces": status.counts.faces,
        "failed": status.failed,
    }


def store_file(url: str) -> Path:
    """The file of the store at `url`. Raises `SettingsError` for a store that is not a file."""
    path = path_of_url(url) if url.startswith("sqlite:") else None
    if path is None:
        raise SettingsError(
            f"store '{without_password(url)}' is no file: facesearch snapshot saves it"
        )
    return real_file(path)
