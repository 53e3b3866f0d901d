"""The whole system in real containers: what its users do, and what can go wrong around it."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from botocore.credentials import Credentials

from tests.e2e.events import created, removed
from tests.e2e.system import RunningSystem, stack_command, wait_for
from tests.evaluation.study.ten_queries import TEN_PEOPLE

pytestmark = pytest.mark.slow

LfwPhoto = Callable[[str, int], Path]

OTHERS = 450
"""People of LFW with one photo, among whom the ten are looked for."""


@pytest.fixture
def empty(system: RunningSystem) -> Iterator[RunningSystem]:
    """The system with no photo in it; what a test leaves behind goes."""
    system.clear()
    yield system
    system.clear()


@pytest.fixture(scope="session")
def ten_and_others(lfw: Path) -> dict[str, bytes]:
    """By key: all six photos of the ten people, and one of each of many others."""
    people = sorted(folder for folder in lfw.iterdir() if len(list(folder.iterdir())) == 1)
    photos = [next(folder.iterdir()) for folder in people[:OTHERS]]
    photos += [photo for name in TEN_PEOPLE for photo in sorted((lfw / name).iterdir())]
    return {photo.name: photo.read_bytes() for photo in photos}


def upload(system: RunningSystem, photos: dict[str, bytes]) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(system.put, photos, photos.values()))


def test_photo_put_with_s3_client_is_found_over_http_and_gone_when_deleted(
    empty: RunningSystem, lfw_photo: LfwPhoto
) -> None:
    key = "holiday 2024/Ana & René+1.jpg"
    photo = lfw_photo("Cameron_Diaz", 1).read_bytes()
    assert empty.found(photo) == []
    empty.put(key, photo)
    wait_for(lambda: empty.found(photo) == [key], "the photo to be found")
    match = empty.search(photo).json["results"][0]["matches"][0]
    assert match["distance"] == pytest.approx(0, abs=1e-3)
    empty.delete(key)
    wait_for(lambda: empty.found(photo) == [], "the photo to be gone")


def test_photo_sent_with_a_form_of_the_api_is_found_in_its_collection(
    empty: RunningSystem, lfw_photo: LfwPhoto
) -> None:
    photo = lfw_photo("Cameron_Diaz", 1).read_bytes()
    body: object = {
        "filename": "Ana & René.jpg",
        "content_type": "image/jpeg",
        "size": len(photo),
        "collection": "Hochzeit Köln",
        "metadata": {"album": "Sommer über Köln"},
    }
    kind = {"Content-Type": "application/json"}
    asked = empty.request("POST", "/v1/uploads", json.dumps(body).encode(), kind)
    assert asked.status_code == 201, asked.text
    form = asked.json()
    sent = requests.post(
        form["url"], form["fields"], files={"file": photo}, timeout=60, verify=empty.certificate
    )
    assert sent.status_code == 204, sent.text
    key = form["photo_id"].removeprefix(f"s3://{empty.bucket}/")
    assert key.startswith("Hochzeit Köln/")
    wait_for(lambda: empty.found(photo) == [key], "the photo to be found")
    match = empty.search(photo).json["results"][0]["matches"][0]
    assert match["collection"] == "Hochzeit Köln"
    assert match["metadata"] == {"album": "Sommer über Köln"}
    # The page may send photos to where the form leads.
    policy = empty.request("GET", "/").headers["Content-Security-Policy"]
    assert form["url"].startswith(policy.partition("connect-src 'self' ")[2].partition(";")[0])


@pytest.mark.long
def test_500_photos_uploaded_at_once_are_all_indexed_and_the_ten_queries_find_their_people(
    empty: RunningSystem, ten_and_others: dict[str, bytes]
) -> None:
    assert len(ten_and_others) >= 500
    upload(empty, ten_and_others)
    empty.wait_until_idle()
    assert empty.keys() == set(ten_and_others)
    for name in TEN_PEOPLE:
        found = empty.found(ten_and_others[f"{name}_0001.jpg"])
        assert found[0] == f"{name}_0001.jpg"
        assert sum(key.startswith(f"{name}_0") for key in found) == 6, (name, found)


def test_duplicate_replayed_and_reordered_events_leave_what_the_bucket_holds(
    empty: RunningSystem, lfw_photo: LfwPhoto
) -> None:
    kept, gone = lfw_photo("Bob_Graham", 1).read_bytes(), lfw_photo("Boris_Becker", 1).read_bytes()
    empty.put("kept.jpg", kept)
    empty.put("gone.jpg", gone)
    empty.delete("gone.jpg")
    empty.wait_until_idle()
    before = time.time() - 3600
    now_created = created(empty.bucket, "kept.jpg")
    empty.send(
        now_created,
        now_created,
        removed(empty.bucket, "kept.jpg", before),
        created(empty.bucket, "kept.jpg", before),
        created(empty.bucket, "gone.jpg", before),
    )
    empty.wait_until_idle()
    assert empty.found(kept) == ["kept.jpg"]
    assert empty.keys() == {"kept.jpg"}
    assert "gone.jpg" not in empty.found(gone)


def test_removal_that_is_not_true_leaves_the_photo_and_a_late_creation_brings_none_back(
    empty: RunningSystem, lfw_photo: LfwPhoto
) -> None:
    photo = lfw_photo("Billy_Crystal", 1).read_bytes()
    empty.put("race.jpg", photo)
    empty.wait_until_idle()
    empty.send(removed(empty.bucket, "race.jpg"))
    empty.wait_until_idle()
    assert empty.keys() == {"race.jpg"}
    empty.delete("race.jpg")
    empty.wait_until_idle()
    assert empty.keys() == set()
    empty.send(created(empty.bucket, "race.jpg", time.time() - 3600))
    empty.wait_until_idle()
    assert empty.keys() == set()


def test_photos_deleted_while_they_are_being_indexed_are_gone_in_the_end(
    empty: RunningSystem, ten_and_others: dict[str, bytes]
) -> None:
    keys = list(ten_and_others)[:40]

    def put_and_delete(number: int) -> None:
        empty.put(keys[number], ten_and_others[keys[number]])
        time.sleep(number * 0.05)
        if number % 2:
            empty.delete(keys[number])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put_and_delete, range(len(keys))))
    empty.wait_until_idle()
    assert empty.keys() == set(keys[::2])


@pytest.mark.long
def test_poison_among_good_photos_alone_reaches_the_dead_letters_and_a_redrive_works(
    empty: RunningSystem, ten_and_others: dict[str, bytes]
) -> None:
    garbage = json.dumps({"Records": [{"eventName": "ObjectCreated:Put"}]})
    good = dict(list(ten_and_others.items())[:20])
    last = list(ten_and_others.values())[20]
    with empty.prompt_retries():
        # What an operator can put right.
        with empty.unreadable("locked.jpg"):
            empty.send(garbage)
            upload(
                empty, good | {"locked.jpg": last, "not_a_photo.jpg": b"these bytes are no image"}
            )
            empty.wait_until_idle()
            letters = empty.dead_letters()
            # A bad photo is its owner's business: recorded, and not tried again.
            assert empty.keys() == {*good, "not_a_photo.jpg"}
            listed = json.loads(empty.operate("dlq", "list", empty.dead_letters_url, "--json"))
        assert len(letters) == 2
        assert garbage in letters
        # ministack does not tell which queue they come from.
        redrive = ("dlq", "redrive", empty.dead_letters_url, "--to", empty.queue_url, "--json")
        moved = json.loads(empty.operate(*redrive))
        empty.wait_until_idle()
    assert [letter["tries"] >= 5 for letter in listed["letters"]] == [True, True]
    assert moved == {"sent": 2, "to": empty.queue_url}
    assert empty.keys() == {*good, "not_a_photo.jpg", "locked.jpg"}
    assert empty.dead_letters() == [garbage]


@pytest.mark.long
def test_opensearch_killed_in_the_middle_of_an_ingest_loses_nothing_and_stores_nothing_twice(
    empty: RunningSystem, ten_and_others: dict[str, bytes]
) -> None:
    photos = dict(list(ten_and_others.items())[:200])
    upload(empty, photos)
    wait_for(lambda: len(empty.keys()) > 20, "the ingest to be under way")
    deferred = empty.deferred_batches()
    empty.kill_opensearch()
    wait_for(lambda: empty.deferred_batches() > deferred, "the function to put a batch off")
    empty.start_opensearch()
    # Environments that hold the store for away would do so for minutes more: see test_retries.py.
    empty.kill_index_function()
    empty.wait_until_idle()
    assert empty.keys() == set(photos)
    assert empty.waiting(empty.dead_letters_url) == 0
    # So would those that came before the index had all its shards.
    empty.kill_index_function()


@pytest.mark.long
def test_search_while_opensearch_is_down_returns_503_with_retry_after_and_no_trace(
    empty: RunningSystem, lfw_photo: LfwPhoto
) -> None:
    photo = lfw_photo("Cameron_Diaz", 1).read_bytes()
    empty.kill_opensearch()
    try:
        answer = empty.search(photo)
    finally:
        empty.start_opensearch()
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["code"] == "store_unavailable"
    assert "Traceback" not in str(answer.json)
    wait_for(lambda: empty.search(photo).status == 200, "searches to be answered again")


def test_lambda_killed_in_the_middle_of_a_batch_gets_its_messages_again(
    empty: RunningSystem, ten_and_others: dict[str, bytes]
) -> None:
    photos = dict(list(ten_and_others.items())[:100])
    with empty.prompt_retries(after_s=30):
        upload(empty, photos)
        wait_for(lambda: len(empty.keys()) > 10, "the ingest to be under way")
        lost = empty.lost_batches()
        empty.kill_index_function()
        empty.wait_until_idle()
        assert empty.lost_batches() > lost
    assert empty.keys() == set(photos)
    assert empty.waiting(empty.dead_letters_url) == 0


def test_domain_takes_what_a_role_may_ask_and_refuses_the_rest(
    empty: RunningSystem, lfw_photo: LfwPhoto
) -> None:
    empty.put("a.jpg", lfw_photo("Angela_Bassett", 1).read_bytes())
    empty.wait_until_idle()
    index = empty.key_of_index_function()
    assert empty.domain("GET", "/faces/_mapping", index) == 200
    assert empty.domain("DELETE", "/faces-000001", index) == 403
    assert empty.domain("POST", "/faces/_search", index) == 403
    assert empty.domain("GET", "/faces/_mapping", None) == 403
    forged = Credentials(index.access_key, "guessed", index.token)
    assert empty.domain("GET", "/faces/_mapping", forged) == 403


@pytest.mark.long
def test_stack_stopped_and_started_again_still_finds_its_photos_and_reads_them(
    empty: RunningSystem, lfw_photo: LfwPhoto
) -> None:
    photo = lfw_photo("Angela_Bassett", 1).read_bytes()
    empty.put("kept & found.jpg", photo)
    empty.wait_until_idle()
    empty.restart()
    assert empty.found(photo) == ["kept & found.jpg"]
    stored = empty.s3.get_object(Bucket=empty.bucket, Key="kept & found.jpg")
    assert stored["Body"].read() == photo


def test_stack_on_a_port_in_use_names_the_port_and_the_option(system: RunningSystem) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        started = stack_command("up", "--name=facesearch-e2e-other", f"--aws-port={port}")
    assert started.returncode == 1
    assert started.stderr == (
        f"error: port {port} is in use: stop what uses it, or choose another with --aws-port\n"
    )
