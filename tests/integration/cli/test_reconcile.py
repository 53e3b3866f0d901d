"""`facesearch reconcile`: what differs between a bucket or folder and the store, and its repair."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facesearch.faces import IndexedPhoto, Recipe
from facesearch.indexing import PhotoToIndex
from facesearch.photos.ids import photo_id
from facesearch.stores import open_store
from index_faces.events import Change, PhotoToCheck, parse_message
from tests.contract.samples import indexed, vector
from tests.integration.cli.running import Cli

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

RECIPE = Recipe("detector 1", "crop 1", "embedder 1")


@pytest.fixture
def queue(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName="changes")["QueueUrl"]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/faces.db"


def put(s3: "S3Client", bucket: str, key: str) -> IndexedPhoto:
    """Put an object; returns its photo as the index function would have stored it."""
    etag = s3.put_object(Bucket=bucket, Key=key, Body=key.encode())["ETag"].strip('"')
    photo = indexed(photo_id(bucket, key), 1, [vector(1)])
    return replace(photo, photo=replace(photo.photo, revision=etag))


def changes(sqs: "SQSClient", queue: str) -> dict[str, type[Change]]:
    """What the queue's messages ask for, by photo id; they are deleted."""
    asked: dict[str, type[Change]] = {}
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            (change,) = parse_message(message["Body"]).changes
            asked[change.photo_id] = type(change)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return asked


def test_reconcile_of_a_bucket_names_each_difference_and_repairs_it(
    cli: Cli, s3: "S3Client", sqs: "SQSClient", queue: str, bucket: str, store_url: str
) -> None:
    photos = [put(s3, bucket, key) for key in ("a.jpg", "b ü.jpg", "c.jpg", "😀.jpg", "｡.jpg")]
    s3.put_object(Bucket=bucket, Key="folder/", Body=b"")
    unread = replace(photos[4], photo=replace(photos[4].photo, problem="photo_archived"), faces=())
    unread = replace(unread, photo=replace(unread.photo, revision=""))
    with open_store(store_url, RECIPE) as store:
        gone = indexed(photo_id(bucket, "gone.jpg"), 1)
        elsewhere = indexed(photo_id("another", "gone.jpg"), 1)
        store.write([photos[0], photos[1], photos[3], unread, gone, elsewhere])
    s3.put_object(Bucket=bucket, Key="b ü.jpg", Body=b"other bytes")

    told = cli("reconcile", f"s3://{bucket}", "--store", store_url, "--json")
    assert told.code == 3
    expected = {
        "missing": [photo_id(bucket, "c.jpg")],
        "changed": [photo_id(bucket, "b ü.jpg")],
        "gone": [photo_id(bucket, "gone.jpg")],
    }
    assert json.loads(told.out) == {"alike": 2, "failed": 1, "kept": 0, "sent": 0, **expected}
    assert changes(sqs, queue) == {}

    arguments = ("reconcile", f"s3://{bucket}", "--store", store_url, "--queue", queue, "--repair")
    repaired = cli(*arguments)
    assert (repaired.code, "3 messages sent" in repaired.out) == (0, True)
    assert changes(sqs, queue) == {
        photo_id(bucket, "c.jpg"): PhotoToIndex,
        photo_id(bucket, "b ü.jpg"): PhotoToIndex,
        photo_id(bucket, "gone.jpg"): PhotoToCheck,
    }


def test_reconcile_of_a_prefix_leaves_the_rest_alone(
    cli: Cli, s3: "S3Client", bucket: str, store_url: str
) -> None:
    with open_store(store_url, RECIPE) as store:
        store.write([put(s3, bucket, "2019/a.jpg"), indexed(photo_id(bucket, "2020/gone.jpg"), 1)])
    told = cli("reconcile", f"s3://{bucket}/2019/", "--store", store_url)
    assert (told.code, told.out) == (
        0,
        f"s3://{bucket}/2019/: 1 photo is in the store as found there\n",
    )


def test_reconcile_removes_nothing_in_mass_without_being_told(
    cli: Cli, s3: "S3Client", sqs: "SQSClient", queue: str, bucket: str, store_url: str
) -> None:
    with open_store(store_url, RECIPE) as store:
        gone = [indexed(photo_id(bucket, f"{number}.jpg"), 1) for number in range(12)]
        store.write([*gone, put(s3, bucket, "there.jpg")])
    put(s3, bucket, "new.jpg")
    arguments = ("reconcile", f"s3://{bucket}", "--store", store_url, "--queue", queue, "--repair")
    ran = cli(*arguments)
    assert (ran.code, ran.err.count("--remove-missing")) == (3, 1)
    assert changes(sqs, queue) == {photo_id(bucket, "new.jpg"): PhotoToIndex}
    assert cli(*arguments, "--remove-missing").code == 0
    assert len(changes(sqs, queue)) == 13


def test_reconcile_with_an_empty_bucket_removes_nothing_whatever_it_is_told(
    cli: Cli, sqs: "SQSClient", queue: str, bucket: str, store_url: str
) -> None:
    with open_store(store_url, RECIPE) as store:
        store.write([indexed(photo_id(bucket, "a.jpg"), 1)])
    ran = cli(
        "reconcile", f"s3://{bucket}", "--store", store_url, "--queue", queue, "--repair",
        "--remove-missing",
    )  # fmt: skip
    assert (ran.code, "facesearch forget" in ran.err) == (3, True)
    assert changes(sqs, queue) == {}


def test_reconcile_of_a_folder_is_repaired_by_indexing_it(
    cli: Cli, sample: Path, store_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "people"
    shutil.copytree(sample / "val/elton_john", folder)
    first, second, *_ = sorted(folder.glob("*.jpg"))
    assert cli("reconcile", folder, "--store", store_url).code == 3
    assert cli("reconcile", folder, "--store", store_url, "--repair").code == 0
    assert cli("reconcile", folder, "--store", store_url).code == 0
    first.unlink()
    second.write_bytes(next((sample / "val/madonna").glob("*.jpg")).read_bytes())
    told = json.loads(cli("reconcile", folder, "--store", store_url, "--json").out)
    assert (told["gone"], told["changed"]) == ([first.as_uri()], [second.as_uri()])


def test_reconcile_of_a_folder_that_is_not_there_fails_and_says_so(
    cli: Cli, store_url: str, tmp_path: Path
) -> None:
    ran = cli("reconcile", tmp_path / "nowhere", "--store", store_url)
    assert (ran.code, "no such file or folder" in ran.err) == (3, True)


def test_reconcile_tells_what_was_forgotten_and_what_cannot_be_used(
    cli: Cli, sample: Path, store_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "people"
    shutil.copytree(sample / "val/elton_john", folder)
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff no photo")
    cli("index", folder, "--store", store_url)
    first = min(folder.glob("elton*.jpg"))
    cli("forget", first, "--store", store_url)
    told = json.loads(cli("reconcile", folder, "--store", store_url, "--json").out)
    assert (told["missing"], told["changed"], told["failed"]) == ([first.as_uri()], [], 1)


@pytest.mark.parametrize("option", [["--remove-missing"], ["--queue", "https://queue"]])
def test_reconcile_refuses_options_that_would_do_nothing(
    cli: Cli, tmp_path: Path, option: list[str]
) -> None:
    assert cli("reconcile", tmp_path, *option).code == 2
