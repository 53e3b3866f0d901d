"""`facesearch status`: what a store holds and how it is, for operators."""

import os
from collections.abc import Mapping
from dataclasses import asdict

import click

from facesearch.choosing import recipe_here
from facesearch.faces import Recipe
from facesearch.settings import models_folder
from facesearch.store_urls import without_password
from facesearch.stores import StoreStatus, open_store
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_json, print_note


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch status
  facesearch status --store opensearch://localhost:9200/faces --json | jq .health""",
)
@store_option
@json_option
def command(store_url: str | None, as_json: bool) -> None:
    """Photos, faces, size, recipe and health of the store.

    Photos are counted as 'facesearch index' does: failed ones, which could not be used, apart.

    Health is green when all is well, yellow when an index has no spare copy on another node (as
    always with one node), red when some of it cannot be read.
    """
    url = read_settings(store_url).store_url
    with open_store(url, recipe=None) as store:
        status = store.status()
    if as_json:
        _print_json(url, status)
        return
    for name, value in _lines(url, status):
        click.echo(f"{name:<8} {value}")
    for note in status.notes:
        print_note(note)


def _lines(url: str, status: StoreStatus) -> list[tuple[str, str]]:
    recipe = status.recipe
    return [
        ("store", f"{without_password(url)} ({status.place})"),
        ("photos", f"{status.counts.photos - status.failed:,}{_lacking(status)}"),
        ("faces", f"{status.counts.faces:,}{_left_out(status)}"),
        ("size", f"{status.size_bytes / 1e6:,.1f} MB"),
        ("health", status.health),
        (
            "recipe",
            f"{_name(recipe) or 'unknown here'}, {recipe.fingerprint} ({recipe.detector}; "
            f"{recipe.crop}; {recipe.embedder})",
        ),
    ]


def _name(recipe: Recipe) -> str | None:
    here = recipe_here(recipe.fingerprint, models_folder(os.environ))
    return here.name if here else None


def _lacking(status: StoreStatus) -> str:
    return _named({"without a face": status.without_face, "failed besides": status.failed})


def _left_out(status: StoreStatus) -> str:
    left_out = status.left_out
    return _named(
        {
            "left out by quality": left_out.by_quality,
            "left out by max_faces": left_out.by_max_faces,
        }
    )


def _named(counts: Mapping[str, int]) -> str:
    """The counts that are not 0, in brackets."""
    parts = [f"{number:,} {what}" for what, number in counts.items() if number]
    return f" ({', '.join(parts)})" if parts else ""


def _print_json(url: str, status: StoreStatus) -> None:
    recipe = status.recipe
    print_json(
        {
            "store": without_password(url),
            "place": status.place,
            "photos": status.counts.photos - status.failed,
            "faces": status.counts.faces,
            "without_face": status.without_face,
            "failed": status.failed,
            "left_out": asdict(status.left_out),
            "size_bytes": status.size_bytes,
            "health": status.health,
            "recipe": {
                "name": _name(recipe),
                "fingerprint": recipe.fingerprint,
                "detector": recipe.detector,
                "crop": recipe.crop,
                "embedder": recipe.embedder,
            },
            "notes": list(status.notes),
        }
    )
