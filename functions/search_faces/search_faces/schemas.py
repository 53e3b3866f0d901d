"""The API's JSON, for type checks and the OpenAPI document; never imported where requests run."""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads that of `typing` from Python 3.12 on

from facesearch.collections import MAX_NAME_BYTES
from facesearch.photos.reading import MAX_FILE_BYTES
from facesearch.searching import DEFAULT_K, MAX_DISTANCE, MAX_K, MAX_OFFSET, MAX_PHOTOS
from search_faces.requests.listing import DEFAULT_PHOTOS_LISTED, MAX_PHOTOS_LISTED
from search_faces.requests.queries import QUERIES
from search_faces.requests.uploading import MAX_METADATA_BYTES

Include = Literal["boxes", "thumbnails", "photo_urls"]
FaceId = Annotated[
    str, Field(pattern="^[0-9a-f]{32}-[0-9]+$", examples=["9b1f0c6f0e5d4a7c8b3e2d1c0f9a8b7c-0"])
]
PhotoId = Annotated[str, Field(examples=["s3://photos/wedding/0001.jpg"])]
Probability = Annotated[float, Field(ge=0, le=1, examples=[0.9991])]
Distance = Annotated[
    float,
    Field(ge=0, le=MAX_DISTANCE, description="L2 between unit vectors.", examples=[0.6412]),
]
Confidence = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="Probability that two faces show one person, for pairs of which half do.",
        examples=[0.9984],
    ),
]
Thumbnail = Annotated[
    str | None,
    Field(
        description="The face with its surroundings, outlined, as a data URL of a JPEG; "
        "null when the photo cannot be read now. Given when `include` has `thumbnails`."
    ),
]
PhotoUrl = Annotated[
    str | None,
    Field(
        description="Where the photo can be fetched for the next 300 seconds; null when it is "
        "not in S3. Given when `include` has `photo_urls`."
    ),
]


class Size(TypedDict):
    """Of an upright photo, in pixels."""

    width: Annotated[int, Field(ge=0)]
    height: Annotated[int, Field(ge=0)]


class Box(TypedDict):
    """A rectangle in an upright photo, in pixels from its top left corner."""

    left: float
    top: float
    width: float
    height: float


class Point(TypedDict):
    """A place in an upright photo, in pixels from its top left corner."""

    x: float
    y: float


