"""What callers send.

A type's fields may stand in JSON, in a form or as options in the address. Only the fields that
hold or name the query must stand in the body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from facesearch.collections import MAX_NAME_BYTES
from facesearch.errors import InvalidRequest
from facesearch.photos.reading import MAX_FILE_BYTES
from facesearch.searching import MAX_PHOTOS, FaceChoice, Scope, check_query_count

DEFAULT_PHOTOS_LISTED = 100
MAX_PHOTOS_LISTED = 1000

MAX_METADATA_BYTES = 1024
"""Names and values in UTF-8. S3 keeps 2 KB, but what is not ASCII grows when it is encoded."""

FaceId = Annotated[
    str,
    Meta(
        min_length=1,
        # Any other is an id that is not found.
        extra_json_schema={"pattern": "^[0-9a-f]{32}-[0-9]+$"},
        examples=["9b1f0c6f0e5d4a7c8b3e2d1c0f9a8b7c-0"],
    ),
]
PhotoBytes = Annotated[
    bytes,
    Meta(
        description="The photo: in JSON its bytes in base64, or a `data:` URL of them.",
        extra_json_schema={"format": "byte"},
    ),
]
PhotoKey = Annotated[
    str, Meta(min_length=1, description="A photo in the service's bucket: the key as it is.")
]

QUERIES = ("photo", "s3_key", "face_id")
"""Fields that hold or name the query."""


@dataclass(frozen=True, slots=True)
class PhotoQuery:
    """The photo that came with the request."""

    photo: bytes


@dataclass(frozen=True, slots=True)
class BucketQuery:
    """A photo in the bucket, by key."""

    key: str


@dataclass(frozen=True, slots=True)
class FaceQuery:
    """A stored face, by id."""

    face_id: str


Query = PhotoQuery | BucketQuery | FaceQuery


Include = Annotated[
    tuple[Literal["boxes", "thumbnails", "photo_urls"], ...],
    Meta(description="What to add to each face; empty: nothing."),
]
_Several = Meta(min_length=1, max_length=MAX_PHOTOS)


class _Request(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A misspelt name must not be ignored."""


class Nothing(_Request, frozen=True):
    """No options."""


