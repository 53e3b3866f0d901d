"""What a system of the evaluation is: the types that all of them share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facesearch.confidence import Calibration
from facesearch.errors import FacesearchError
from facesearch.settings import Settings
from facesearch_local.evaluation.ranking import Rank, nearest

SHIPPED = "facenet"
"""The recipe that is used unless another is named."""

Embedded = NDArray[np.float32] | FacesearchError | None
"""A vector, why there is none, or None where no face was found."""


class System(Protocol):
    """A way from photos to vectors, with every parameter that changes its numbers.

    `recipe` is the text of all steps and parameters: the cache's key. `other_processes_s`
    is the CPU time in seconds that other processes spent for it so far.
    """

    name: str
    recipe: str
    other_processes_s: float

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        """A vector of each photo's main face (nearest the middle)."""


@dataclass(frozen=True, slots=True)
class SystemEntry:
    """How a system is opened, how its answers are put in order, and what its distances mean.

    `open` goes to worker processes: a function of a module, a class, or a `partial` of one.
    """

    open: Callable[[Settings], System]
    rank: Rank = nearest
    calibration: Calibration | None = None