class Landmarks(TypedDict):
    """Five points of a face; left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point


class Face(TypedDict):
    """A face of a photo; `index` counts from 0, largest first."""

    index: Annotated[int, Field(ge=0)]
    box: Box
    landmarks: Landmarks
    detection_score: Probability
    thumbnail: NotRequired[Thumbnail]


class Match(TypedDict):
    """A stored face that was found."""

    face_id: FaceId
    photo_id: PhotoId
    collection: str
    metadata: dict[str, str]
    distance: Distance
    score: Annotated[float, Field(gt=0, le=1, description="1 / (1 + distance²).")]
    confidence: Confidence
    detection_score: Probability
    photo: Size
    box: NotRequired[Box]
    thumbnail: NotRequired[Thumbnail]
    photo_url: NotRequired[PhotoUrl]


class Result(TypedDict):
    """What was found for one face."""

    face: Annotated[
        int | None, Field(description="The query photo's face, by index; null without one photo.")
    ]
    matches: Annotated[list[Match], Field(description="Nearest first.")]
    next_offset: Annotated[
        int | None, Field(description="The `offset` of the next page; null on the last.")
    ]


class SearchAnswer(TypedDict):
    """The nearest faces."""

    photo: Annotated[
        Size | None, Field(description="The query photo; null for stored faces or several photos.")
    ]
    faces: Annotated[list[Face], Field(description="All of the one query photo, largest first.")]
    results: Annotated[
        list[Result], Field(min_length=1, description="One; with `face=all` one for each face.")
    ]


class StoredFace(TypedDict):
    """A face that was indexed."""

    face_id: FaceId
    photo_id: PhotoId
    collection: str
    metadata: dict[str, str]
    detection_score: Probability
    photo: Size
    box: Box
    landmarks: Landmarks
    thumbnail: NotRequired[Thumbnail]
    photo_url: NotRequired[PhotoUrl]


class Pose(TypedDict):
    """Degrees, estimated from five points: good for telling frontal from turned, no more."""

    yaw: Annotated[float, Field(description="Above 0: turned to the viewer's right.")]
    pitch: Annotated[float, Field(description="Above 0: looking up.")]
    roll: Annotated[float, Field(description="Above 0: tilted clockwise, as the viewer sees it.")]


class Quality(TypedDict):
    """How good a picture of the face it is."""

    size: Annotated[float, Field(ge=0, description="The box's shorter side, in pixels.")]
    sharpness: Annotated[
        float,
        Field(ge=0, description="Variance of the Laplacian of the face's grey levels at 160 px."),
    ]
    brightness: Annotated[float, Field(ge=0, le=1, description="Mean grey level.")]
    pose: Pose


class DetectedFace(Face):
    """A face of a photo, with its quality."""

    quality: Quality


class DetectAnswer(TypedDict):
    """The faces of a photo, largest first; none is an empty list."""

    photo: Size
    faces: list[DetectedFace]


class Threshold(TypedDict):
    """A distance to accept up to, by how often different people would be accepted."""

    false_accept_rate: Probability
    distance: Distance
    confidence: Confidence
    true_accept_rate: Probability
    accepted: Annotated[bool, Field(description="Whether this pair is within the distance.")]


class CompareAnswer(TypedDict):
    """Whether two faces show the same person."""

    distance: Distance
    confidence: Confidence
    same_person: Annotated[bool, Field(description="Whether the confidence is one half or more.")]
    one: Face
    other: Face
    thresholds: list[Threshold]


_Image = Annotated[
    str, Field(description="A photo's bytes in base64.", json_schema_extra={"format": "byte"})
]
_Key = Annotated[
    str, Field(min_length=1, description="A photo in the service's bucket: the key as it is.")
]
_Several = Field(min_length=1, max_length=MAX_PHOTOS)
_CLOSED = ConfigDict(extra="forbid")
"""Nothing else is understood: a misspelt name must not be ignored."""


class IncludeOption(TypedDict, total=False):
    """What to tell of faces."""

    include: Annotated[
        list[Include],
        Field(
            description="What to add to each face; empty: nothing.",
            json_schema_extra={"default": ["boxes"]},
        ),
    ]


class MatchOptions(IncludeOption, total=False):
    """What to look for, among which faces, and what to tell of them."""

    k: Annotated[
        int,
        Field(
            ge=1, le=MAX_K, description="Matches a page.", json_schema_extra={"default": DEFAULT_K}
        ),
    ]
    offset: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_OFFSET,
            description="Nearer matches to skip: an answer's `next_offset`.",
            json_schema_extra={"default": 0},
        ),
    ]
    max_distance: Annotated[
        float,
        Field(
            ge=0,
            le=MAX_DISTANCE,
            description="Only matches as near as this.",
            json_schema_extra={"default": MAX_DISTANCE},
        ),
    ]
    min_confidence: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Only matches as likely the same person as this.",
            json_schema_extra={"default": 0},
        ),
    ]
    collection: Annotated[str, Field(min_length=1, description="Search this collection only.")]
    metadata: Annotated[
        dict[str, Annotated[str, Field(min_length=1)]],
        Field(description="Only faces in photos with all of these."),
    ]
    expand: Annotated[
        bool,
        Field(
            description="Search again with the query and its confident neighbours averaged.",
            json_schema_extra={"default": False},
        ),
    ]


class SearchOptions(MatchOptions, total=False):
    """Those of a search with photos."""

    face: Annotated[
        Literal["largest", "all"] | Annotated[int, Field(ge=0)],
        Field(
            description="Which faces of the one query photo to search for: the largest, all, or "
            "one by its index, counted from 0, largest first.",
            json_schema_extra={"default": "largest"},
        ),
    ]


class PhotosOptions(TypedDict, total=False):
    """Which photos to list."""

    prefix: Annotated[str, Field(description="Only photos whose id starts with this.")]
    after: Annotated[str, Field(description="Only photos after this id: an answer's `next`.")]
    limit: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_PHOTOS_LISTED,
            description="Photos a page, at most: `next` tells whether there are more.",
            json_schema_extra={"default": DEFAULT_PHOTOS_LISTED},
        ),
    ]


class SearchBody(SearchOptions, total=False):
    """One query, or several photos of one person: 1 to 10 of `image`, `s3_key` and `face_id`."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]
        extra="forbid",
        json_schema_extra={"anyOf": [{"required": [each]} for each in QUERIES]},
    )
    image: _Image | Annotated[list[_Image], _Several]
    s3_key: _Key | Annotated[list[_Key], _Several]
    face_id: FaceId | Annotated[list[FaceId], _Several]


