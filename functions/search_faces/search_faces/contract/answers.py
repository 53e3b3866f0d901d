"""What callers get: faces and matches, never their embeddings."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from facesearch import faces as domain
from facesearch import verdicts
from facesearch.photos.folder import FileRevision, is_in_folder, photo_name
from facesearch.searching import Comparison, FaceMatches, PhotoSearch
from facesearch.vision.identity import recipe_name
from facesearch.vision.images import DecodedImage
from search_faces.contract.extras import Extras
from search_faces.contract.requests import FaceId

if TYPE_CHECKING:
    from facesearch.vision.quality import FaceQuality

PIXEL_DIGITS = 2
DISTANCE_DIGITS = 6

PLAIN = Extras()
"""Nothing but what answers tell unless asked for more."""

PhotoId = Annotated[
    str, Meta(description="The photo's URI.", examples=["s3://photos/wedding/0001.jpg"])
]
Index = Annotated[
    int, Meta(ge=0, description="The face's place in its photo: from 0, largest first.")
]
Probability = Annotated[float, Meta(ge=0, le=1, examples=[0.9991])]
Distance = Annotated[
    float,
    Meta(
        ge=0,
        description="L2: up to 2 between unit vectors, which FaceNet's are.",
        examples=[0.6412],
    ),
]
Confidence = Annotated[
    Probability | None,
    Meta(
        description="Probability that two faces show one person, for pairs of which half do; null "
        "where the recipe is not calibrated.",
        examples=[0.9984],
    ),
]
Verdict = Annotated[
    verdicts.Verdict | None,
    Meta(
        description="What the distance means among so many faces, by the answer's `limits`; null "
        "where the recipe is not calibrated."
    ),
]
EXTERNAL_ID = "external_id"
"""The entry of a photo's metadata that is its external id."""

ExternalId = Annotated[
    str | None,
    Meta(description="The caller's own name for the photo, kept as metadata; null: it has none."),
]
Metadata = Annotated[Mapping[str, str], Meta(description="The photo's user metadata.")]
Thumbnail = Annotated[
    str | None,
    Meta(
        description="The face with its surroundings, outlined, as a data URL of a JPEG; "
        "null when the photo cannot be read now. Given when `include` has `thumbnails`."
    ),
]
PhotoUrl = Annotated[
    str | None,
    Meta(
        description="Where the photo can be fetched for the next 300 seconds, without a key; "
        "relative to the API's address, or of the bucket. Null when there is no such place. "
        "Given when `include` has `photo_urls`."
    ),
]
Fingerprint = Annotated[str, Meta(description="Differs when any step of the recipe does.")]
RecipeName = Annotated[
    str | None, Meta(description="Null: it is unknown here.", examples=["facenet"])
]
Count = Annotated[int, Meta(ge=0)]


class Size(Struct, frozen=True):
    """Of an upright photo, in pixels."""

    width: Count
    height: Count


class Box(Struct, frozen=True):
    """A rectangle in an upright photo, in pixels from its top left corner."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of(cls, box: domain.BoundingBox) -> "Box":
        return cls(*map(_pixels, (box.left, box.top, box.width, box.height)))


class Point(Struct, frozen=True):
    """A place in an upright photo, in pixels from its top left corner."""

    x: float
    y: float


class Landmarks(Struct, frozen=True):
    """Five points of a face; left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point

    @classmethod
    def of(cls, marks: domain.Landmarks) -> "Landmarks":
        return cls(*(Point(_pixels(point.x), _pixels(point.y)) for point in marks.points))


FaceLandmarks = Annotated[
    Landmarks | None, Meta(description="Null where whole images are searched, not faces.")
]


class Face(Struct, frozen=True, kw_only=True):
    """A face of a photo."""

    index: Index
    box: Box
    landmarks: FaceLandmarks
    detection_score: Probability
    thumbnail: Thumbnail | UnsetType = UNSET

    @classmethod
    def of(
        cls, index: int, face: domain.DetectedFace, thumbnail: str | UnsetType | None = UNSET
    ) -> "Face":
        return cls(
            index=index,
            box=Box.of(face.box),
            landmarks=_landmarks(face),
            detection_score=_rounded(face.detection_score),
            thumbnail=thumbnail,
        )


