"""Convert rows of a store's SQLite file to photos and faces."""
# ruff: noqa: S608 (all text that SQL is made of here is ours)

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import apsw
import numpy as np

from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    IndexedPhoto,
    Landmarks,
    LeftOut,
    Match,
    Photo,
    PhotoListing,
    Point,
    StoredFace,
    face_id,
    photo_key,
)
from facesearch.hidden import Region, Regions

# Where the table of an earlier version has no column `left_out`, the name means the empty one.
_LEFT_OUT = "(SELECT (SELECT left_out FROM photos WHERE id = p.id) FROM (SELECT '' AS left_out))"
_PHOTO = f"""p.photo_id, p.sequence, p.revision, p.width, p.height, p.collection, p.problem,
    (SELECT json_group_object(name, value) FROM photo_metadata WHERE photo = p.id), {_LEFT_OUT}"""
_PHOTO_WIDTH = 9
LEFT_OUT = f"""SELECT total(kept ->> 'by_quality'), total(kept ->> 'by_max_faces')
    FROM (SELECT {_LEFT_OUT} AS kept FROM photos p) WHERE kept != ''"""
_FACE = """f.number, e.embedding, f.detection_score,
    f.box_left, f.box_top, f.box_width, f.box_height, f.left_eye_x, f.left_eye_y,
    f.right_eye_x, f.right_eye_y, f.nose_x, f.nose_y,
    f.mouth_left_x, f.mouth_left_y, f.mouth_right_x, f.mouth_right_y"""
PHOTOS = f"SELECT {_PHOTO} FROM photos p"
LISTINGS = f"SELECT {_PHOTO}, (SELECT count(*) FROM faces WHERE photo = p.id) FROM photos p"
# CROSS JOIN makes SQLite keep the order of tables: sqlite-vec's comes last, looked up by rowid.
FACES_OF_PHOTOS = f"""SELECT {_PHOTO}, {_FACE} FROM photos p
    CROSS JOIN faces f ON f.photo = p.id CROSS JOIN embeddings e ON e.rowid = f.slot"""
FACES_OF_NEAREST = f"""SELECT {_PHOTO}, {_FACE}, n.distance FROM nearest n
    CROSS JOIN faces f ON f.slot = n.slot CROSS JOIN photos p ON p.id = f.photo
    CROSS JOIN embeddings e ON e.rowid = n.slot"""

Row = Sequence[Any]


def photo_of(row: Row) -> Photo:
    """A row of `PHOTOS`."""
    photo_id, sequence, revision, width, height, collection, problem, metadata, kept = row
    left_out, limits = _left_out_of(kept)
    return Photo(
        photo_id=photo_id,
        sequence=sequence,
        revision=revision,
        width=width,
        height=height,
        collection=collection,
        metadata=json.loads(metadata),
        problem=problem,
        left_out=left_out,
        limits=limits,
    )


def listing_of(row: Row) -> PhotoListing:
    """A row of `LISTINGS`."""
    *photo, faces = row
    return PhotoListing(photo_of(photo), faces)


def stored_face_of(row: Row) -> StoredFace:
    """A row of `FACES_OF_PHOTOS`."""
    photo = photo_of(row[:_PHOTO_WIDTH])
    number, *columns = row[_PHOTO_WIDTH:]
    return StoredFace(face_id(photo.photo_id, number), number, _face_of(columns), photo)


def indexed_photo_of(row: Row, faces: Sequence[Row]) -> IndexedPhoto:
    """A row of `PHOTOS` and the photo's rows of `FACES_OF_PHOTOS`."""
    return IndexedPhoto(photo_of(row), tuple(_face_of(face[_PHOTO_WIDTH + 1 :]) for face in faces))


def match_of(row: Row) -> Match:
    """A row of `FACES_OF_NEAREST`."""
    *stored, distance = row
    return Match(stored_face_of(stored), distance)


def hidden_regions(
    connection: apsw.Connection, version: int, photo_ids: Collection[str]
) -> Mapping[str, Regions]:
    """The hidden places of these photos in a store of this format, of those that have any."""
    if version < 5:
        return {}
    keys = {photo_key(each): each for each in photo_ids}
    rows = connection.execute(
        """SELECT key, box_left, box_top, box_width, box_height FROM hidden
            WHERE key IN (SELECT value FROM json_each(?))""",
        (json.dumps(list(keys)),),
    )
    found: defaultdict[str, list[Region]] = defaultdict(list)
    for key, *numbers in rows:
        found[keys[key]].append(Region(*numbers))
    return {each: tuple(regions) for each, regions in found.items()}


def left_out_text(photo: Photo) -> str:
    """The column `left_out` of `photos`."""
    if photo.left_out == LeftOut() and not photo.limits:
        return ""
    return json.dumps({**asdict(photo.left_out), "limits": dict(photo.limits)})


def _left_out_of(text: str) -> tuple[LeftOut, Mapping[str, float]]:
    if not text:
        return LeftOut(), {}
    kept = json.loads(text)
    limits = kept.pop("limits")
    return LeftOut(**kept), limits


def _face_of(columns: Row) -> EmbeddedFace:
    embedding, score, left, top, width, height, *places = columns
    points = [Point(x, y) for x, y in zip(places[::2], places[1::2], strict=True)]
    return EmbeddedFace(
        DetectedFace(BoundingBox(left, top, width, height), Landmarks(*points), score),
        np.frombuffer(embedding, dtype=np.float32),
    )
