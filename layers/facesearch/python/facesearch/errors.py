"""Every error that a user or caller can meet.

FacesearchError
├── InputError             the caller or the photo's owner must fix it; trying again is useless
│   ├── ImageError
│   │   ├── NotAnImage
│   │   ├── DamagedImage
│   │   └── ImageTooLarge
│   ├── NoFaceFound
│   ├── InvalidRequest
│   ├── InvalidCollection  a photo's folder or tag is not a valid name of a collection
│   ├── PhotoArchived      the photo is in a storage class that has to restore it first
│   ├── PhotoKeyUnusable   the photo is encrypted under a key that may not be used
│   ├── UploadsOff         this service takes no new photos
│   ├── HidingOff          faces are hidden by who runs this service, and not through it
│   ├── DeletionOff        photos are deleted where they are kept, and not by this service
│   └── NotFound
├── SettingsError          an environment variable or option is wrong; names it
├── ModelError             the model files are missing or damaged
├── ReadError              a photo could not be read now; trying again may help
│   └── BucketUnavailable  nor could any other photo of its bucket
└── StoreError
    ├── StoreUnavailable   trying again may help
    ├── StoreNotFound      nothing has been indexed there
    ├── StoreDamaged       what is there is not a store of this program
    ├── StoreFull          no room left to write
    └── RecipeMismatch     the store holds embeddings of another recipe

Messages name the thing, the cause and the fix; they are shown to users as they are.
"""

from typing import ClassVar


class FacesearchError(Exception):
    """Base of all; `code` is stable, for programs."""

    code: ClassVar[str] = "error"


class InputError(FacesearchError):
    code = "invalid_input"


class ImageError(InputError):
    code = "image_error"


class NotAnImage(ImageError):
    code = "not_an_image"


class DamagedImage(ImageError):
    code = "damaged_image"


class ImageTooLarge(ImageError):
    code = "image_too_large"


class NoFaceFound(InputError):
    code = "no_face"


class InvalidRequest(InputError):
    code = "invalid_request"


class InvalidCollection(InputError):
    code = "invalid_collection"


class PhotoArchived(InputError):
    code = "photo_archived"


class PhotoKeyUnusable(InputError):
    code = "photo_key_unusable"


class UploadsOff(InputError):
    code = "uploads_off"


class HidingOff(InputError):
    code = "hiding_off"


class DeletionOff(InputError):
    code = "deletion_off"


class NotFound(InputError):
    code = "not_found"


class SettingsError(FacesearchError):
    code = "invalid_settings"


class ModelError(FacesearchError):
    code = "model_error"


class ReadError(FacesearchError):
    code = "read_error"


class BucketUnavailable(ReadError):
    code = "bucket_unavailable"


class StoreError(FacesearchError):
    code = "store_error"


class StoreUnavailable(StoreError):
    code = "store_unavailable"


class StoreNotFound(StoreError):
    code = "store_not_found"


class StoreDamaged(StoreError):
    code = "store_damaged"


class StoreFull(StoreError):
    code = "store_full"


class RecipeMismatch(StoreError):
    """`fingerprint` is that of the recipe that the store holds."""

    code = "recipe_mismatch"

    def __init__(self, message: str, fingerprint: str = "") -> None:
        super().__init__(message)
        self.fingerprint = fingerprint
