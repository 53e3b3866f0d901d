"""What is fuzzed: each target takes any bytes, and may refuse them by an error of ours only."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from facesearch.errors import FacesearchError, InvalidRequest, SettingsError
from facesearch.recipes.description import parse_recipe
from facesearch.vision.images import decode_image
from facesearch.vision.pipeline import FacePipeline
from index_faces.events import parse_message
from search_faces.http import HttpRequest
from search_faces.multipart import form_pieces, split_parts
from search_faces.parsing import parse_request
from search_faces.routes.searching import SEARCH
from tests.fuzz.hostile_images import encoded, gif_that_says_65535, noise, tiff_of_one_column
from tests.unit.models.brought import brought_recipe

EVENTS = Path(__file__).parents[1] / "events"
FORM = "multipart/form-data; boundary=frontier"
KINDS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")


@dataclass(frozen=True)
class Target:
    """`run` raises nothing, or it has found a fault; `seeds` are good inputs to start from."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def decode(data: bytes) -> None:
    try:
        image = decode_image(data).rgb()
    except FacesearchError:
        return
    assert image.ndim == 3
    assert image.shape[2] == 3


def detect(pipeline: FacePipeline, data: bytes) -> None:
    (found,) = pipeline.analyse([data])
    assert isinstance(found, FacesearchError) or found.width * found.height > 0


def form(data: bytes) -> None:
    kind, _, body = data.partition(b"\n")
    content_type = kind.decode("latin-1")
    for read in (
        lambda: split_parts(body, content_type),
        lambda: list(form_pieces([body[:50], body[50:]], content_type)),
    ):
        try:
            read()
        except InvalidRequest:
            continue


def search_request(data: bytes) -> None:
    headers = {"content-type": "application/json"}
    try:
        parse_request(SEARCH, HttpRequest("POST", "/v1/search", {}, [], headers, data))
    except FacesearchError:
        return


def event(data: bytes) -> None:
    try:
        parse_message(data.decode("utf-8", "surrogateescape"))
    except InvalidRequest:
        return


def recipe(data: bytes) -> None:
    try:
        parse_recipe(data, "recipe mine.toml")
    except SettingsError:
        return


def _images() -> list[bytes]:
    picture = noise(96, 64)
    alpha = Image.merge("RGBA", [*picture.split(), picture.split()[0]])
    return [
        *(encoded(picture, kind) for kind in KINDS),
        encoded(picture, "JPEG", progressive=True),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(alpha, "PNG"),
        encoded(picture.convert("P"), "PNG"),
        encoded(Image.new("I;16", (40, 30), 700), "TIFF", compression="tiff_lzw"),
        (Path(__file__).parents[1] / "unit/data/quadrants.heic").read_bytes(),
        gif_that_says_65535(),
        tiff_of_one_column(),
    ]


def _forms() -> list[bytes]:
    disposition = "Content-Disposition: form-data"
    body = (
        f'--frontier\r\n{disposition}; name="k"\r\n\r\n5\r\n'
        f'--frontier\r\n{disposition}; name="photo"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
        f"--frontier\r\n{disposition}; name=folded;\r\n filename*=UTF-8''%e2%82%ac\r\n\r\nx\r\n"
        "--frontier--\r\n"
    )
    return [f"{FORM}\n{body}".encode(), f'{FORM}; charset="utf-8"\n{body}{body}'.encode()]


def _requests() -> list[bytes]:
    photo = base64.b64encode(encoded(noise(16, 16), "JPEG")).decode()
    return [
        json.dumps(request).encode()
        for request in (
            {"photo": photo, "k": 5, "metadata": {"a": "b"}, "face": 0},
            {"photo": f"data:image/jpeg;base64,{photo}", "max_distance": 1.1, "collection": "x"},
            {"photos": [photo, photo], "min_detection_score": 0.5, "offset": 3},
            {"face_ids": ["0a-1"], "k": 1e3},
        )
    ]


def _events() -> list[bytes]:
    return [path.read_bytes() for path in sorted(EVENTS.glob("s3_*.json"))]


def _recipes() -> list[bytes]:
    faces = brought_recipe()
    return [faces.encode(), f"{faces}[calibration]\nslope = -7\n".encode()]


TARGETS = {
    "decode": Target(decode, _images),
    "form": Target(form, _forms),
    "request": Target(search_request, _requests),
    "event": Target(event, _events),
    "recipe": Target(recipe, _recipes),
}


def with_detection(pipeline: FacePipeline) -> Target:
    """Decoding and the search for faces."""
    return Target(partial(detect, pipeline), _images)
