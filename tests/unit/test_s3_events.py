"""S3's notifications: what they mean for photos, and in which order they happened."""

import json
from datetime import UTC, datetime

import pytest

from facesearch.indexing import PhotoToIndex
from index_faces.events import (
    PhotoToCheck,
    parse_message,
    sequence_of_sequencer,
    sequence_of_time,
)
from tests.events.loading import Event, load, s3_event

PHOTO = "s3://photos/people/Zoë Kravitz/portrait+1.jpg"


def body(event: Event) -> str:
    return json.dumps(event)


def test_created_object_is_a_photo_to_index_with_its_key_decoded() -> None:
    (change,) = parse_message(body(load("s3_object_created_put"))).changes
    assert change == PhotoToIndex(PHOTO, int("0069B529DD96C8B439", 16) >> 9)


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_every_way_to_create_an_object_counts(name: str) -> None:
    event = load("s3_object_created_put")
    event["Records"][0]["eventName"] = f"ObjectCreated:{name}"
    assert [type(change) for change in parse_message(body(event)).changes] == [PhotoToIndex]


@pytest.mark.parametrize(
    "name",
    [
        "s3_object_removed_delete",
        "s3_object_removed_delete_marker_created",
        "s3_object_removed_delete_version",
        "s3_lifecycle_expiration_delete",
    ],
)
def test_only_the_bucket_knows_whether_a_removed_photo_is_gone(name: str) -> None:
    event = load(name)
    sequencer = event["Records"][0]["s3"]["object"]["sequencer"]
    assert parse_message(body(event)).changes == [PhotoToCheck(PHOTO, int(sequencer, 16) >> 9)]


@pytest.mark.parametrize("name", ["Put", "Delete"])
def test_changed_tag_is_a_photo_to_index_anew(name: str) -> None:
    event = load("s3_object_tagging_put")
    event["Records"][0]["eventName"] = f"ObjectTagging:{name}"
    sequence = sequence_of_time("2026-03-14T09:26:53.589Z")
    assert parse_message(body(event)).changes == [PhotoToIndex(PHOTO, sequence)]


def test_restored_object_is_a_photo_to_index() -> None:
    sequence = sequence_of_time("2026-03-14T11:26:53.589Z")
    assert parse_message(body(load("s3_object_restore_completed"))).changes == [
        PhotoToIndex(PHOTO, sequence)
    ]


@pytest.mark.parametrize(
    "event",
    [
        load("s3_test_event"),
        load("s3_object_created_folder"),
        load("s3_object_restore_post"),
        load("s3_object_restore_delete"),
        {"Records": []},
    ],
    ids=["test event", "folder marker", "restore begun", "copy expired", "no records"],
)
def test_event_that_concerns_no_photo_changes_nothing(event: Event) -> None:
    assert parse_message(body(event)).changes == []


def test_object_with_content_is_a_photo_even_if_its_key_ends_like_a_folder() -> None:
    event = s3_event("s3_object_created_folder", size=9)
    assert [change.photo_id for change in parse_message(body(event)).changes] == [
        "s3://photos/people/"
    ]


@pytest.mark.parametrize(
    ("quoted", "key"),
    [
        ("a+b.jpg", "a b.jpg"),
        ("a%2Bb.jpg", "a+b.jpg"),
        ("folder%2Fb.jpg", "folder/b.jpg"),
        ("100%25.jpg", "100%.jpg"),
        ("%E6%9D%8E.jpg", "李.jpg"),
        ("a%3Fb%23c.jpg", "a?b#c.jpg"),
        ("%2Fleading//double", "/leading//double"),
    ],
)
def test_key_is_decoded_once_and_kept_as_it_is(quoted: str, key: str) -> None:
    event = s3_event("s3_object_created_put")
    event["Records"][0]["s3"]["object"]["key"] = quoted
    assert [change.photo_id for change in parse_message(body(event)).changes] == [
        f"s3://photos/{key}"
    ]


def test_message_with_several_records_gives_all_their_changes() -> None:
    event = s3_event("s3_object_created_put", key="a.jpg")
    event["Records"] += s3_event("s3_object_removed_delete", key="b.jpg")["Records"]
    assert [(type(change), change.photo_id) for change in parse_message(body(event)).changes] == [
        (PhotoToIndex, "s3://photos/a.jpg"),
        (PhotoToCheck, "s3://photos/b.jpg"),
    ]


