"""What the API's document tells of each route besides its path, its summary and its answer.

Those stand at the route's function already; never imported where requests run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from search_faces import schemas
from search_faces.problems import Problem

TOKEN_PROBLEMS = (
    Problem(
        HTTPStatus.UNAUTHORIZED,
        "refused",
        "The request was refused",
        "it is not signed in, not allowed, or malformed",
    ),
    Problem(
        HTTPStatus.FORBIDDEN,
        "forbidden",
        "The API key is missing or unknown",
        "send it in the header X-Api-Key",
    ),
)
"""API Gateway's, on routes that need a key; `facesearch serve` asks for none."""

LOAD_PROBLEMS = (
    Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too many requests",
        "slow down and try again in a second",
    ),
    Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "timeout",
        "The service is not available now",
        "it took too long to answer: try again in a few seconds",
    ),
)
"""API Gateway's, on every route."""

ADDRESS = ("invalid_request",)
STORE = ("recipe_mismatch", "store_not_found", "store_unavailable")
FACE = ("not_found", *STORE)
PHOTO = (
    *("request_too_large", "image_too_large", "not_an_image", "damaged_image"),
    *("not_found", "read_error", "photo_archived", "photo_key_unusable"),
)
BROKEN = ("internal_error", "invalid_settings", "model_error", "store_damaged", "store_error")

SEVERAL = """Several queries are several photos of one person: the largest face of each counts, \
and the search is for their mean."""
SIZES = """A photo has at most 10 MB (API Gateway's limit), and on AWS about 4.4 MB: Lambda takes \
6 MB, of which the encoding of a body needs a quarter. In JSON, base64 leaves 3.3 MB. Larger ones \
are refused with 413: scale the photo down (a face needs some 200 pixels), or put it into the \
bucket and name it by `s3_key`."""


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body: fields that hold files (how many at most), and options as text."""

    files: Mapping[str, int]
    options: type | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`codes` are its problems, the ones of every route aside; `media` what it answers with, if not
    its function's TypedDict as JSON; `closed` routes need a key.
    """

    tag: str
    description: str = ""
    closed: bool = True
    options: type | None = None
    photo: bool = False
    form: Form | None = None
    json: type | None = None
    examples: Mapping[str, object] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.OK
    media: Sequence[str] = ()
    codes: Sequence[str] = ()
    unavailable: Sequence[str] = ()
    """Codes that are 503 here, whatever they are elsewhere."""
    redirects: bool = False


_FACE_ID = "9b1f0c6f0e5d4a7c8b3e2d1c0f9a8b7c-0"

OPERATIONS: Mapping[str, Operation] = {
    "search": Operation(
        tag="Searching",
        description="Send a photo as the body, one or more as files `photo` of a form, or JSON "
        f"that names what to search with. {SEVERAL}\n\n{SIZES}",
        options=schemas.SearchOptions,
        photo=True,
        form=Form({"photo": 10}, schemas.SearchOptions),
        json=schemas.SearchBody,
        examples={
            "A stored face": {"face_id": _FACE_ID},
            "A photo in the bucket, all its faces": {"s3_key": "wedding/0001.jpg", "face": "all"},
            "Two faces of one person": {
                "face_id": [_FACE_ID, "1c0f9a8b7c9b1f0c6f0e5d4a7c8b3e2d-1"],
                "collection": "wedding",
                "metadata": {"album": "summer"},
            },
        },
        codes=(*ADDRESS, *PHOTO, *STORE, "no_face"),
    ),
    "matches": Operation(
        tag="Searching",
        description="Pages go on with `offset`, at most to the 10,000th match.",
        options=schemas.MatchOptions,
        codes=(*ADDRESS, *FACE, "read_error"),
    ),
    "face": Operation(
        tag="Faces",
        options=schemas.IncludeOption,
        codes=(*ADDRESS, *FACE, "read_error"),
    ),
    "face_thumbnail": Operation(
        tag="Faces",
        description="216 pixels square: the face with its surroundings, outlined.",
        media=("image/jpeg",),
        codes=(*FACE, "read_error"),
    ),
    "detect": Operation(
        tag="Faces",
        description=f"A photo without a face is an empty list, not an error. {SIZES}",
        options=schemas.IncludeOption,
        photo=True,
        form=Form({"photo": 1}, schemas.IncludeOption),
        json=schemas.DetectBody,
        examples={"A photo in the bucket": {"s3_key": "wedding/0001.jpg"}},
        codes=(*ADDRESS, *PHOTO),
    ),
    "compare": Operation(
        tag="Faces",
        description="Two photos as files `one` and `other` of a form, or JSON. Of a photo, the "
        "largest face is compared. `thresholds` tell how far apart two faces may be for a given "
        f"rate of false accepts, measured on Labeled Faces in the Wild. {SIZES}",
        form=Form({"one": 1, "other": 1}),
        json=schemas.CompareBody,
        examples={
            "A stored face and a photo in the bucket": {
                "one": {"face_id": _FACE_ID},
                "other": {"s3_key": "wedding/0001.jpg"},
            }
        },
        codes=(*ADDRESS, *PHOTO, *STORE, "no_face"),
    ),
    "photos": Operation(
        tag="Photos",
        description="Photos without a face are listed, too, and those that could not be used, with "
        "the `problem`. Photos come and go through the bucket: it is the one source of truth.",
        options=schemas.PhotosOptions,
        codes=(*ADDRESS, "recipe_mismatch", "store_unavailable"),
    ),
    "uploads": Operation(
        tag="Photos",
        description="Send the photo to `url` as `multipart/form-data` within `expires_in` seconds: "
        "all `fields` as they are, then the photo as `file`, last, and no key. The answer is 204; "
        "the photo can be found when `GET /photos` lists it. Its `collection` and `metadata` are "
        "kept with it. Types are JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC. Where nobody may "
        "add photos, this is 409 `uploads_off`.",
        json=schemas.UploadBody,
        examples={
            "A photo of a wedding": {
                "filename": "0001.jpg",
                "content_type": "image/jpeg",
                "size": 2_400_000,
                "collection": "wedding",
                "metadata": {"album": "summer"},
            }
        },
        status=HTTPStatus.CREATED,
        codes=(
            *ADDRESS,
            *("image_too_large", "invalid_collection", "not_an_image", "request_too_large"),
            "uploads_off",
        ),
    ),
    "collections": Operation(
        tag="Photos", codes=(*ADDRESS, "recipe_mismatch", "store_unavailable")
    ),
    "health": Operation(
        tag="Service",
        description="For load balancers and monitors: whatever keeps searches from being answered "
        "is a 503 with its code.",
        closed=False,
        unavailable=("recipe_mismatch", "store_unavailable", *BROKEN[1:]),
    ),
    "version": Operation(
        tag="Service",
        description="When `index.matches` is false, searches are refused with 409: the operator "
        "has to index again.",
        closed=False,
        codes=(*ADDRESS, "store_unavailable"),
    ),
    "openapi": Operation(tag="Documentation", closed=False, media=("application/json",)),
    "docs": Operation(
        tag="Documentation",
        description="Swagger UI, from this service: it needs no other.",
        closed=False,
        media=("text/html",),
        redirects=True,
    ),
    "docs_file": Operation(
        tag="Documentation",
        closed=False,
        media=("text/javascript", "text/css"),
        codes=("not_found",),
    ),
    "page": Operation(tag="Page", closed=False, media=("text/html",), redirects=True),
    "page_file": Operation(
        tag="Page",
        closed=False,
        media=("text/html", "text/css", "text/javascript", "image/svg+xml"),
        codes=("not_found",),
    ),
}
"""By the name of the route's function."""