class MatchOptions(
    Scope, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What to look for, among which faces, and what to add to them."""

    include: Include = ("boxes",)


SearchInclude = Annotated[
    tuple[Literal["boxes", "thumbnails", "photo_urls", "preview"], ...],
    Meta(description="What to add to each face, and `preview` of the query photo; empty: nothing."),
]


class SearchOptions(
    MatchOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Those of a search with photos."""

    include: SearchInclude = ("boxes",)  # type: ignore[assignment]

    face: Annotated[
        Literal["largest", "all"] | Annotated[int, Meta(ge=0)],
        Meta(
            description="Which faces of the one query photo to search for: the largest, all, or "
            "one by its index, counted from 0, largest first.",
            extra={"use": "largest, all, or the index of a face of the photo, counted from 0"},
        ),
    ] = "largest"


class SearchRequest(
    SearchOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One query, or several photos of one person: 1 to 10 of `photo`, `s3_key` and `face_id`."""

    photo: PhotoBytes | Annotated[list[PhotoBytes], _Several] | UnsetType = UNSET
    s3_key: PhotoKey | Annotated[list[PhotoKey], _Several] | UnsetType = UNSET
    face_id: FaceId | Annotated[list[FaceId], _Several] | UnsetType = UNSET

    @property
    def queries(self) -> tuple[Query, ...]:
        """Raises `InvalidRequest` for none or too many, or a `face` where none can be chosen."""
        queries = (*_photos(self.photo, self.s3_key), *map(FaceQuery, _each(self.face_id)))
        if not queries:
            raise InvalidRequest(
                "nothing to search for was given: send a photo, or JSON with one of "
                f"{', '.join(QUERIES)}"
            )
        check_query_count(len(queries))
        several = len(queries) > 1 or isinstance(queries[0], FaceQuery)
        if several and self.face != "largest":
            raise InvalidRequest(
                "face chooses among the faces of one photo: leave it out for several photos (the "
                "largest face of each counts) and for stored faces"
            )
        return queries

    @property
    def face_choice(self) -> FaceChoice:
        return 0 if self.face == "largest" else self.face


class MatchesRequest(
    MatchOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A stored face to search with."""

    face_id: FaceId


class FaceRequest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A stored face."""

    face_id: FaceId
    include: Include = ("boxes",)


class ThumbnailRequest(_Request, frozen=True, kw_only=True):
    """A stored face."""

    face_id: FaceId


class DetectRequest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A photo: `photo` or `s3_key`."""

    include: Include = ("boxes",)
    photo: PhotoBytes | UnsetType = UNSET
    s3_key: PhotoKey | UnsetType = UNSET

    @property
    def query(self) -> PhotoQuery | BucketQuery:
        """Raises `InvalidRequest` unless there is exactly one."""
        return _only(_photos(self.photo, self.s3_key), "a photo, or JSON with photo or s3_key")


class CompareSide(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One of `photo`, `s3_key` (the photo's largest face) and `face_id`."""

    photo: PhotoBytes | UnsetType = UNSET
    s3_key: PhotoKey | UnsetType = UNSET
    face_id: FaceId | UnsetType = UNSET

    def query(self, name: str) -> Query:
        """Raises `InvalidRequest`, naming this side, unless there is exactly one."""
        queries = (*_photos(self.photo, self.s3_key), *map(FaceQuery, _each(self.face_id)))
        return _only(queries, f"{name} as one of {', '.join(QUERIES)}, or as a file in a form")


class CompareRequest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Two faces."""

    one: CompareSide
    other: CompareSide
    include: Include = ("boxes",)


class PhotosRequest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which photos to list."""

    prefix: Annotated[str, Meta(description="Only photos whose id starts with this.")] = ""
    after: Annotated[str, Meta(description="Only photos after this id: an answer's `next`.")] = ""
    limit: Annotated[
        int,
        Meta(
            ge=1,
            le=MAX_PHOTOS_LISTED,
            description="Photos a page, at most: `next` tells whether there are more.",
        ),
    ] = DEFAULT_PHOTOS_LISTED


class DeletePhotoRequest(_Request, frozen=True, kw_only=True):
    """A photo to delete."""

    photo_id: Annotated[
        str,
        Meta(min_length=1, description="The photo's URI.", examples=["s3://photos/a.jpg"]),
    ]


class UploadRequest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A photo that is about to be uploaded."""

    filename: Annotated[
        str, Meta(min_length=1, description="A part of the photo's name.", examples=["0001.jpg"])
    ]
    content_type: Annotated[
        str,
        Meta(
            min_length=1,
            description="`application/octet-stream` leaves it to the name's ending.",
            examples=["image/jpeg"],
        ),
    ]
    # More is refused with a status of its own: no limit of the schema.
    size: Annotated[
        int,
        Meta(
            ge=1,
            description=f"In bytes, {MAX_FILE_BYTES:,} at most. The form takes no more than this.",
            examples=[2_400_000],
            extra={"use": "the number of the photo's bytes, 1 or more"},
        ),
    ]
    collection: (
        Annotated[
            str,
            Meta(
                min_length=1,
                extra_json_schema={"maxLength": MAX_NAME_BYTES},
                examples=["wedding"],
            ),
        ]
        | UnsetType
    ) = UNSET
    sha256: (
        Annotated[
            str,
            Meta(
                pattern="^[0-9a-f]{64}$",
                description="Of the photo's bytes, in hex. The file must have it; the photo's id "
                "follows from it: sent again to its collection, the photo is not there twice.",
                extra={"use": "the 64 hex digits of the SHA-256 of the photo's bytes"},
            ),
        ]
        | UnsetType
    ) = UNSET
    external_id: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="Your own name for the photo: answers tell it with each of its faces.",
                examples=["customer-4711"],
            ),
        ]
        | UnsetType
    ) = UNSET
    metadata: Annotated[
        Mapping[str, Annotated[str, Meta(min_length=1)]],
        Meta(
            description=f"At most {MAX_METADATA_BYTES} bytes; names of a to z in lower case, "
            "digits, dots, dashes and underscores.",
            examples=[{"album": "summer"}],
        ),
    ] = {}


_Value = TypeVar("_Value")


def _photos(
    photo: bytes | list[bytes] | UnsetType, s3_key: str | list[str] | UnsetType
) -> tuple[PhotoQuery | BucketQuery, ...]:
    return (*map(PhotoQuery, _each(photo)), *map(BucketQuery, _each(s3_key)))


def _each(value: _Value | list[_Value] | UnsetType) -> list[_Value]:
    if isinstance(value, UnsetType):
        return []
    return value if isinstance(value, list) else [value]


def _only(queries: Sequence[_Value], wanted: str) -> _Value:
    if len(queries) != 1:
        given = f"{len(queries)} were given" if queries else "nothing was given"
        raise InvalidRequest(f"{given}: send {wanted}, and exactly one")
    return queries[0]
