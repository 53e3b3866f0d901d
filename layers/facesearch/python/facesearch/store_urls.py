"""Where a store is, as people give it, and as messages may show it."""

import re
from pathlib import Path

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")  # one letter is a disk of Windows


def url_of(place: str) -> str:
    """The URL of a store that is given by it, or by the path of its file."""
    return place if _SCHEME.match(place) else f"sqlite:///{Path(place).expanduser()}"


def place_of(url: str) -> str:
    """The store's file, or else its URL without the password."""
    return without_password(url).removeprefix("sqlite:///")


def without_password(url: str) -> str:
    """The URL without its `user:password@`, even if the rest of the URL is malformed."""
    # A password with a raw `/` or `?` in it ends the host too early for a parser, not for us.
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url