class Limits(Struct, frozen=True, kw_only=True):
    """Up to which distance a match is what, among so many faces."""

    faces: Annotated[int, Meta(ge=0, description="That were searched: all, or the collection's.")]
    very_likely: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(
            description="Within it, at most 1 % of searches for people who are not there are "
            "expected to show a stranger: the lower end of `interval`. "
            "Null: fewer than a quarter of true matches would be within, so none is called so."
        ),
    ]
    possible: Annotated[float, Meta(ge=0, description="Within it, half of those searches do.")]
    basis: Annotated[
        verdicts.Basis,
        Meta(
            description="`extrapolated`: more faces than were measured. `set`: "
            "whoever runs the service chose `very_likely`."
        ),
    ]
    interval: Annotated[
        Annotated[list[float], Meta(min_length=2, max_length=2)] | None,
        Meta(description="Of the distance at which 1 % do, 95 %; null where it was set."),
    ]
    passing: Annotated[
        float,
        Meta(ge=0, le=1, description="The share of pairs of one person within `very_likely`."),
    ]

    @classmethod
    def of(cls, limits: verdicts.Limits) -> "Limits":
        return cls(
            faces=limits.faces,
            very_likely=limits.very_likely,
            possible=limits.possible,
            basis=limits.basis,
            interval=None if limits.interval is None else list(limits.interval),
            passing=round(limits.passing, 3),
        )


SearchLimits = Annotated[
    Limits | None, Meta(description="Null where nobody has measured them for the recipe.")
]


class Match(Struct, frozen=True, kw_only=True):
    """A stored face that was found."""

    face_id: FaceId
    photo_id: PhotoId
    collection: str
    external_id: ExternalId
    metadata: Metadata
    distance: Distance
    score: Annotated[float, Meta(gt=0, le=1, description="1 / (1 + distance²).")]
    confidence: Confidence
    verdict: Verdict
    detection_score: Probability
    photo: Size
    box: Box | UnsetType = UNSET
    thumbnail: Thumbnail | UnsetType = UNSET
    photo_url: PhotoUrl | UnsetType = UNSET

    @classmethod
    def of(
        cls,
        match: domain.Match,
        recipe: domain.Recipe,
        extras: Extras,
        limits: verdicts.Limits | None,
    ) -> "Match":
        photo, face = match.stored.photo, match.stored.face.detected
        return cls(
            face_id=match.stored.face_id,
            photo_id=photo.photo_id,
            collection=photo.collection,
            external_id=photo.metadata.get(EXTERNAL_ID),
            metadata=photo.metadata,
            distance=_rounded(match.distance),
            score=_rounded(match.score),
            confidence=_confidence(match.distance, recipe),
            verdict=_verdict(match.distance, limits),
            detection_score=_rounded(face.detection_score),
            photo=Size(photo.width, photo.height),
            box=Box.of(face.box) if extras.boxes else UNSET,
            thumbnail=extras.thumbnails.get(match.stored.face_id, UNSET),
            photo_url=extras.photo_urls.get(photo.photo_id, UNSET),
        )


class Result(Struct, frozen=True, kw_only=True):
    """What was found for one face."""

    face: Annotated[
        int | None, Meta(description="The query photo's face, by index; null without one photo.")
    ]
    matches: Annotated[list[Match], Meta(description="Nearest first.")]
    next: Annotated[
        int | None, Meta(description="The `offset` of the next page; null on the last.")
    ]

    @classmethod
    def of(
        cls,
        page: FaceMatches,
        recipe: domain.Recipe,
        extras: Extras,
        limits: verdicts.Limits | None,
    ) -> "Result":
        matches = [Match.of(match, recipe, extras, limits) for match in page.matches]
        return cls(face=page.face, matches=matches, next=page.next)


