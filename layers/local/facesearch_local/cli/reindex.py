"""`facesearch reindex`: rebuild a store for other models or index settings while it is in use."""

import click

from facesearch.choosing import with_recipe_to_rebuild
from facesearch.photos.places import Photos
from facesearch.reindexing import reindex_store
from facesearch.settings import Settings
from facesearch.stores import open_rebuild, open_store
from facesearch.stores.rebuilding import Rebuilt
from facesearch_local.cli.command import Command
from facesearch_local.cli.fetching import open_pipeline
from facesearch_local.cli.options import json_option, read_settings, recipe_option, store_option
from facesearch_local.cli.output import Json, print_json
from facesearch_local.cli.progress import show_progress
from facesearch_local.counting import counted_are


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch reindex --store 'opensearch://localhost:9200/faces?m=32&shards=2'
  facesearch reindex --recipe facenet-fp32 --store opensearch+aws://…/faces
  facesearch reindex --store opensearch+aws://…/faces --drop-old""",
)
@store_option
@recipe_option
@click.option("--drop-old", is_flag=True, help="Delete the indexes that have been replaced.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    store_url: str | None, recipe: str | None, drop_old: bool, as_json: bool, quiet: bool
) -> None:
    """Rebuild a store for the models and the settings in its URL, then change over.

    Searches and writes go on meanwhile; for the last moments writers wait. With other models,
    every photo is read and looked at again; otherwise the index is copied. If it is cut short,
    run it again: it goes on where it was. The old index is kept until --drop-old, and answers
    those who still use the old models; it takes no writes any more.
    """
    settings = with_recipe_to_rebuild(read_settings(store_url, recipe))
    rebuilt = rebuild_store(settings, quiet=quiet or as_json)
    dropped: list[str] = []
    if drop_old:
        in_use = open_pipeline(settings).recipe
        with open_rebuild(settings.store_url, in_use) as rebuild:
            dropped = rebuild.drop_old()
    _report(rebuilt, dropped, as_json=as_json)


def rebuild_store(
    settings: Settings, *, keep_shape: bool = False, quiet: bool = False
) -> Rebuilt | None:
    """Rebuild the store; None if it needs no rebuild. Raises `ReadError` or a `StoreError`."""
    pipeline = open_pipeline(settings)
    with open_rebuild(settings.store_url, pipeline.recipe, keep_shape=keep_shape) as rebuild:
        with open_store(settings.store_url, recipe=None) as store:
            total = store.counts().photos
        with show_progress("Rebuilding", "photos", total, quiet=quiet) as advance:
            shown = 0

            def progress(done: int, _: int) -> None:
                nonlocal shown
                advance(max(0, min(done, total) - shown))
                shown = max(shown, min(done, total))

            return reindex_store(rebuild, Photos().read, pipeline, progress)


def rebuilt_json(rebuilt: Rebuilt | None) -> dict[str, Json]:
    """The result of a rebuild as JSON."""
    return {
        "rebuilt": rebuilt is not None,
        "old": rebuilt.old if rebuilt else None,
        "new": rebuilt.new if rebuilt else None,
        "photos": rebuilt.photos if rebuilt else 0,
    }


def _report(rebuilt: Rebuilt | None, dropped: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({**rebuilt_json(rebuilt), "dropped": dropped})
        return
    if rebuilt is None:
        click.echo("The store has this recipe and shape already: nothing to rebuild.")
    else:
        photos = counted_are(rebuilt.photos, "photo")
        click.echo(f"{photos} in {rebuilt.new} now; {rebuilt.old} is replaced.")
    for name in dropped:
        click.echo(f"{name} is deleted.")
