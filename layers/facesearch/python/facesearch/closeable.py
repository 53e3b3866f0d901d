"""`with` for what has a `close`.

`contextlib.closing` would do this for each caller anew; `AbstractContextManager` leaves the way
out to each class.
"""

from abc import ABC, abstractmethod
from typing import Self


class Closeable(ABC):
    """Closed when its `with` block is left, however."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
