"""`facesearch serve`: what API Gateway and Lambda do in the cloud, on this machine."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from facesearch.choosing import with_stored_recipe
from facesearch.collections import check_collection_name
from facesearch.settings import default_store
from facesearch_local.cli.command import Command
from facesearch_local.cli.fetching import fetch_models
from facesearch_local.cli.options import (
    environment,
    note_other_store,
    recipe_option,
    store_option,
)
from facesearch_local.server import serve
from facesearch_local.server.access import is_loopback
from facesearch_local.settings import ServeSettings


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch serve --open
  facesearch serve --store /var/lib/faces.db --port 9000
  facesearch serve --uploads ~/Pictures/new
  facesearch serve --host 0.0.0.0 --allow-host photos.example.org
  curl --data-binary @portrait.jpg -H 'Content-Type: image/jpeg' http://127.0.0.1:8000/v1/search""",
)
@store_option
@recipe_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The TCP port."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Searches worked at, at once, each by a process of its own (default: one for each usable "
    "core, at most 4, as far as memory allows).",
)
@click.option(
    "--api-key",
    metavar="KEY",
    envvar="FACESEARCH_API_KEY",
    help="What callers have to send as X-Api-Key (FACESEARCH_API_KEY). Without, there is none on "
    "this machine's own addresses; on others, one is made up and printed.",
)
@click.option(
    "--limited-key",
    "limited_keys",
    multiple=True,
    metavar="KEY=COLLECTION",
    help="A further key, for callers who see this collection only; give it again for further "
    "collections.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A further name that callers may call this machine by, such as a proxy's.",
)
@click.option(
    "--uploads",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Let callers add photos, which are kept in this folder and indexed at once (default: the "
    "folder 'photos' beside the store in the user's data folder, if that is used and only this "
    "machine can ask; FACESEARCH_UPLOADS=off: none).",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
def command(
    store_url: str | None,
    recipe: str | None,
    host: str,
    port: int,
    workers: int | None,
    api_key: str | None,
    limited_keys: tuple[str, ...],
    hosts: tuple[str, ...],
    uploads: Path | None,
    open_page: bool,
) -> None:
    """The search API and its page, on this machine."""
    # Searches run beside each other, one thread each.
    environ = {"FACESEARCH_THREADS": "1", **environment(recipe)}
    if store_url:
        environ["FACESEARCH_STORE"] = store_url
    else:
        note_other_store()
    if uploads is not None:
        environ["FACESEARCH_UPLOADS"] = str(uploads.absolute())
    elif is_loopback(host) and not (store_url or environ.get("FACESEARCH_STORE")):
        # One's own machine and its own store: its photos go beside it.
        environ.setdefault("FACESEARCH_UPLOADS", str(default_store().absolute().parent / "photos"))
    settings = ServeSettings.from_env(environ)
    shared = with_stored_recipe(settings.search.shared)
    fetch_models(shared)
    serve(
        host,
        port,
        replace(settings, search=replace(settings.search, shared=shared)),
        workers=workers or 0,
        api_key=api_key or "",
        hosts=hosts,
        open_page=open_page,
        limited_keys=_collections_of(limited_keys, api_key or ""),
    )


def _collections_of(limited_keys: Sequence[str], api_key: str) -> Mapping[str, Collection[str]]:
    """The collections of each limited key. Raises `BadParameter`, which tells no key."""
    found: dict[str, set[str]] = {}
    for number, each in enumerate(limited_keys, start=1):
        key, _, collection = each.partition("=")
        if not key or not collection or key == api_key:
            raise click.BadParameter(
                f"number {number} is no KEY=COLLECTION with a key of its own: use a new key, "
                "without =, then = and the collection.",
                param_hint="'--limited-key'",
            )
        found.setdefault(key, set()).add(check_collection_name(collection))
    return found
