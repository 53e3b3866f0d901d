"""Codes of problems and sentences that several routes share."""

ADDRESS = ("invalid_request",)
STORE = ("recipe_mismatch", "store_not_found", "store_unavailable")
FACE = ("not_found", *STORE)
PHOTO = (
    *("request_too_large", "image_too_large", "not_an_image", "damaged_image"),
    *("not_found", "photo_archived", "photo_key_unusable", "read_error"),
)

FACE_ID = "9b1f0c6f0e5d4a7c8b3e2d1c0f9a8b7c-0"
"""An example."""

SEVERAL = """Several queries are several photos of one person: the largest face of each counts, \
and the search is for their mean."""
SIZES = """A photo has at most 10 MB (API Gateway's limit), and on AWS about 4.4 MB: Lambda takes \
6 MB, of which the encoding of a body needs a quarter. In JSON, base64 leaves 3.3 MB. Larger ones \
are refused with 413: scale the photo down (a face needs some 200 pixels), or put it into the \
bucket and name it by `s3_key`."""
