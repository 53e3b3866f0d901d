"""`facesearch erase`: delete photos from their bucket and from the store, with a receipt."""

import errno
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facesearch.errors import NotFound
from facesearch.faces import PhotoListing
from facesearch.files import check_regular, complete_file
from facesearch.photos.ids import photo_id
from facesearch.store_urls import without_password
from facesearch.stores import open_store
from facesearch_local.cli import DONE, NOTHING_DONE, PARTLY_DONE
from facesearch_local.cli.asking import can_ask
from facesearch_local.cli.aws import open_s3, translate_aws_errors
from facesearch_local.cli.bucket import bucket_and_prefix, in_batches
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import Json, print_error, print_json, printable, saved
from facesearch_local.library.forgetting import forget_photos

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

AT_ONCE = 500
"""Versions deleted in one request: S3 takes 1,000."""
VISIBLE_S = 10.0
"""OpenSearch shows a removal within its refresh interval, a second by default."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch erase s3://my-photos/2019/jane.jpg
  facesearch erase s3://my-photos/customers/4711/ --yes --receipt erased-4711.json""",
)
@click.argument("place", metavar="s3://BUCKET/KEY|s3://BUCKET/PREFIX/")
@store_option
@click.option("--yes", is_flag=True, help="Ask no question.")
@click.option(
    "--receipt",
    "receipt_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write what --json prints to this file.",
)
@json_option
def command(
    *, place: str, store_url: str | None, yes: bool, receipt_file: Path | None, as_json: bool
) -> int:
    """Delete a photo for good, or all below a prefix: it ends with a slash.

    Every version of the objects goes, and what the store holds of them; then both are read again,
    and the receipt tells what was there, and what is left. Snapshots and backups of the store, and
    copies of the bucket, keep what they have until they expire. Needs s3:ListBucketVersions and
    s3:DeleteObjectVersion, which the stack's operators do not have.
    """
    bucket, key = bucket_and_prefix(place)
    if not key:
        raise click.UsageError("A whole bucket is not erased: name a photo, or a prefix.")
    if receipt_file is not None:
        _check_receipt(receipt_file)
    s3 = open_s3()
    versions = list(_versions(s3, bucket, key))
    url = read_settings(store_url).store_url
    stored = _stored(url, bucket, key)
    if not versions and not stored:
        print_error(f"{printable(place)}: {NotFound('there is nothing, nor in the store')}")
        return NOTHING_DONE
    faces = sum(listed.faces for listed in stored)
    keys = {each["Key"] for each in versions}
    what = (
        f"{len(keys):,} objects with {len(versions):,} versions, and {len(stored):,} stored photos "
        f"with {faces:,} faces"
    )
    if not yes and not _confirmed(what, as_json=as_json):
        return PARTLY_DONE
    refusals = _delete(s3, bucket, versions)
    # Where an object stays, the index follows the bucket, and its photo stays, too.
    kept = {photo_id(bucket, each["Key"]) for each in _versions(s3, bucket, key)}
    forget_photos(url, [each.photo for each in stored if each.photo.photo_id not in kept])
    for refusal in refusals:
        print_error(refusal)
    ids = sorted(
        {photo_id(bucket, each) for each in keys} | {each.photo.photo_id for each in stored}
    )
    left = _left(s3, url, bucket, key)
    receipt: dict[str, Json] = {
        "place": place,
        "store": without_password(url),
        "erased_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "objects": len(keys),
        "versions": len(versions),
        "photos": len(stored),
        "faces": faces,
        "ids_sha256": sha256("\n".join(ids).encode()).hexdigest(),
        "versions_left": left[0],
        "photos_left": left[1],
    }
    if as_json:
        print_json(receipt)
    else:
        click.echo(f"{'Not all is erased' if any(left) else 'Erased'}: {what}.")
    if receipt_file is not None:
        with saved(receipt_file), complete_file(receipt_file) as file:
            file.write(f"{json.dumps(receipt)}\n".encode())
    if any(left):
        print_error(
            f"{left[0]:,} versions and {left[1]:,} stored photos are there still, or again: photos "
            "may be coming in; run it again"
        )
        return PARTLY_DONE
    return DONE


def _confirmed(what: str, *, as_json: bool) -> bool:
    if not can_ask(as_json=as_json):
        print_error(f"{what} would be erased for good: run it with --yes")
        return False
    return click.confirm(f"Erase {what} for good?", err=True)


def _matches(key: str, wanted: str) -> bool:
    return key.startswith(wanted) if wanted.endswith("/") else key == wanted


def _versions(s3: "S3Client", bucket: str, wanted: str) -> Iterator["ObjectIdentifierTypeDef"]:
    """Every version and delete marker of what is to go."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=wanted)
    with translate_aws_errors():
        for page in pages:
            for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if _matches(each["Key"], wanted):
                    yield {"Key": each["Key"], "VersionId": each["VersionId"]}


def _delete(
    s3: "S3Client", bucket: str, versions: Sequence["ObjectIdentifierTypeDef"]
) -> list[str]:
    """Delete what can be. Returns why some were not, each reason once."""
    refusals: dict[str, None] = {}
    for batch in in_batches(versions, AT_ONCE):
        with translate_aws_errors():
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for failed in answer.get("Errors", []):
            reason = f"{failed.get('Code')}: {failed.get('Message')}"
            refusals[f"S3 did not delete a version ({reason})"] = None
    return list(refusals)


def _check_receipt(file: Path) -> None:
    """Raise while nothing is deleted yet: without its receipt, nothing tells what was there."""
    with saved(file):
        check_regular(file)
        if file.exists():
            raise FileExistsError(errno.EEXIST, "it is there already")
        if not file.absolute().parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "there is no such folder")


def _stored(url: str, bucket: str, wanted: str) -> list[PhotoListing]:
    """Raises `StoreNotFound`: what another store holds would stay unseen."""
    ids = photo_id(bucket, wanted)
    with open_store(url, None) as store:
        listed = list(store.photos(prefix=ids))
    return [each for each in listed if _matches(each.photo.photo_id, ids)]


def _left(s3: "S3Client", url: str, bucket: str, wanted: str) -> tuple[int, int]:
    """The versions and stored photos that can still be found."""
    end = time.monotonic() + VISIBLE_S
    while (photos := len(_stored(url, bucket, wanted))) and time.monotonic() < end:
        time.sleep(0.5)
    return sum(1 for _ in _versions(s3, bucket, wanted)), photos
