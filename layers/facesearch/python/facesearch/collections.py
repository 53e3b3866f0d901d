"""Which collection a photo in S3 belongs to: its folder or its tag decides."""

from collections.abc import Mapping
from dataclasses import dataclass

from facesearch.errors import InvalidCollection, SettingsError
from facesearch.faces import DEFAULT_COLLECTION

CHOICES = ("prefix", "tag", "none")
"""The first folder of the key after the photos' common prefix, an object tag, or neither."""

TAG = "collection"
"""The name of the object tag."""

MAX_NAME_BYTES = 255
"""The longest name in UTF-8: every store takes it, and every file system as a folder's name."""


@dataclass(frozen=True, slots=True)
class CollectionRule:
    """`by` is one of `CHOICES`; all photos' keys start with `prefix`."""

    by: str = "prefix"
    prefix: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "CollectionRule":
        """Raises `SettingsError`, naming the variable."""
        by = environ.get("FACESEARCH_COLLECTIONS") or CHOICES[0]
        if by not in CHOICES:
            raise SettingsError(
                f"FACESEARCH_COLLECTIONS is '{by}': use one of {', '.join(CHOICES)}"
            )
        return cls(by, environ.get("FACESEARCH_PREFIX", ""))

    def of_key(self, key: str) -> str:
        """The collection that the key's first folder names. Raises `InvalidCollection`."""
        folder, slash, _ = key.removeprefix(self.prefix).lstrip("/").partition("/")
        return check_collection_name(folder) if slash else DEFAULT_COLLECTION

    def of_tags(self, tags: Mapping[str, str]) -> str:
        """The collection that the object's tags name. Raises `InvalidCollection`."""
        return check_collection_name(tags.get(TAG) or DEFAULT_COLLECTION)


def check_collection_name(name: str) -> str:
    """Check the name of a collection, and return it.

    Raises `InvalidCollection`. Its message leaves the name out: it may be personal.
    """
    if not name or len(name.encode(errors="surrogatepass")) > MAX_NAME_BYTES:
        raise InvalidCollection(
            f"the collection's name is empty or longer than {MAX_NAME_BYTES} bytes: choose another"
        )
    if name != name.strip() or not all(each.isprintable() for each in name):
        raise InvalidCollection(
            "the collection's name starts or ends with a space, or holds a character that cannot "
            "be seen: choose another"
        )
    return name
