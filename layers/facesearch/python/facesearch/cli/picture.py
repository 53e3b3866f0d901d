"""`facesearch search --grid`: reads the photos of the faces found, and draws them."""

from functools import cached_property

from PIL import Image

from facesearch.cli.output import printable
from facesearch.confidence import confidence
from facesearch.errors import FacesearchError
from facesearch.faces import Match
from facesearch.folders import photo_label, read_photo
from facesearch.grid import Result, cut_out, draw_grid
from facesearch.images import decode_image
from facesearch.indexing import ReadPhoto
from facesearch.searching import PhotoSearch


def draw_result(name: str, query: bytes, found: PhotoSearch) -> Image.Image:
    """The picture of a search with the photo `query`, which is called `name`.

    A photo that is gone by now, or cannot be read, is shown as its name and the reason.
    """
    photos = _Photos()
    # One photo at a time: only the small pictures stay in memory.
    results = [_result(match, photos) for match in found.matches]
    return draw_grid(cut_out(decode_image(query), found.faces[0].box), printable(name), results)


class _Photos:
    """Reads photos wherever they are."""

    def read(self, photo_id: str) -> bytes:
        read = self._read_s3 if photo_id.startswith("s3://") else read_photo
        return read(photo_id).data

    @cached_property
    def _read_s3(self) -> ReadPhoto:
        # Half a second of import that only a store with photos in S3 needs.
        from facesearch.s3 import S3Photos, open_client

        return S3Photos(open_client()).read


def _result(match: Match, photos: _Photos) -> Result:
    photo_id = match.stored.photo.photo_id
    picture, problem = None, ""
    try:
        picture = cut_out(decode_image(photos.read(photo_id)), match.stored.face.detected.box)
    except FacesearchError as error:
        problem = str(error)
    label = printable(photo_label(photo_id))
    return Result(label, match.distance, confidence(match.distance), picture, problem)
