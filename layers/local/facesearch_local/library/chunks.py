"""Divide photos into chunks for workers."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

CHUNK_PHOTOS = 32
CHUNK_BYTES = 64 * 2**20
"""A worker holds all files of a chunk in memory. A larger file is a chunk by itself."""


class _Sized(Protocol):
    @property
    def size(self) -> int: ...


Item = TypeVar("Item", bound=_Sized)


def in_chunks(files: Sequence[Item], workers: int) -> Iterator[list[Item]]:
    """Divide photos into chunks that fit a worker's memory, with some for every worker."""
    most = max(1, min(CHUNK_PHOTOS, len(files) // (2 * workers)))
    chunk: list[Item] = []
    size = 0
    for file in files:
        if chunk and (len(chunk) == most or size + file.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(file)
        size += file.size
    if chunk:
        yield chunk
