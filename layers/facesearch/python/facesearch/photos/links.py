"""Signed links to photos of this machine: who has one may fetch that photo, for a while."""

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from facesearch.errors import InvalidRequest

PATH = "v1/photos/file"
"""Where `facesearch serve` answers links, from the API's address on."""

LINK_S = 300
"""As long as links to photos in S3."""


@dataclass(frozen=True, slots=True)
class PhotoLinks:
    """Makes links and checks them; all processes of a server have one `secret`."""

    secret: bytes = field(repr=False)
    clock: Callable[[], float] = time.time

    def url(self, photo_id: str) -> str:
        """Relative to the API's address."""
        expires = str(int(self.clock()) + LINK_S)
        terms = {"photo_id": photo_id, "expires": expires}
        return f"{PATH}?{urlencode({**terms, 'signature': self._signature(photo_id, expires)})}"

    def photo_id(self, given: Mapping[str, str]) -> str:
        """The photo of a link's query. Raises `InvalidRequest` unless it is good now."""
        photo_id, expires = given.get("photo_id", ""), given.get("expires", "")
        signature = self._signature(photo_id, expires)
        if not hmac.compare_digest(signature.encode(), given.get("signature", "").encode()):
            raise InvalidRequest("the link is not one of this service: ask for the photo's again")
        if int(expires) < self.clock():
            raise InvalidRequest("the link has expired: ask for the photo's again")
        return photo_id

    def _signature(self, photo_id: str, expires: str) -> str:
        text = f"{expires} {photo_id}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, text, "sha256").hexdigest()
