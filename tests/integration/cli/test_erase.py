"""`facesearch erase`: what belongs to a photo or a prefix is gone, and the receipt proves it."""

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facesearch.faces import Recipe
from facesearch.photos.ids import photo_id
from facesearch.stores import open_store
from tests.contract.samples import indexed, vector
from tests.integration.cli.running import Cli

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RECIPE = Recipe("detector 1", "crop 1", "embedder 1")
KEYS = ("jane/a ü.jpg", "jane/b.jpg", "jane.jpg", "jane.jpg.bak")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/faces.db"


@pytest.fixture
def filled(s3: "S3Client", bucket: str, store_url: str) -> str:
    """A versioned bucket with four photos, one of two versions and one deleted, all indexed."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in (*KEYS, "jane/a ü.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"photo")
    s3.delete_object(Bucket=bucket, Key="jane/b.jpg")
    with open_store(store_url, RECIPE) as store:
        store.write([indexed(photo_id(bucket, key), 1, [vector(1), vector(2)]) for key in KEYS])
    return bucket


def keys_left(s3: "S3Client", bucket: str) -> set[str]:
    page = s3.list_object_versions(Bucket=bucket)
    return {each["Key"] for each in (*page.get("Versions", []), *page.get("DeleteMarkers", []))}


def stored_left(store_url: str) -> list[str]:
    with open_store(store_url, None) as store:
        return [listed.photo.photo_id for listed in store.photos()]


def test_erase_of_a_prefix_takes_every_version_and_stored_face_and_gives_a_receipt(
    cli: Cli, s3: "S3Client", filled: str, store_url: str, tmp_path: Path
) -> None:
    place, receipt = f"s3://{filled}/jane/", tmp_path / "receipt.json"
    ran = cli("erase", place, "--store", store_url, "--yes", "--json", "--receipt", receipt)
    assert ran.code == 0
    ids = "\n".join(sorted(photo_id(filled, key) for key in KEYS[:2]))
    expected = {
        "place": place, "store": store_url, "objects": 2, "versions": 4, "photos": 2, "faces": 4,
        "ids_sha256": sha256(ids.encode()).hexdigest(), "versions_left": 0, "photos_left": 0,
    }  # fmt: skip
    assert {name: value for name, value in ran.json.items() if name != "erased_at"} == expected
    assert json.loads(receipt.read_text()) == ran.json
    assert keys_left(s3, filled) == set(KEYS[2:])
    assert stored_left(store_url) == [photo_id(filled, key) for key in KEYS[2:]]


def test_erase_of_a_photo_leaves_those_whose_names_begin_alike(
    cli: Cli, s3: "S3Client", filled: str, store_url: str
) -> None:
    assert cli("erase", f"s3://{filled}/jane.jpg", "--store", store_url, "--yes").code == 0
    assert keys_left(s3, filled) == {*KEYS[:2], "jane.jpg.bak"}
    assert photo_id(filled, "jane.jpg.bak") in stored_left(store_url)


def test_erase_does_nothing_unasked(cli: Cli, s3: "S3Client", filled: str, store_url: str) -> None:
    ran = cli("erase", f"s3://{filled}/jane/", "--store", store_url)
    assert (ran.code, "--yes" in ran.err) == (3, True)
    assert keys_left(s3, filled) == set(KEYS)
    assert cli("erase", f"s3://{filled}", "--store", store_url, "--yes").code == 2


def test_erase_of_nothing_says_so(cli: Cli, filled: str, store_url: str) -> None:
    ran = cli("erase", f"s3://{filled}/john/", "--store", store_url, "--yes")
    assert (ran.code, "there is nothing" in ran.err) == (1, True)


def test_erase_keeps_and_tells_what_the_bucket_does_not_delete(
    cli: Cli, s3: "S3Client", store_url: str, tmp_path: Path
) -> None:
    s3.create_bucket(
        Bucket="locked",
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        ObjectLockEnabledForBucket=True,
    )
    for key in ("p/a.jpg", "p/b.jpg"):
        s3.put_object(Bucket="locked", Key=key, Body=b"photo")
    s3.put_object_legal_hold(Bucket="locked", Key="p/b.jpg", LegalHold={"Status": "ON"})
    with open_store(store_url, RECIPE) as store:
        store.write([indexed(f"s3://locked/p/{name}.jpg", 1, [vector(1)]) for name in "ab"])
    receipt = tmp_path / "receipt.json"
    ran = cli("erase", "s3://locked/p/", "--store", store_url, "--yes", "--receipt", receipt)
    assert (ran.code, "S3 did not delete a version" in ran.err) == (3, True)
    left = json.loads(receipt.read_text())
    assert (left["versions_left"], left["photos_left"]) == (1, 1)
    assert stored_left(store_url) == ["s3://locked/p/b.jpg"]


@pytest.mark.parametrize("place", ["nowhere/receipt.json", "earlier.json"])
def test_erase_deletes_nothing_without_a_place_for_its_receipt(
    cli: Cli, s3: "S3Client", filled: str, store_url: str, tmp_path: Path, place: str
) -> None:
    (tmp_path / "earlier.json").write_text("{}")
    arguments = ("--store", store_url, "--yes", "--receipt", tmp_path / place)
    assert cli("erase", f"s3://{filled}/jane/", *arguments).code == 1
    assert keys_left(s3, filled) == set(KEYS)


def test_erase_deletes_nothing_where_there_is_no_store(
    cli: Cli, s3: "S3Client", filled: str, tmp_path: Path
) -> None:
    ran = cli("erase", f"s3://{filled}/jane/", "--store", f"sqlite:///{tmp_path}/other.db", "--yes")
    assert (ran.code, "there is no store" in ran.err) == (1, True)
    assert keys_left(s3, filled) == set(KEYS)
