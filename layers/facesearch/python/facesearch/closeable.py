"""A base for classes that hold files or connections.

`contextlib.closing` would have to be written by each caller, and `AbstractContextManager` leaves
`__exit__` to each class.
"""

from abc import ABC, abstractmethod
from typing import Self


class Closeable(ABC):
    """An object with `close`, which its `with` block calls at the end."""

    @abstractmethod
    def close(self) -> None:
        """Release files and connections. It may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
