"""Find, among very many faces, the few that can be the nearest, by 8-bit codes held in memory.

An embedding x is kept as its code c (int8) and a scale s, so x = s·c + r. With a query that is
q = s'·c' + r', the triangle inequality bounds the distance by what the codes alone give:

    | ‖x - q‖ - ‖s·c - s'·c'‖ |  ≤  ‖r‖ + ‖r'‖

‖r‖ is known of every embedding: some 0.008, where strangers are 1.2 apart. A face whose lower bound
is above the upper bounds of k others is not among the k nearest. What is left, some dozens, the
store compares exactly, so its answer is that of comparing all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import apsw
import numpy as np
import simsimd
from numpy.typing import NDArray

from facesearch.errors import StoreDamaged
from facesearch.faces import Embedding

CHUNKS_OF_SLAB = 64
"""Chunks of sqlite-vec in a slab: 16,384 faces, whose distances fit the cache of a core."""
ROUNDING = 2.0**-24
"""The most by which float32 rounds a number, relative to it."""
SQUARED_ROUNDINGS = 16 * ROUNDING
"""More than float32 adds to a squared distance here, relative to ‖s·c‖² + ‖s'·c'‖²: a product of
five roundings, at most the half of that sum, and two additions."""
SQUARES = (1e-20, 1e30)
"""‖s·c‖² between which float32 neither overflows nor loses digits; any other may be near."""
ROWS_OF_CHUNK = 256
BYTES_OF_ROW = 20  # beside the code, whose numbers are a byte each

Stamps = Mapping[int, int]
"""Of each chunk. Two chunks with the same stamp have the same content."""
Chosen = Sequence[NDArray[np.bool_]]
"""By slab, which of its rows are searched."""

_CHUNK = """SELECT c.partition00, c.validity, c.rowids, v.vectors FROM embeddings_chunks c
    JOIN embeddings_vector_chunks00 v ON v.rowid = c.chunk_id WHERE c.chunk_id = ?"""


@dataclass(frozen=True, slots=True)
class Slab:
    """Some chunks of the file. It never changes: a new one takes its place.

    Arrays are by chunk, or by chunk and row in it. `squares` are ‖s·c‖², infinite in rows without a
    face; `residuals` are ‖r‖ or a bit more.
    """

    chunks: NDArray[np.int64]
    collections: NDArray[np.str_]
    slots: NDArray[np.int64]
    codes: NDArray[np.int8]  # (chunks, rows, dimension)
    scales: NDArray[np.float32]
    squares: NDArray[np.float32]
    residuals: NDArray[np.float32]

    @classmethod
    def read(cls, connection: apsw.Connection, chunk: int) -> Self:
        """One chunk of the file."""
        row = connection.execute(_CHUNK, (chunk,)).fetchone()
        if row is None:
            raise StoreDamaged("the store is damaged: restore a copy of it (a chunk is missing)")
        collection, validity, rowids, vectors = row
        valid = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little").astype(bool)
        embeddings = np.frombuffer(vectors, np.float32).reshape(len(valid), -1)
        if not np.isfinite(embeddings).all():
            raise StoreDamaged("the store is damaged: restore a copy of it (an embedding is none)")
        scales, codes, squares, residuals = _coded(embeddings)
        squares[~valid] = np.inf
        residuals[~valid] = 0
        return cls(
            np.array([chunk]),
            np.array([collection]),
            np.frombuffer(rowids, np.int64)[None],
            codes[None],
            scales[None],
            squares[None],
            residuals[None],
        )

    @classmethod
    def joined(cls, slabs: Sequence[Self]) -> Self:
        arrays = zip(*(slab._arrays() for slab in slabs), strict=True)
        return cls(*(np.concatenate(each) for each in arrays))

    def of(self, chosen: NDArray[np.bool_]) -> "Slab":
        """The chosen ones of its chunks."""
        return self if chosen.all() else Slab(*(array[chosen] for array in self._arrays()))

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return tuple(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of every embedding that a file held when its chunks had these stamps.

    `stamp` is the file's for all chunks together; None if some are missing.
    """

    stamps: Stamps
    stamp: int | None
    slabs: tuple[Slab, ...] = ()

    def changed(self, stamps: Stamps) -> list[int]:
        """The chunks whose codes are missing or out of date, in order."""
        return sorted(chunk for chunk, stamp in stamps.items() if self.stamps.get(chunk) != stamp)

    def updated(self, connection: apsw.Connection, stamps: Stamps, stamp: int | None) -> "Codes":
        """The codes of these chunks, as the file has them now. What did not change is shared."""
        changed = self.changed(stamps)
        stale = np.array([*changed, *(self.stamps.keys() - stamps.keys())], np.int64)
        kept, pieces = [], [Slab.read(connection, chunk) for chunk in changed]
        for slab in self.slabs:
            left = np.isin(slab.chunks, stale, invert=True)
            if left.all() and (len(left) == CHUNKS_OF_SLAB or not pieces):
                kept.append(slab)
            elif left.any():
                pieces.append(slab.of(left))
        return Codes(stamps, stamp, (*kept, *_slabs_of(pieces)))

    def chosen(self, slots: NDArray[np.int64]) -> Chosen:
        """The rows of these slots."""
        if not self.slabs:
            return []
        places = np.cumsum([slab.slots.size for slab in self.slabs])
        chosen = np.isin(np.concatenate([slab.slots.ravel() for slab in self.slabs]), slots)
        return [
            each.reshape(slab.slots.shape)
            for each, slab in zip(np.split(chosen, places[:-1]), self.slabs, strict=True)
        ]

    def candidates(
        self,
        query: Embedding,
        k: int,
        *,
        collection: str | None = None,
        chosen: Chosen | None = None,
    ) -> NDArray[np.int64]:
        """The slots of all faces that can be among the k nearest, in any order.

        Only faces of the collection are searched (None: of all), of them only the `chosen`. "Near"
        is as sqlite-vec computes it, in float32; of faces equally far, all are returned.
        """
        reach = _Reach(query, k)
        for number, slab in enumerate(self.slabs):
            allowed = None if chosen is None else chosen[number]
            if collection is not None:
                in_collection = slab.collections == collection
                if not in_collection.any():
                    continue
                allowed = None if allowed is None else allowed[in_collection]
                reach.add(slab.of(in_collection), allowed)
            else:
                reach.add(slab, allowed)
        return reach.slots()


