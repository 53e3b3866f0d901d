"""`facesearch upgrade`: index a store's photos again with the models in use now."""

import click

from facesearch.choosing import with_recipe_to_rebuild
from facesearch.stores import open_store
from facesearch_local.cli import DONE, PARTLY_DONE
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, read_settings, recipe_option, store_option
from facesearch_local.cli.output import print_error, print_json
from facesearch_local.cli.reindex import rebuild_store, rebuilt_json
from facesearch_local.counting import counted_are
from facesearch_local.library.compare import is_mass
from facesearch_local.library.selecting import Selection


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch backup faces.backup
  facesearch upgrade
  facesearch upgrade --store opensearch://localhost:9200/faces --json""",
)
@store_option
@recipe_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(store_url: str | None, recipe: str | None, as_json: bool, quiet: bool) -> int:
    """Look at all stored photos again with the models and methods in use now.

    Needed when a store answers that its embeddings were made by another recipe. Collections and
    metadata stay. The store is as it was until all is done; if it is cut short, run it again: it
    goes on where it was. Photos whose files are missing stay without faces; if they are many,
    nothing is done: a disk may not be mounted.
    """
    settings = with_recipe_to_rebuild(read_settings(store_url, recipe))
    with open_store(settings.store_url, None) as store:
        selection = Selection(missing=True)
        missing = sum(1 for _ in selection.photos(store))
        if is_mass(missing, selection.considered):
            print_error(
                f"{missing:,} of {selection.considered:,} photos are missing: mount the disk that "
                "they are on, or let them go with 'facesearch forget --missing'"
            )
            return PARTLY_DONE
    rebuilt = rebuild_store(settings, keep_shape=True, quiet=quiet or as_json)
    missing = missing if rebuilt else 0
    if as_json:
        print_json({**rebuilt_json(rebuilt), "missing": missing})
    elif rebuilt is None:
        click.echo("The store has this recipe already: nothing to upgrade.")
    else:
        click.echo(f"{counted_are(rebuilt.photos, 'photo')} upgraded; {rebuilt.old} is replaced.")
        if missing:
            print_error(
                f"{counted_are(missing, 'file')} missing: photos are without faces until their "
                "files are indexed again"
            )
    return PARTLY_DONE if missing else DONE
