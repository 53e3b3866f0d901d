"""Uploads to the bucket, by S3's presigned forms."""

from base64 import b64encode
from collections.abc import Sequence
from email.header import Header
from xml.sax.saxutils import escape

from facesearch.collections import TAG, CollectionRule, check_collection_name
from facesearch.errors import InvalidCollection, NotAnImage, NotFound
from facesearch.faces import DEFAULT_COLLECTION
from facesearch.photos.ids import photo_id
from facesearch.photos.places import Photos
from search_faces.uploads import EXPIRES_S, NewPhoto, UploadForm
from search_faces.uploads.deleting import deletion_off
from search_faces.uploads.names import folder_name

_TAG_SIGNS = " _.:/=+-@"
"""Characters that a tag's value may hold beside letters and digits."""


class BucketUploads:
    """Only keys that end in one of `suffixes` (empty: all) are indexed. It may delete, too."""

    def __init__(
        self,
        photos: Photos,
        bucket: str,
        rule: CollectionRule,
        suffixes: Sequence[str] = (),
        *,
        deletes: bool = False,
    ) -> None:
        """`photos` has the connection to S3 that signs."""
        self._photos = photos
        self._bucket = bucket
        self._rule = rule
        self._suffixes = tuple(suffixes)
        self._deletes = deletes

    def form(self, photo: NewPhoto) -> UploadForm:
        """Raises `InvalidCollection`, or `NotAnImage` for a type that is not indexed here."""
        if self._suffixes and not photo.name.endswith(self._suffixes):
            raise NotAnImage(
                f"only files whose names end in {', '.join(self._suffixes)} are taken here: "
                "convert the photo"
            )
        folder, tagging = self._place(photo.collection)
        key = f"{self._rule.prefix}{folder}{photo.name}"
        fields = {"Content-Type": photo.media_type, **tagging}
        for name, value in photo.metadata.items():
            fields[f"x-amz-meta-{name}"] = _encoded(value)
        if photo.sha256:
            # S3 refuses bytes that have another.
            fields["x-amz-checksum-algorithm"] = "SHA256"
            fields["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(photo.sha256)).decode()
        signed = self._photos.s3.signer(self._bucket).generate_presigned_post(
            self._bucket,
            key,
            Fields=dict(fields),
            Conditions=[
                ["content-length-range", 1, photo.size],
                *({name: value} for name, value in fields.items()),
            ],
            ExpiresIn=EXPIRES_S,
        )
        return UploadForm(signed["url"], signed["fields"], photo_id(self._bucket, key))

    def remove(self, photo_id: str) -> None:
        """Delete a photo from the bucket, which tells the index.

        Raises `DeletionOff` where the bucket's owner alone deletes, `NotFound` for what is no photo
        of this service, or `ReadError`.
        """
        if not self._deletes:
            raise deletion_off(photo_id)
        key = photo_id.removeprefix(f"s3://{self._bucket}/")
        if (
            key == photo_id
            or not key.removeprefix(self._rule.prefix)
            or not key.startswith(self._rule.prefix)
            or (self._suffixes and not key.endswith(self._suffixes))
        ):
            raise NotFound("there is no such photo: see GET /v1/photos")
        self._photos.s3.delete(photo_id)

    def _place(self, collection: str | None) -> tuple[str, dict[str, str]]:
        """The key's folder and the form's tag that name the collection."""
        if collection is None:
            return "", {}
        if self._rule.by == "prefix":
            return f"{folder_name(collection)}/", {}
        if self._rule.by == "tag":
            return "", {"tagging": _tagging(check_collection_name(collection))}
        if collection != DEFAULT_COLLECTION:
            raise InvalidCollection(
                "this service keeps all photos in one collection: leave collection out"
            )
        return "", {}


def _encoded(value: str) -> str:
    """Encode metadata in ASCII (RFC 2047), as S3 takes it and `S3Photos` reads it."""
    if value.isascii() and "=?" not in value:
        return value
    return Header(value, "utf-8", maxlinelen=2**20).encode()


def _tagging(collection: str) -> str:
    if not all(each.isalnum() or each in _TAG_SIGNS for each in collection):
        raise InvalidCollection(
            f"a collection is a tag here: use letters, digits, spaces and {_TAG_SIGNS.strip()}"
        )
    tag = f"<Tag><Key>{TAG}</Key><Value>{escape(collection)}</Value></Tag>"
    return f"<Tagging><TagSet>{tag}</TagSet></Tagging>"
