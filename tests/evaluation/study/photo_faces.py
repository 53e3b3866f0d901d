"""The faces of labelled photos, looked at when a picture or an explanation needs them."""

from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from facesearch.errors import FacesearchError
from facesearch.faces import BoundingBox, DetectedFace, Embedding
from facesearch.photos.folder import read_file
from facesearch.photos.thumbnails import cut_out
from facesearch.settings import Settings
from facesearch.vision.images import decode_image
from facesearch.vision.pipeline import FacePipeline
from facesearch.vision.quality import FaceQuality, face_quality
from facesearch_local.evaluation.central_face import most_central
from facesearch_local.evaluation.labelled import LabelledPhoto


@dataclass(frozen=True, slots=True)
class InspectedPhoto:
    """A photo's size in pixels, the face that its label means, and how many others there are."""

    width: int
    height: int
    face: DetectedFace | None
    quality: FaceQuality | None
    others: int


class PhotoFaces:
    """Looks with this project's own pipeline, whatever system is being judged."""

    def __init__(self, settings: Settings) -> None:
        self._pipeline = FacePipeline.from_settings(settings)
        self.inspect = lru_cache(maxsize=None)(self._inspect)
        self.embeddings = lru_cache(maxsize=None)(self._embeddings)

    def _inspect(self, photo: LabelledPhoto) -> InspectedPhoto:
        try:
            decoded, faces = self._pipeline.detect(read_file(photo.file.path).data)
        except FacesearchError:
            return InspectedPhoto(0, 0, None, None, 0)
        if not faces:
            return InspectedPhoto(decoded.width, decoded.height, None, None, 0)
        main = faces[_main(faces, decoded.width, decoded.height)]
        quality = face_quality(decoded, main)
        return InspectedPhoto(decoded.width, decoded.height, main, quality, len(faces) - 1)

    def _embeddings(self, photo: LabelledPhoto) -> tuple[Embedding, ...]:
        """Of all faces, that of the label first."""
        try:
            (analysed,) = self._pipeline.analyse([read_file(photo.file.path).data])
        except FacesearchError:
            return ()
        if isinstance(analysed, FacesearchError) or not analysed.faces:
            return ()
        embeddings = [face.embedding for face in analysed.faces]
        detected = [face.detected for face in analysed.faces]
        main = embeddings.pop(_main(detected, analysed.width, analysed.height))
        return main, *embeddings

    def picture(self, photo: LabelledPhoto) -> Image.Image | None:
        """The face cut out and outlined; the whole photo without a face; None if unreadable."""
        try:
            decoded = decode_image(read_file(photo.file.path).data)
        except FacesearchError:
            return None
        face = self.inspect(photo).face
        return cut_out(
            decoded, face.box if face else BoundingBox(0, 0, decoded.width, decoded.height)
        )


def _main(faces: list[DetectedFace], width: int, height: int) -> int:
    return most_central([face.box for face in faces], width, height)
