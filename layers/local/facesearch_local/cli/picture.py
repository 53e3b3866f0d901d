"""Read the photos of a search's matches and draw them, for `facesearch search --grid`."""

from collections.abc import Sequence

from PIL import Image

from facesearch.errors import FacesearchError
from facesearch.faces import DetectedFace, Match
from facesearch.photos.folder import photo_label
from facesearch.photos.reading import ReadPhoto
from facesearch.photos.thumbnails import cut_out
from facesearch.verdicts import Limits
from facesearch.vision.images import DecodedImage, decode_image
from facesearch_local.cli.output import printable
from facesearch_local.grid import GridResult, draw_grid


def draw_result(
    name: str,
    query: DecodedImage,
    face: DetectedFace,
    matches: Sequence[Match],
    read: ReadPhoto,
    limits: Limits | None,
) -> Image.Image:
    """Draw a search with `face` of the photo `query`, which is called `name`.

    `read` reads the photos of the matches. For a photo that cannot be read, the picture shows its
    name and the reason.
    """
    # One photo at a time: only the small pictures stay in memory.
    results = [_result(match, read, limits) for match in matches]
    return draw_grid(cut_out(query, face.box), printable(name), results)


def _result(match: Match, read: ReadPhoto, limits: Limits | None) -> GridResult:
    photo_id = match.stored.photo.photo_id
    picture, problem = None, ""
    try:
        picture = cut_out(decode_image(read(photo_id).data), match.stored.face.detected.box)
    except FacesearchError as error:
        problem = str(error)
    label = printable(photo_label(photo_id))
    verdict = limits.verdict(match.distance) if limits else None
    return GridResult(label, match.distance, verdict, picture, problem)
