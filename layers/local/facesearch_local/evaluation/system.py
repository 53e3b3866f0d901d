"""What every system that is compared is, and what it may be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import FacesearchError

Embedded = NDArray[np.float32] | FacesearchError | None
"""A vector, why there is none, or None where no face was found."""


class System(Protocol):
    """A way from photos to vectors, with every parameter that changes its numbers.

    `recipe` is the text of all steps and parameters: the cache's key. `elsewhere_s` is the CPU time
    in seconds that other processes spent for it so far.
    """

    name: str
    recipe: str
    elsewhere_s: float

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        """A vector of each photo's main face (nearest the middle)."""


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """The classifier of `whole-image` and `face-crop`, when it is not the one built here.

    `peer_python` is the Python that has the packages of the peers; None is this one.
    """

    classifier: Path | None = None
    sha256: str = ""
    preprocessing: str = ""
    output: str = ""
    peer_python: Path | None = None
