"""What a list of photos is asked for."""

from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from facesearch.errors import InvalidRequest
from search_faces.requests.options import options_of, refuse_rest

MAX_PHOTOS_LISTED = 1000
DEFAULT_PHOTOS_LISTED = 100


@dataclass(frozen=True, slots=True)
class PhotosRequest:
    """Photos whose id starts with `prefix` and sorts after `after`."""

    prefix: str
    after: str
    limit: int


def parse_photos(event: BaseProxyEvent) -> PhotosRequest:
    """Raises `InvalidRequest`."""
    options = options_of(event)
    limit = str(options.pop("limit", DEFAULT_PHOTOS_LISTED))
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= 9):
        raise InvalidRequest(f"limit is '{limit[:40]}': use a whole number")
    if not 1 <= int(limit) <= MAX_PHOTOS_LISTED:
        raise InvalidRequest(f"limit is {limit}: use 1 to {MAX_PHOTOS_LISTED}")
    request = PhotosRequest(
        str(options.pop("prefix", "")), str(options.pop("after", "")), int(limit)
    )
    refuse_rest(options, ("prefix", "after", "limit"))
    return request


def parse_nothing(event: BaseProxyEvent) -> None:
    """For what takes no options. Raises `InvalidRequest`."""
    for name in options_of(event):
        raise InvalidRequest(f"'{name[:40]}' is not understood: this path takes no options")