class RecipeId(Struct, frozen=True):
    """How embeddings were made: only those of one recipe can be compared."""

    name: RecipeName
    fingerprint: Fingerprint

    @classmethod
    def of(cls, recipe: domain.Recipe) -> "RecipeId":
        return cls(recipe_name(recipe) or None, recipe.fingerprint)


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """The nearest faces."""

    photo: Annotated[
        Size | None, Meta(description="The query photo; null for stored faces or several photos.")
    ]
    preview: (
        Annotated[
            str,
            Meta(
                description="The one query photo, upright, as a data URL of a JPEG of 1600 pixels "
                "at most: for formats that a browser cannot show. Given when `include` has it."
            ),
        ]
        | UnsetType
    ) = UNSET
    faces: Annotated[list[Face], Meta(description="All of the one query photo, largest first.")]
    results: Annotated[
        list[Result], Meta(min_length=1, description="One; with `face=all` one for each face.")
    ]
    limits: SearchLimits
    recipe: RecipeId

    @classmethod
    def of_photo(
        cls,
        search: PhotoSearch,
        recipe: domain.Recipe,
        limits: verdicts.Limits | None,
        extras: Extras = PLAIN,
        thumbnails: Sequence[str] = (),
        preview: str | UnsetType = UNSET,
    ) -> "SearchAnswer":
        """`thumbnails` are those of the query photo's faces, where they were asked for."""
        return cls(
            photo=Size(search.photo.width, search.photo.height),
            preview=preview,
            faces=_faces(search.faces, thumbnails),
            results=[Result.of(each, recipe, extras, limits) for each in search.results],
            limits=Limits.of(limits) if limits else None,
            recipe=RecipeId.of(recipe),
        )

    @classmethod
    def of_person(
        cls,
        matches: FaceMatches,
        recipe: domain.Recipe,
        limits: verdicts.Limits | None,
        extras: Extras = PLAIN,
    ) -> "SearchAnswer":
        """For a search with a stored face, or with several photos."""
        return cls(
            photo=None,
            faces=[],
            results=[Result.of(matches, recipe, extras, limits)],
            limits=Limits.of(limits) if limits else None,
            recipe=RecipeId.of(recipe),
        )


class StoredFace(Struct, frozen=True, kw_only=True):
    """A face that was indexed."""

    face_id: FaceId
    photo_id: PhotoId
    index: Index
    collection: str
    external_id: ExternalId
    metadata: Metadata
    detection_score: Probability
    photo: Size
    box: Box
    landmarks: FaceLandmarks
    hidden: Annotated[bool, Meta(description="Whether a person hid it: no search finds it.")]
    thumbnail: Thumbnail | UnsetType = UNSET
    photo_url: PhotoUrl | UnsetType = UNSET

    @classmethod
    def of(cls, stored: domain.StoredFace, extras: Extras) -> "StoredFace":
        photo, face = stored.photo, stored.face.detected
        return cls(
            face_id=stored.face_id,
            photo_id=photo.photo_id,
            index=stored.number,
            collection=photo.collection,
            external_id=photo.metadata.get(EXTERNAL_ID),
            metadata=photo.metadata,
            detection_score=_rounded(face.detection_score),
            photo=Size(photo.width, photo.height),
            box=Box.of(face.box),
            landmarks=_landmarks(face),
            hidden=stored.hidden,
            thumbnail=extras.thumbnails.get(stored.face_id, UNSET),
            photo_url=extras.photo_urls.get(photo.photo_id, UNSET),
        )


