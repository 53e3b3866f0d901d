"""The second use case: find the nearest faces of a face, and compare two faces."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np

from facesearch.errors import FacesearchError, InvalidRequest, NoFaceFound, NotFound, StoreNotFound
from facesearch.expansion import search_expanded
from facesearch.faces import DetectedFace, EmbeddedFace, Embedding, Match, Recipe, StoredFace
from facesearch.fields import check_fields, shorten
from facesearch.stages import Stage, stage
from facesearch.stores import FaceStore
from facesearch.vision.embedding import mean_embedding
from facesearch.vision.images import DecodedImage
from facesearch.vision.limits import IndexLimits
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline

DEFAULT_K = 20
MAX_K = 100
MAX_OFFSET = 9_900
MAX_PHOTOS = 10
"""Photos of one person in one query."""

MAX_PIXELS = 500_000_000
"""The pixels of all photos in one query together: decoding takes time by them."""

MAX_ENTRIES = 100
"""The most entries of metadata in one query."""

MAX_MATCHES = 1_000
"""The most matches of all faces of one photo together: an answer of Lambda holds 6 MB."""

SHOWN_COLLECTIONS = 10
"""Names of collections in a message, at most."""

FaceChoice = int | Literal["all"]
"""Which faces of a photo to search for: by place (0 is the largest), or each."""


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which faces to search, and which matches to return.

    This is the only declaration of these options. The API validates and documents them by it, and
    the command line has an option for each.
    """

    k: Annotated[
        int, msgspec.Meta(ge=1, le=MAX_K, description="How many matches a page has, at most.")
    ] = DEFAULT_K
    collection: (
        Annotated[str, msgspec.Meta(min_length=1, description="Search this collection only.")]
        | None
    ) = None
    metadata: Annotated[
        Mapping[str, Annotated[str, msgspec.Meta(min_length=1)]],
        msgspec.Meta(max_length=MAX_ENTRIES, description="Only faces in photos with all of these."),
    ] = {}
    offset: Annotated[
        int,
        msgspec.Meta(
            ge=0, le=MAX_OFFSET, description="Nearer matches to skip: an answer's `next`."
        ),
    ] = 0
    max_distance: (
        Annotated[
            float,
            msgspec.Meta(
                ge=0,
                le=999_999,
                description="Only matches as near as this: up to 2 between unit vectors.",
            ),
        ]
        | None
    ) = None
    min_confidence: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            le=1,
            description="Only matches as likely the same person as this. For calibrated recipes.",
        ),
    ] = 0.0
    min_detection_score: Annotated[
        float,
        msgspec.Meta(
            ge=0, le=1, description="Only faces that the detector was as sure of as this."
        ),
    ] = 0.0
    expand: Annotated[
        bool,
        msgspec.Meta(
            description="Search again with the query and its confident neighbours averaged."
        ),
    ] = False

    def __post_init__(self) -> None:
        check_fields(self, Scope)

    def distance_limit(self, recipe: Recipe) -> float:
        """How far a match may be. Raises `InvalidRequest` for what the recipe cannot tell."""
        farthest = recipe.max_distance
        if self.max_distance is not None:
            farthest = min(farthest, self.max_distance)
        if self.min_confidence > 0:
            if recipe.calibration is None:
                raise uncalibrated("min_confidence", recipe, "use max_distance")
            farthest = min(farthest, recipe.calibration.distance_at(self.min_confidence))
        return farthest