class DetectBody(IncludeOption, total=False):
    """A photo: `image` or `s3_key`."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]
        extra="forbid",
        json_schema_extra={"oneOf": [{"required": [each]} for each in ("image", "s3_key")]},
    )
    image: _Image
    s3_key: _Key


class CompareSide(TypedDict, total=False):
    """One of `image`, `s3_key` (the photo's largest face) and `face_id`."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]
        extra="forbid",
        json_schema_extra={"oneOf": [{"required": [each]} for each in QUERIES]},
    )
    image: _Image
    s3_key: _Key
    face_id: FaceId


class CompareBody(TypedDict):
    """Two faces."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    one: CompareSide
    other: CompareSide


class UploadBody(TypedDict):
    """A photo that is about to be uploaded."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    filename: Annotated[
        str,
        Field(min_length=1, description="A part of the photo's name.", examples=["0001.jpg"]),
    ]
    content_type: Annotated[
        str,
        Field(
            min_length=1,
            description="`application/octet-stream` leaves it to the name's ending.",
            examples=["image/jpeg"],
        ),
    ]
    # More is refused with a status of its own: no limit of the schema.
    size: Annotated[
        int,
        Field(
            ge=1,
            description=f"In bytes, {MAX_FILE_BYTES:,} at most.",
            examples=[2_400_000],
        ),
    ]
    collection: NotRequired[
        Annotated[str, Field(min_length=1, max_length=MAX_NAME_BYTES, examples=["wedding"])]
    ]
    metadata: NotRequired[
        Annotated[
            dict[str, str],
            Field(
                description=f"At most {MAX_METADATA_BYTES} bytes; names of a to z in lower case, "
                "digits, dots, dashes and underscores.",
                examples=[{"album": "summer"}],
            ),
        ]
    ]


class UploadAnswer(TypedDict):
    """Where to send the photo: as multipart/form-data, all `fields` first, the `file` last."""

    url: Annotated[str, Field(description="Relative to the API's address, or of the bucket.")]
    fields: dict[str, str]
    photo_id: PhotoId
    expires_in: Annotated[int, Field(ge=1, description="Seconds.")]
    max_bytes: Annotated[int, Field(ge=1)]


class ListedPhoto(TypedDict):
    """A photo that was indexed."""

    photo_id: PhotoId
    collection: str
    metadata: dict[str, str]
    width: Annotated[int, Field(ge=0, description="Of the upright photo, in pixels.")]
    height: Annotated[int, Field(ge=0)]
    faces: Annotated[list[FaceId], Field(description="Largest first.")]
    problem: Annotated[
        str | None, Field(description="The code of why it could not be used; null when it could.")
    ]


class PhotosAnswer(TypedDict):
    """A page of photos, by id."""

    photos: list[ListedPhoto]
    next: Annotated[
        str | None, Field(description="The `after` of the next page; null on the last.")
    ]


class Collection(TypedDict):
    """A part of the index, and how much it holds."""

    name: str
    photos: Annotated[int, Field(ge=0)]
    faces: Annotated[int, Field(ge=0)]


class CollectionsAnswer(TypedDict):
    """All collections, by name."""

    collections: list[Collection]


class HealthAnswer(TypedDict):
    """Searches can be answered."""

    status: Literal["ok"]
    recipe: Annotated[str, Field(description="Fingerprint of the recipe.")]
    photos: Annotated[int, Field(ge=0)]
    faces: Annotated[int, Field(ge=0)]


class Recipe(TypedDict):
    """How this service makes embeddings."""

    fingerprint: Annotated[str, Field(description="Differs when any step does.")]
    detector: str
    crop: str
    embedder: str


class IndexRecipe(TypedDict):
    """How the embeddings in the index were made."""

    recipe: Annotated[str | None, Field(description="Fingerprint; null when nothing is indexed.")]
    matches: Annotated[
        bool | None, Field(description="Whether it is this service's; null when nothing is.")
    ]


class SearchAbilities(TypedDict):
    """What depends on how the service was set up."""

    bucket: Annotated[bool, Field(description="Whether `s3_key` can name photos.")]
    uploads: Annotated[bool, Field(description="Whether `POST /uploads` takes photos.")]


class VersionAnswer(TypedDict):
    """What runs here, and whether it fits what is indexed."""

    version: str
    commit: Annotated[
        str | None,
        Field(description="The source's git commit, ending in -dirty when changed; null: unknown."),
    ]
    recipe: Recipe
    index: IndexRecipe
    search: SearchAbilities


class Problem(TypedDict):
    """RFC 9457; `code` is stable, for programs."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    code: str
    request_id: str