class _Reach:
    """The faces, of those added, that can be among the k nearest to a query."""

    def __init__(self, query: Embedding, k: int) -> None:
        [scale], codes, [square], [residual] = _coded(query[None])
        self._k = k
        self._codes = codes
        self._scale = -2 * scale
        self._square = float(square)
        self._residual = float(residual)
        # A distance in float32 adds as many squares as there are dimensions, each with its error.
        self._relative = (len(query) + 8) * ROUNDING
        self._farthest = np.inf
        self._uppers = np.empty(0)
        self._found: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []

    def add(self, slab: Slab, allowed: NDArray[np.bool_] | None) -> None:
        rows = slab.codes.reshape(-1, slab.codes.shape[-1])
        products = simsimd.cdist(self._codes, rows, metric="dot", out_dtype="float32")
        squared = np.asarray(products).reshape(slab.squares.shape)
        squared *= slab.scales
        squared *= self._scale
        squared += slab.squares
        if allowed is not None:
            squared[~allowed] = np.inf
        near = np.flatnonzero(squared <= self._limit(slab))
        if not len(near):
            return
        distances = squared.ravel()[near] + self._square
        rounding = SQUARED_ROUNDINGS * (slab.squares.ravel()[near] + self._square)
        errors = slab.residuals.ravel()[near] + self._residual
        uppers = (np.sqrt(np.maximum(distances + rounding, 0)) + errors) * (1 + self._relative)
        lowers = (np.sqrt(np.maximum(distances - rounding, 0)) - errors) * (1 - self._relative)
        self._found.append((lowers, slab.slots.ravel()[near]))
        self._uppers = np.concatenate((self._uppers, uppers))
        if len(self._uppers) >= self._k:
            self._uppers = np.partition(self._uppers, self._k - 1)[: self._k]
            self._farthest = float(self._uppers[-1])

    def _limit(self, slab: Slab) -> np.float32:
        """What `squared` is at most for a face of the slab that may be among the nearest."""
        residual = float(slab.residuals.max()) + self._residual
        longest = float(slab.squares.max(where=np.isfinite(slab.squares), initial=0))
        distance = self._farthest * (1 + 4 * self._relative) + residual
        limit = distance**2 - self._square + 4 * SQUARED_ROUNDINGS * (longest + self._square)
        return np.float32(min(limit, float(np.finfo(np.float32).max)))

    def slots(self) -> NDArray[np.int64]:
        if not self._found:
            return np.empty(0, np.int64)
        lowers, slots = map(np.concatenate, zip(*self._found, strict=True))
        return slots[lowers <= self._farthest]


def size_bytes(chunks: int, dimension: int) -> int:
    """How much memory the codes of so many chunks take."""
    return chunks * ROWS_OF_CHUNK * (dimension + BYTES_OF_ROW)


def _coded(
    embeddings: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Scales, codes, ‖s·c‖² and ‖r‖ of the rows."""
    scales = np.maximum(np.abs(embeddings).max(axis=1), np.finfo(np.float32).tiny) / np.float32(127)
    rounded = np.rint(embeddings / scales[:, None])
    codes = rounded.astype(np.int8)
    lengths = np.einsum("ij,ij->i", codes, codes, dtype=np.int32)
    squares = lengths * scales.astype(np.float64) ** 2
    unsure = (squares < SQUARES[0]) | (squares > SQUARES[1])
    scales[unsure] = squares[unsure] = 0
    rest = embeddings - scales[:, None] * rounded
    rest[unsure] = 0
    # Never less than it is, whatever float32 rounded on the way.
    residuals = np.sqrt(np.einsum("ij,ij->i", rest, rest))
    residuals *= 1 + 2 * embeddings.shape[1] * ROUNDING
    residuals += 4 * ROUNDING * np.sqrt(squares)
    residuals[unsure] = np.inf
    return scales, codes, squares.astype(np.float32), residuals.astype(np.float32)


def _slabs_of(pieces: Sequence[Slab]) -> list[Slab]:
    """Join the pieces, and divide them anew."""
    if not pieces:
        return []
    whole = Slab.joined(pieces)
    numbers = np.arange(len(whole.chunks)) // CHUNKS_OF_SLAB
    return [whole.of(numbers == each) for each in range(numbers[-1] + 1)]