@dataclass(frozen=True, slots=True, eq=False)
class FaceMatches:
    """A page of matches, nearest first.

    `next` is the offset of the next page, None on the last. `face` is the index of the query face
    in its photo, None when the query is not a face of one photo.
    """

    face: int | None
    matches: list[Match]
    next: int | None


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSearch:
    """The query photo, its faces (largest first), and the matches of the chosen faces."""

    photo: DecodedImage
    faces: tuple[DetectedFace, ...]
    results: list[FaceMatches]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two faces: their L2 distance, and the probability that they are one person.

    `confidence` and `same_person` are None where the recipe is not calibrated.
    """

    distance: float
    confidence: float | None
    same_person: bool | None


def search_photo(
    photo: bytes, pipeline: FacePipeline, store: FaceStore, scope: Scope, face: FaceChoice = 0
) -> PhotoSearch:
    """Search for the chosen faces of `photo`, which is neither stored nor logged.

    A store that does not exist yet has no matches. Raises an `ImageError` for a bad photo,
    `NoFaceFound`, `InvalidRequest` for a face that is not in it, or a `StoreError`.
    """
    decoded, analysed = pipeline.analyse_one(photo)
    analysed = _with_faces(analysed)
    results = [
        _nearest(analysed.faces[place].embedding, store, scope, face=place)
        for place in _chosen(face, len(analysed.faces), scope.k)
    ]
    faces = tuple(each.detected for each in analysed.faces)
    return PhotoSearch(decoded, faces, results)


def search_face(face_id: str, store: FaceStore, scope: Scope) -> FaceMatches:
    """Search for a stored face and leave it out. Raises `NotFound` or a `StoreError`."""
    stored = shown_face(face_id, store)
    return _nearest(stored.face.embedding, store, scope, leave_out=[face_id])


def search_person(
    photos: Sequence[bytes],
    face_ids: Collection[str],
    pipeline: FacePipeline,
    store: FaceStore,
    scope: Scope,
) -> FaceMatches:
    """Search for one person: for the mean of each photo's largest face and of stored faces.

    Raises what the other searches raise. Messages name a photo by its number, counted from 1.
    """
    stored = [shown_face(face_id, store).face for face_id in face_ids]
    shown = [photo.faces[0] for photo in analyse_person(photos, pipeline)]
    return search_mean([*stored, *shown], store, scope, leave_out=face_ids)


def search_mean(
    faces: Sequence[EmbeddedFace],
    store: FaceStore,
    scope: Scope,
    *,
    leave_out: Collection[str] = (),
) -> FaceMatches:
    """Search for the mean of faces of one person, and leave out stored ones by their ids."""
    recipe = _recipe_of(store)
    mean = mean_embedding([face.embedding for face in faces], unit_length=recipe.unit_length)
    return _nearest(mean, store, scope, leave_out=leave_out)


def analyse_person(photos: Sequence[bytes], pipeline: FacePipeline) -> list[AnalysedPhoto]:
    """The largest face of each photo; others are not embedded.

    Messages name a photo by its number, from 1.
    """
    return [
        _with_faces(photo, f"photo {number}: ")
        for number, photo in enumerate(
            pipeline.analyse(photos, IndexLimits(max_faces=1), MAX_PIXELS), start=1
        )
    ]


def check_query_count(count: int) -> None:
    """Raise `InvalidRequest` for more photos and faces of one person than `MAX_PHOTOS`."""
    if count > MAX_PHOTOS:
        raise InvalidRequest(
            f"{count} photos and faces were given: send at most {MAX_PHOTOS} of one person"
        )


def compare_faces(one: EmbeddedFace, other: EmbeddedFace, recipe: Recipe) -> Comparison:
    """Compare two faces of the recipe by the distance between their embeddings."""
    distance = float(np.linalg.norm(one.embedding - other.embedding))
    calibration = recipe.calibration
    if calibration is None:
        return Comparison(distance, None, None)
    same = distance <= calibration.same_person_distance
    return Comparison(distance, calibration.confidence(distance), same)


def check_scope(scope: Scope, recipe: Recipe) -> None:
    """Raise `InvalidRequest` for options that the recipe cannot answer."""
    scope.distance_limit(recipe)
    if scope.expand and recipe.expansion_distance is None:
        raise uncalibrated("expand", recipe, "leave it out")


def uncalibrated(option: str, recipe: Recipe, instead: str) -> InvalidRequest:
    """The error for an option that needs to know what distances mean."""
    name = recipe.name or recipe.fingerprint
    return InvalidRequest(
        f"{option} needs to know what distances mean, and with recipe {name} nobody has measured "
        f"that: {instead}, or have it measured (facesearch evaluate PEOPLE --recipe {name} "
        "--calibrate)"
    )


def analyse_photo(photo: bytes, pipeline: FacePipeline) -> AnalysedPhoto:
    """The photo's faces, one at least. Raises an `ImageError` or `NoFaceFound`."""
    _, analysed = pipeline.analyse_one(photo)
    return _with_faces(analysed)