def test_event_without_sequencer_is_ordered_by_its_time() -> None:
    event = s3_event("s3_object_created_put")
    del event["Records"][0]["s3"]["object"]["sequencer"]
    (change,) = parse_message(body(event)).changes
    moment = datetime(2026, 3, 14, 9, 26, 53, 589000, tzinfo=UTC).timestamp()
    assert change.sequence / 2**23 == pytest.approx(moment, abs=1e-6)


def without(field: str) -> Event:
    event = load("s3_object_created_put")
    del event["Records"][0]["s3"]["object"][field]
    return event


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"Records": null}',
        '{"Records": [7]}',
        '{"Records": [{}]}',
        "[" * 100_000,
        body(without("key")),
        body(s3_event("s3_object_created_put", key="")),
        body(s3_event("s3_object_created_put", key="k" * 1025)),
        body(s3_event("s3_object_created_put", bucket="")),
        body(s3_event("s3_object_created_put", bucket="a/b")),
        body(s3_event("s3_object_created_put", sequencer="not hex")),
        body(s3_event("s3_object_created_put", sequencer="F" * 65)),
        body(s3_event("s3_object_created_put", sequencer="-1")),
        body(load("s3_object_created_put")).replace("Zo%C3%AB", "Zo%C3"),
        body(load("s3_object_created_put")).replace("Zo%C3%AB", "\\ud800"),
        body(s3_event("s3_object_created_put", sequencer="")).replace("2026-03-14T", "soon"),
    ],
)
def test_message_that_s3_never_sends_is_refused(text: str) -> None:
    message = parse_message(text)
    (error,) = message.refused
    assert "not an event of S3" in str(error)
    assert message.changes == []


# Pairs of `sequencer` and `eventTime` that S3 sent.
@pytest.mark.parametrize(
    ("sequencer", "time"),
    [
        ("00657F90C047858AE9", "2023-12-18T00:22:24.292Z"),
        ("00643717F9F8B85354", "2023-04-12T20:43:38.021Z"),
        ("00663B4F69DA003BDF", "2024-05-08T10:09:45.937Z"),
    ],
)
def test_sequencer_and_time_of_one_event_agree(sequencer: str, time: str) -> None:
    seconds = (sequence_of_time(time) - sequence_of_sequencer(sequencer)) / 2**23
    assert 0 <= seconds < 0.1


def test_sequencer_of_aws_documentation_is_a_time() -> None:
    sequence = sequence_of_sequencer("0055AED6DCD90281E5")
    moment = datetime.fromtimestamp(sequence / 2**23, UTC)
    assert moment.isoformat(timespec="milliseconds") == "2015-07-21T23:33:48.847+00:00"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("0055AED6DCD90281E4", "0055AED6DCD90283E4"),
        ("0055AED6DCD90281E5", "0055AED6DD00000000"),
        # The shorter one is padded on the right: it is not the smaller number.
        ("0055AED6DCD902", "0055AED6DCD9028"),
        ("0055AED6DCD9", "0055AED6DCDA0281E5"),
        ("0055AED6DCD90281E5", "0055aed6ddd90281e5"),
        ("0", "FF"),
    ],
)
def test_sequence_keeps_the_order_of_sequencers(earlier: str, later: str) -> None:
    assert sequence_of_sequencer(earlier) < sequence_of_sequencer(later)


@pytest.mark.parametrize("sequencer", ["F" * 18, "F" * 40, "0", "f"])
def test_sequence_of_any_sequencer_fits_63_bits(sequencer: str) -> None:
    assert 0 <= sequence_of_sequencer(sequencer) < 2**63


@pytest.mark.parametrize("text", ["", "0x1F", "1_0", " 1F", "1G", "-1"])
def test_text_that_is_no_sequencer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not hexadecimal"):
        sequence_of_sequencer(text)


def test_sequence_of_time_is_exact() -> None:
    assert sequence_of_time("1970-01-01T00:00:01.500Z") == 3 * 2**22
    assert sequence_of_time("2026-03-14T10:26:53+01:00") == sequence_of_time("2026-03-14T09:26:53Z")


@pytest.mark.parametrize("time", ["2026-03-14T09:26:53", "1969-12-31T23:59:59Z", "now"])
def test_time_that_cannot_be_ordered_is_refused(time: str) -> None:
    with pytest.raises(ValueError, match=r"zone|format"):
        sequence_of_time(time)