class StoredPhoto(Struct, frozen=True, kw_only=True):
    """A photo that was indexed, and all its stored faces."""

    photo_id: PhotoId
    path: Annotated[
        str | None, Meta(description="Where it is on the service's machine; null when in S3.")
    ]
    collection: str
    metadata: Metadata
    photo: Size
    size_bytes: Annotated[
        Count | None, Meta(description="The file's size when it was indexed; null in S3.")
    ]
    modified: Annotated[
        datetime | None, Meta(description="When the file was last changed then; null in S3.")
    ]
    faces: Annotated[list[StoredFace], Meta(description="Largest first.")]
    photo_url: PhotoUrl

    @classmethod
    def of(cls, indexed: domain.IndexedPhoto, photo_url: str | None) -> "StoredPhoto":
        photo = indexed.photo
        revision = FileRevision.parse(photo.revision) if is_in_folder(photo.photo_id) else None
        return cls(
            photo_id=photo.photo_id,
            path=photo_name(photo.photo_id) if is_in_folder(photo.photo_id) else None,
            collection=photo.collection,
            metadata=photo.metadata,
            photo=Size(photo.width, photo.height),
            size_bytes=revision.size if revision else None,
            modified=datetime.fromtimestamp(revision.mtime_ns // 10**9, UTC) if revision else None,
            faces=[
                StoredFace.of(
                    domain.StoredFace(
                        domain.face_id(photo.photo_id, number),
                        number,
                        face,
                        photo,
                        hidden=number in indexed.hidden,
                    ),
                    PLAIN,
                )
                for number, face in enumerate(indexed.faces)
            ],
            photo_url=photo_url,
        )


class Pose(Struct, frozen=True):
    """Degrees, estimated from five points: good for telling frontal from turned, no more."""

    yaw: Annotated[float, Meta(description="Above 0: turned to the viewer's right.")]
    pitch: Annotated[float, Meta(description="Above 0: looking up.")]
    roll: Annotated[float, Meta(description="Above 0: tilted clockwise, as the viewer sees it.")]


class Quality(Struct, frozen=True):
    """How good a picture of the face it is."""

    size: Annotated[float, Meta(ge=0, description="The box's shorter side, in pixels.")]
    sharpness: Annotated[
        float,
        Meta(ge=0, description="Variance of the Laplacian of the face's grey levels at 160 px."),
    ]
    brightness: Annotated[float, Meta(ge=0, le=1, description="Mean grey level.")]
    pose: Annotated[
        Pose | None, Meta(description="Null where whole images are searched, not faces.")
    ]

    @classmethod
    def of(cls, quality: "FaceQuality") -> "Quality":
        pose = quality.pose
        return cls(
            _pixels(quality.size),
            round(quality.sharpness, 2),
            round(quality.brightness, 4),
            None
            if pose is None
            else Pose(round(pose.yaw, 1), round(pose.pitch, 1), round(pose.roll, 1)),
        )


class DetectedFace(Face, frozen=True, kw_only=True):
    """A face of a photo, with its quality."""

    quality: Quality


class DetectAnswer(Struct, frozen=True):
    """The faces of a photo, largest first; none is an empty list."""

    photo: Size
    faces: list[DetectedFace]

    @classmethod
    def of(
        cls,
        photo: DecodedImage,
        measured: "Iterable[tuple[domain.DetectedFace, FaceQuality]]",
        thumbnails: Sequence[str],
    ) -> "DetectAnswer":
        detected, qualities = zip(*measured, strict=True) if measured else ((), ())
        described = [
            DetectedFace(
                index=face.index,
                box=face.box,
                landmarks=face.landmarks,
                detection_score=face.detection_score,
                thumbnail=face.thumbnail,
                quality=Quality.of(quality),
            )
            for face, quality in zip(_faces(detected, thumbnails), qualities, strict=True)
        ]
        return cls(Size(photo.width, photo.height), described)


class Threshold(Struct, frozen=True):
    """A distance to accept up to, by how often different people would be accepted."""

    false_accept_rate: Probability
    distance: Distance
    confidence: Confidence
    true_accept_rate: Probability
    accepted: Annotated[bool, Meta(description="Whether this pair is within the distance.")]


class CompareAnswer(Struct, frozen=True, kw_only=True):
    """Whether two faces show the same person."""

    distance: Distance
    confidence: Confidence
    verdict: Verdict
    limits: SearchLimits
    same_person: Annotated[
        bool | None,
        Meta(
            description="Whether the confidence is one half or more: many look-alikes are. "
            "`verdict` is stricter. Null where the recipe is not calibrated."
        ),
    ]
    one: Face
    other: Face
    thresholds: list[Threshold]
    recipe: RecipeId

    @classmethod
    def of(
        cls,
        comparison: Comparison,
        one: Face,
        other: Face,
        recipe: domain.Recipe,
        limits: verdicts.Limits | None,
    ) -> "CompareAnswer":
        return cls(
            distance=_rounded(comparison.distance),
            confidence=_confidence(comparison.distance, recipe),
            verdict=_verdict(comparison.distance, limits),
            limits=Limits.of(limits) if limits else None,
            same_person=comparison.same_person,
            one=one,
            other=other,
            thresholds=[
                Threshold(
                    each.false_accept_rate,
                    each.distance,
                    _confidence(each.distance, recipe),
                    each.true_accept_rate,
                    comparison.distance <= each.distance,
                )
                for each in (recipe.calibration.thresholds if recipe.calibration else ())
            ],
            recipe=RecipeId.of(recipe),
        )


class UploadAnswer(Struct, frozen=True):
    """Where to send the photo: as multipart/form-data, all `fields` first, the `file` last."""

    url: Annotated[str, Meta(description="Relative to the API's address, or of the bucket.")]
    fields: Mapping[str, str]
    photo_id: PhotoId
    expires_in: Annotated[int, Meta(ge=1, description="Seconds.")]
    max_bytes: Annotated[
        int, Meta(ge=1, description="The most bytes that `file` may have: the `size` asked for.")
    ]


class LeftOut(Struct, frozen=True):
    """Faces of a photo that were found and not indexed, and why."""

    by_quality: Annotated[
        int, Meta(ge=0, description="Below the least size, sharpness or detection score.")
    ]
    by_max_faces: Annotated[
        int, Meta(ge=0, description="Beyond the largest that a photo may have in the index.")
    ]
    limits: Annotated[
        Mapping[str, float],
        Meta(
            description="Limits in force when it was indexed, those at their defaults aside: "
            "`min_face_size` (pixels), `min_sharpness`, `min_detection_score`, `max_faces`."
        ),
    ]

    @classmethod
    def of(cls, photo: domain.Photo) -> "LeftOut":
        left_out = photo.left_out
        return cls(left_out.by_quality, left_out.by_max_faces, photo.limits)


class ListedPhoto(Struct, frozen=True):
    """A photo that was indexed."""

    photo_id: PhotoId
    collection: str
    external_id: ExternalId
    metadata: Metadata
    width: Annotated[int, Meta(ge=0, description="Of the upright photo, in pixels.")]
    height: Count
    faces: Annotated[list[FaceId], Meta(description="Largest first.")]
    problem: Annotated[
        str | None, Meta(description="The code of why it could not be used; null when it could.")
    ]
    left_out: LeftOut

    @classmethod
    def of(cls, listing: domain.PhotoListing) -> "ListedPhoto":
        photo = listing.photo
        ids = [domain.face_id(photo.photo_id, number) for number in range(listing.faces)]
        return cls(
            photo_id=photo.photo_id,
            collection=photo.collection,
            external_id=photo.metadata.get(EXTERNAL_ID),
            metadata=photo.metadata,
            width=photo.width,
            height=photo.height,
            faces=ids,
            problem=photo.problem or None,
            left_out=LeftOut.of(photo),
        )


class PhotosAnswer(Struct, frozen=True):
    """A page of photos, by id."""

    photos: list[ListedPhoto]
    next: Annotated[str | None, Meta(description="The `after` of the next page; null on the last.")]


class DeletePhotoAnswer(Struct, frozen=True):
    """The photo is deleted, and its faces are not found any more, or soon."""

    photo_id: PhotoId


class Collection(Struct, frozen=True):
    """A part of the index, and how much it holds."""

    name: str
    photos: Count
    faces: Count


class CollectionsAnswer(Struct, frozen=True):
    """All collections, by name."""

    collections: list[Collection]


class HealthAnswer(Struct, frozen=True):
    """Searches can be answered."""

    status: Literal["ok"]
    recipe: RecipeId


class Recipe(Struct, frozen=True):
    """How this service makes embeddings."""

    name: RecipeName
    fingerprint: Fingerprint
    detector: str
    crop: str
    embedder: str


class StoreRecipe(Struct, frozen=True):
    """How the embeddings in the index were made."""

    recipe: Annotated[RecipeId | None, Meta(description="Null when nothing is indexed.")]
    fits: Annotated[
        bool | None, Meta(description="Whether it is this service's; null when nothing is.")
    ]


class SearchAbilities(Struct, frozen=True):
    """What depends on how the service was set up."""

    bucket: Annotated[bool, Meta(description="Whether `s3_key` can name photos.")]
    uploads: Annotated[bool, Meta(description="Whether `POST /v1/uploads` takes photos.")]


class VersionAnswer(Struct, frozen=True):
    """What runs here, and whether it fits what is indexed."""

    version: str
    commit: Annotated[
        str | None,
        Meta(description="The source's git commit, ending in -dirty when changed; null: unknown."),
    ]
    recipe: Recipe
    store: StoreRecipe
    search: SearchAbilities


class ProblemDetails(Struct, frozen=True):
    """RFC 9457; `code` is stable, for programs."""

    type: str
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    code: str
    request_id: str


class JpegAnswer(Struct, frozen=True):
    """A JPEG, sent as it is."""

    jpeg: bytes


def _faces(faces: Iterable[domain.DetectedFace], thumbnails: Sequence[str]) -> list[Face]:
    return [
        Face.of(index, face, thumbnails[index] if thumbnails else UNSET)
        for index, face in enumerate(faces)
    ]


def _landmarks(face: domain.DetectedFace) -> Landmarks | None:
    return Landmarks.of(face.landmarks) if face.has_landmarks else None


def _pixels(value: float) -> float:
    return round(value, PIXEL_DIGITS)


def _confidence(distance: float, recipe: domain.Recipe) -> float | None:
    calibration = recipe.calibration
    return None if calibration is None else _rounded(calibration.confidence(distance))


def _verdict(distance: float, limits: verdicts.Limits | None) -> verdicts.Verdict | None:
    return None if limits is None else limits.verdict(distance)


def _rounded(value: float) -> float:
    return round(value, DISTANCE_DIGITS)
