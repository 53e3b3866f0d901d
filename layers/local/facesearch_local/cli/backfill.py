"""`facesearch backfill`: index photos that are in the bucket already."""

from collections.abc import Iterator
from pathlib import Path

import click

from facesearch.files import check_regular, complete_file
from facesearch_local.cli.aws import notified_queue, open_s3, open_sqs
from facesearch_local.cli.bucket import (
    ListedObject,
    bucket_and_prefix,
    in_batches,
    list_objects,
    send_messages,
)
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option
from facesearch_local.cli.output import print_json, saved
from facesearch_local.cli.progress import show_progress
from facesearch_local.counting import counted


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch backfill s3://my-photos --dry-run
  facesearch backfill s3://my-photos/2019/ --state backfill.state
  facesearch backfill s3://my-photos/encrypted/ --again
  facesearch backfill s3://my-photos --queue https://sqs.eu-west-1.amazonaws.com/…/changes""",
)
@click.argument("place", metavar="s3://BUCKET/PREFIX")
@click.option(
    "--queue",
    "queue_url",
    metavar="URL",
    help="Where the messages go (default: the queue that the bucket tells of new objects).",
)
@click.option(
    "--state",
    "state_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Holds how far it got: with the same file, the next run goes on from there.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Have photos looked at again that are indexed already, or failed. Archived ones are left "
    "out.",
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *,
    place: str,
    queue_url: str | None,
    state_file: Path | None,
    again: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Have the photos indexed that are in a bucket already.

    Sends a message for each object whose key starts with PREFIX, as S3 does for new ones. It is
    harmless to send one twice, and photos that are indexed already stay as they are, unless they
    are to be looked at --again: those of a key that could not be used, for instance.
    """
    if state_file is not None:
        # Not /dev/stdout, say, but the file that it leads to.
        state_file = state_file.resolve()
        with saved(state_file):
            check_regular(state_file)
    bucket, prefix = bucket_and_prefix(place)
    s3, sqs = open_s3(), open_sqs()
    after = state_file.read_text("utf-8") if state_file and state_file.exists() else ""

    def objects() -> Iterator[ListedObject]:
        # Archived photos cannot be looked at again: they keep their faces.
        listed = list_objects(s3, bucket, prefix, after)
        return (each for each in listed if not (again and each.is_archived))

    total = sum(1 for _ in objects())
    sent = 0
    if not dry_run:
        queue = queue_url or notified_queue(s3, sqs, bucket)
        with show_progress("Sending", "photos", total, quiet=quiet or as_json) as advance:
            for stored in in_batches(objects()):
                messages = [
                    each.message(each.listed if again else each.modified) for each in stored
                ]
                send_messages(sqs, queue, messages)
                _remember(state_file, stored[-1].key)
                sent += len(stored)
                advance(len(stored))
    if as_json:
        print_json({"photos": total, "sent": sent, "after": after})
    elif dry_run:
        click.echo(f"{counted(total, 'photo')} would be sent")
    else:
        click.echo(f"{counted(sent, 'photo')} sent: indexed as fast as the queue is worked off")


def _remember(state_file: Path | None, key: str) -> None:
    if state_file is None:
        return
    with saved(state_file), complete_file(state_file) as file:
        file.write(key.encode())
