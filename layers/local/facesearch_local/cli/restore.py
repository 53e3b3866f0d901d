"""`facesearch restore`: replace the store with a copy."""

from pathlib import Path

import click

from facesearch.errors import StoreDamaged, StoreNotFound
from facesearch.stores.sqlite.backup import check_copy, check_whose, restore
from facesearch_local.cli.asking import can_ask
from facesearch_local.cli.backup import check_apart, copied, copied_json, store_file
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_json


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch restore faces-2026-11-28.db
  facesearch restore --yes --store /var/lib/faces.db /backup/faces.db""",
)
@click.argument(
    "file", metavar="COPY", type=click.Path(path_type=Path, dir_okay=False, exists=True)
)
@click.option("--yes", is_flag=True, help="Replace what the store holds without a question.")
@store_option
@json_option
def command(file: Path, yes: bool, store_url: str | None, as_json: bool) -> None:
    """Put COPY, which 'facesearch backup' made, in the store's place.

    It is checked first. If there is a store already, it asks, or needs --yes. Programs that
    have the store open see what it holds from then on.
    """
    store = store_file(read_settings(store_url).store_url)
    copy = file.absolute()
    check_apart(copy, store)
    held = copied(check_copy(copy))
    check_whose(store)
    if store.exists() and not yes:
        question = f"{store} {_held(store)}. Replace it with {held}"
        if not can_ask(as_json=as_json):
            raise click.ClickException(f"{question}? Use --yes to do so")
        click.confirm(f"{question}?", abort=True, err=True)
    status = restore(copy, store)
    if as_json:
        print_json({**copied_json(status), "store": str(store)})
    else:
        click.echo(f"{copied(status)} restored to {store}")


def _held(store: Path) -> str:
    try:
        return f"holds {copied(check_copy(store))}"
    except StoreNotFound:
        return "is empty"
    except StoreDamaged:
        return "is damaged, or no store"
