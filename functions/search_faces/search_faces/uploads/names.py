"""Make safe names for new photos out of those that callers give."""

import hashlib
import secrets
import unicodedata

from facesearch.collections import check_collection_name
from facesearch.errors import InvalidCollection
from facesearch.vision.formats import EXTENSIONS_BY_TYPE

MAX_STEM_BYTES = 120


def type_of(filename: str) -> str | None:
    """The image type of a file name's extension; None if it is unknown."""
    lower = filename.lower()
    return next(
        (kind for kind, ends in EXTENSIONS_BY_TYPE.items() if lower.endswith(tuple(ends))), None
    )


def safe_name(filename: str, media_type: str) -> str:
    """`<8 hex digits>-<the name's letters, digits, dashes and dots>.<an ending of the type>`."""
    name = unicodedata.normalize("NFC", filename).replace("\\", "/").rpartition("/")[2]
    endings = EXTENSIONS_BY_TYPE[media_type]
    ending = next((each for each in endings if name.lower().endswith(each)), "")
    words = "".join(_safe(each) for each in name[: len(name) - len(ending)]).split()
    stem = "-".join(words).strip(".-").encode()[:MAX_STEM_BYTES].decode(errors="ignore")
    return f"{secrets.token_hex(4)}-{stem or 'photo'}{ending or endings[0]}"


def content_name(sha256: str, collection: str, media_type: str) -> str:
    """A name by the photo's bytes, another in each collection. Ends as its type does."""
    stem = hashlib.sha256(f"{sha256}\n{collection}".encode()).hexdigest()[:32]
    return f"{stem}{EXTENSIONS_BY_TYPE[media_type][0]}"


def _safe(letter: str) -> str:
    # Marks belong to the letters before them: é may be two.
    return letter if letter.isalnum() or letter in "._-" or unicodedata.combining(letter) else " "


def folder_name(collection: str) -> str:
    """The collection as the name of a folder. Raises `InvalidCollection`."""
    if collection.startswith(".") or "/" in collection or "\\" in collection:
        raise InvalidCollection(
            "the collection is a folder here, whose name starts with no dot and holds no "
            "slash: choose another"
        )
    return check_collection_name(collection)