def stored_face(face_id: str, store: FaceStore) -> StoredFace:
    """A stored face by its id. Raises `NotFound` or a `StoreError`."""
    try:
        stored = store.face(face_id)
    except StoreNotFound as error:
        raise NotFound(
            f"there is no face {shorten(face_id)}, as nothing has been indexed yet: upload photos "
            "first"
        ) from error
    if stored is None:
        raise NotFound(
            f"there is no face {shorten(face_id)}, it may have been deleted with its photo: search "
            "for another"
        )
    return stored


def shown_face(face_id: str, store: FaceStore) -> StoredFace:
    """A stored face that is not hidden. Raises `NotFound` or a `StoreError`."""
    stored = stored_face(face_id, store)
    if stored.hidden:
        raise NotFound(f"face {shorten(face_id)} is hidden: show it again to search for it")
    return stored


def check_collection_exists(name: str, store: FaceStore) -> None:
    """Raises `NotFound` for a collection that the store does not have, or a `StoreError`."""
    names = store.collections()
    if name not in names:
        some = ", ".join(shorten(each) for each in sorted(names)[:SHOWN_COLLECTIONS])
        raise NotFound(
            f"there is no collection {shorten(name)}: leave it out to search all, or use one of "
            f"those there are ({some}{', …' if len(names) > SHOWN_COLLECTIONS else ''})"
        )


def _recipe_of(store: FaceStore) -> Recipe:
    if store.recipe is None:
        raise ValueError("a store opened without a recipe cannot be searched")
    return store.recipe


def _with_faces(analysed: AnalysedPhoto | FacesearchError, which: str = "") -> AnalysedPhoto:
    if isinstance(analysed, FacesearchError):
        raise type(analysed)(f"{which}{analysed}") from analysed
    if not analysed.faces:
        raise NoFaceFound(f"{which}no face was found in the photo: use one where the face is clear")
    return analysed


def _chosen(face: FaceChoice, faces: int, k: int) -> Sequence[int]:
    if face == "all":
        if faces * k > MAX_MATCHES:
            raise InvalidRequest(
                f"the photo has {faces} faces, too many for {k} matches of each: "
                f"lower k to {MAX_MATCHES // faces}, or search for one face at a time"
            )
        return range(faces)
    if face >= faces:
        raise InvalidRequest(
            f"face is {shorten(face)}, but the photo has {faces}, counted from 0: use one of those"
        )
    return [face]


def _nearest(
    embedding: Embedding,
    store: FaceStore,
    scope: Scope,
    *,
    face: int | None = None,
    leave_out: Collection[str] = (),
) -> FaceMatches:
    recipe = _recipe_of(store)
    check_scope(scope, recipe)
    limit = scope.distance_limit(recipe)
    sure = recipe.expansion_distance

    def search(query: Embedding, k: int) -> list[Match]:
        matches = store.search(
            query,
            k + len(leave_out),
            collection=scope.collection,
            metadata=scope.metadata,
            min_detection_score=scope.min_detection_score,
        )
        return [match for match in matches if match.stored.face_id not in leave_out]

    end = scope.offset + scope.k
    with stage(Stage.SEARCH):
        try:
            # One more than is shown tells whether there is another page.
            matches = (
                search_expanded(embedding, end + 1, search, sure, unit_length=recipe.unit_length)
                if scope.expand and sure is not None
                else search(embedding, end + 1)
            )
            if not matches and scope.collection is not None:
                check_collection_exists(scope.collection, store)
        except StoreNotFound:
            return FaceMatches(face, [], None)
    # Rounding may put opposite vectors a little farther apart than there is.
    farthest = recipe.max_distance
    within = [match for match in matches if min(match.distance, farthest) <= limit]
    more = len(within) > end and end <= MAX_OFFSET
    return FaceMatches(face, within[scope.offset : end], end if more else None)
