"""`facesearch snapshot`: save an OpenSearch store in a bucket or folder, and put it back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from facesearch.errors import SettingsError, StoreNotFound
from facesearch.store_urls import without_password
from facesearch.stores.opensearch.snapshots import Snapshot, StoreSnapshots, repository_at
from facesearch_local.cli.asking import can_ask
from facesearch_local.cli.command import CommandGroup
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import Json, print_json
from facesearch_local.cli.progress import show_progress
from facesearch_local.counting import counted_are

role_option = click.option(
    "--role",
    metavar="ARN",
    default="",
    help="The role in which OpenSearch Service writes to the bucket (output SnapshotRole).",
)


@click.group(
    cls=CommandGroup,
    epilog="""\b
Examples:
  facesearch snapshot take s3://facesearch-prod-snapshots-… --role ARN --store opensearch+aws://…
  facesearch snapshot restore s3://facesearch-prod-snapshots-… --role ARN --store …""",
)
def command() -> None:
    """Save an OpenSearch store in a bucket or folder, and put it back.

    PLACE is s3://bucket/prefix, or file:///folder for a cluster of one's own, which must name the
    folder in path.repo. One place is for the stores of one cluster.
    """


@command.command(
    epilog="""\b
Examples:
  facesearch snapshot take s3://facesearch-prod-snapshots-… --role ARN --store opensearch+aws://…
  facesearch snapshot take file:///snapshots --store opensearch://localhost:9200/faces"""
)
@click.argument("place")
@role_option
@store_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def take(place: str, role: str, store_url: str | None, *, as_json: bool, quiet: bool) -> None:
    """Save the store as of now. Searches and writes go on.

    Only what PLACE does not have yet is written to it.
    """
    with (
        _opened(place, role, store_url) as snapshots,
        _progress("Saving", quiet=quiet or as_json) as progress,
    ):
        taken = snapshots.take(progress)
    if as_json:
        print_json(_as_json(taken))
    else:
        click.echo(f"{taken.name} holds {taken.index}, in {place}")


@command.command(
    "list",
    epilog="""\b
Examples:
  facesearch snapshot list s3://facesearch-prod-snapshots-… --role ARN --store opensearch+aws://…
  facesearch snapshot list file:///snapshots --store opensearch://localhost:9200/faces --json""",
)
@click.argument("place")
@role_option
@store_option
@json_option
def list_snapshots(place: str, role: str, store_url: str | None, *, as_json: bool) -> None:
    """The store's snapshots, the newest last."""
    with _opened(place, role, store_url) as snapshots:
        found = snapshots.all()
    if as_json:
        print_json({"snapshots": [_as_json(each) for each in found]})
        return
    for each in found:
        note = "" if each.whole else "  not whole"
        click.echo(f"{each.name}  {each.began.isoformat(timespec='seconds')}  {each.index}{note}")


@command.command(
    epilog="""\b
Examples:
  facesearch snapshot restore s3://facesearch-prod-snapshots-… --role ARN --store …
  facesearch snapshot restore file:///snapshots faces-20261128t120000z --store …"""
)
@click.argument("place")
@click.argument("name", required=False)
@role_option
@click.option("--yes", is_flag=True, help="Put it in the place of a store that is there.")
@store_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def restore(
    place: str,
    name: str | None,
    role: str,
    yes: bool,
    store_url: str | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Put snapshot NAME (default: the newest) in the store's place.

    An index that is in use is kept beside it. What has changed since the snapshot is missing, and
    photos that were deleted since are back: facesearch reconcile --repair makes both good.
    """
    url = _url(store_url)
    with _opened(place, role, store_url) as snapshots:
        if name is None:
            whole = [each for each in snapshots.all() if each.whole]
            if not whole:
                raise StoreNotFound(f"there is no snapshot of store '{without_password(url)}'")
            name = whole[-1].name
        if snapshots.store_exists() and not yes:
            question = f"Put {name} in the place of store {without_password(url)}"
            if not can_ask(as_json=as_json):
                raise click.ClickException(f"{question}? Use --yes to do so")
            click.confirm(f"{question}?", abort=True, err=True)
        with _progress("Restoring", quiet=quiet or as_json) as progress:
            index, photos = snapshots.restore(name, progress)
    if as_json:
        print_json({"restored": name, "index": index, "photos": photos})
        return
    click.echo(f"{counted_are(photos, 'photo')} in {index} now, as {name} has them.")
    click.echo("What has changed since: facesearch reconcile s3://BUCKET --repair", err=True)


@contextmanager
def _opened(place: str, role: str, store_url: str | None) -> Iterator[StoreSnapshots]:
    repository = repository_at(place, role)
    with StoreSnapshots.from_url(_url(store_url)) as snapshots:
        snapshots.use(repository)
        yield snapshots


def _url(store_url: str | None) -> str:
    url = read_settings(store_url).store_url
    if url.startswith("sqlite:"):
        raise SettingsError(
            f"store '{without_password(url)}' is a file: facesearch backup copies it"
        )
    return url


@contextmanager
def _progress(doing: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Bytes, of which it is known only later how many they are: shown in thousandths."""
    with show_progress(doing, "thousandths", 1000, quiet=quiet) as advance:
        shown = 0

        def progress(done: int, total: int) -> None:
            nonlocal shown
            reached = 1000 * done // total if total else 0
            advance(max(reached - shown, 0))
            shown = max(reached, shown)

        yield progress


def _as_json(snapshot: Snapshot) -> dict[str, Json]:
    return {
        "name": snapshot.name,
        "index": snapshot.index,
        "began": snapshot.began.isoformat(),
        "whole": snapshot.whole,
    }
