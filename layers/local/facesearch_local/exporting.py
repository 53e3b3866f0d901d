"""Export every stored face to a table on disk."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from facesearch.errors import InvalidRequest
from facesearch.faces import BoundingBox, Landmarks, StoredFace
from facesearch.files import complete_file
from facesearch.photos.folder import photo_name

BATCH = 4096
"""Faces held in memory at a time. NPZ is written in one go, and holds all."""

_BOX = tuple(field.name for field in fields(BoundingBox))
_LANDMARKS = tuple(f"{field.name}_{axis}" for field in fields(Landmarks) for axis in "xy")

_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("photo_id", pa.string()),
    ("path", pa.string()),
    ("face_id", pa.string()),
    ("index", pa.int32()),
    ("collection", pa.string()),
    *((f"box_{name}", pa.float32()) for name in _BOX),
    *((name, pa.float32()) for name in _LANDMARKS),
    ("detection_score", pa.float32()),
    ("photo_width", pa.int32()),
    ("photo_height", pa.int32()),
    ("hidden", pa.bool_()),
)
"""Parquet's columns, and NPZ's arrays, before `embedding`, for which CSV has e0, e1, ….

Names are the API's; `path` is the photo's on this machine, or its s3:// URI again. Boxes and
landmarks are pixels of the upright photo; whole images have no landmarks (nulls; NaN in NPZ).
`hidden`: a person hid the face.
"""

Batches = Iterator[pa.RecordBatch]
Writer = Callable[[BinaryIO, pa.Schema, Batches], None]


def schema_of(dimension: int) -> pa.Schema:
    """The columns, of embeddings of so many numbers."""
    return pa.schema([*_COLUMNS, ("embedding", pa.list_(pa.float32(), dimension))])


def export_faces(
    faces: Iterable[StoredFace], dimension: int, file: Path, advance: Callable[[int], None]
) -> int:
    """Write the faces to `file`, in the format of its extension, and return their number.

    `dimension`: how many numbers each embedding has.

    The file appears when it is complete, or not at all. `advance` is called with the size of each
    batch. Raises `InvalidRequest` for an unknown extension, and `OSError`.
    """
    write, schema = writer_for(file), schema_of(dimension)
    written = 0

    def batches() -> Batches:
        nonlocal written
        remaining = iter(faces)
        while batch := list(islice(remaining, BATCH)):
            yield _record_batch(batch, schema)
            written += len(batch)
            advance(len(batch))

    with complete_file(file) as sink:
        write(sink, schema, batches())
    return written


def writer_for(file: Path) -> Writer:
    """The writer for the file's extension. Raises `InvalidRequest` for an unknown one."""
    writer = _WRITERS.get(file.suffix.lower())
    if writer is None:
        raise InvalidRequest(
            f"{file} has no known extension: use {', '.join(sorted(_WRITERS))} to choose the format"
        )
    return writer


def _record_batch(faces: list[StoredFace], schema: pa.Schema) -> pa.RecordBatch:
    embeddings = np.concatenate([stored.face.embedding for stored in faces]).astype(np.float32)
    rows = [_row(stored) for stored in faces]
    columns = [
        pa.array(values, field.type)
        for values, field in zip(zip(*rows, strict=True), schema, strict=False)
    ]
    dimension = schema.field("embedding").type.list_size
    columns.append(pa.FixedSizeListArray.from_arrays(pa.array(embeddings), dimension))
    return pa.record_batch(columns, schema=schema)


def _row(stored: StoredFace) -> tuple[str | int | float | None, ...]:
    """Everything but the embedding."""
    photo, detected = stored.photo, stored.face.detected
    places: list[float | None] = [None] * len(_LANDMARKS)
    if detected.has_landmarks:
        points = [getattr(detected.landmarks, field.name) for field in fields(Landmarks)]
        places = [value for point in points for value in (point.x, point.y)]
    return (
        photo.photo_id,
        photo_name(photo.photo_id),
        stored.face_id,
        stored.number,
        photo.collection,
        *(getattr(detected.box, name) for name in _BOX),
        *places,
        detected.detection_score,
        photo.width,
        photo.height,
        stored.hidden,
    )


def _write_parquet(sink: BinaryIO, schema: pa.Schema, batches: Batches) -> None:
    with pa.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_csv(sink: BinaryIO, schema: pa.Schema, batches: Batches) -> None:
    dimension = schema.field("embedding").type.list_size
    numbers = ((f"e{number}", pa.float32()) for number in range(dimension))
    flat = pa.schema([*_COLUMNS, *numbers])
    with pa.csv.CSVWriter(sink, flat) as writer:
        for batch in batches:
            vectors = batch.column("embedding").flatten().to_numpy().reshape(-1, dimension)
            columns = [*map(_no_formula, batch.columns[:-1]), *map(pa.array, vectors.T)]
            writer.write_batch(pa.record_batch(columns, schema=flat))


def _no_formula(column: pa.Array) -> pa.Array:
    """Texts that a spreadsheet would run as formulas get an apostrophe in front."""
    if column.type != pa.string():
        return column
    return pa.compute.replace_substring_regex(column, r"^([=+\-@\t\r])", r"'\1")


def _write_npz(sink: BinaryIO, schema: pa.Schema, batches: Batches) -> None:
    table = pa.Table.from_batches(batches, schema=schema)
    vectors = table.column("embedding").combine_chunks().flatten().to_numpy()
    arrays = {name: _numpy(table.column(name)) for name in schema.names[:-1]}
    arrays["embedding"] = vectors.reshape(-1, schema.field("embedding").type.list_size)
    np.savez(sink, allow_pickle=False, **arrays)


def _numpy(column: pa.ChunkedArray) -> NDArray[np.generic]:
    """The column as an array. Texts get a fixed width: NumPy would pickle others."""
    values: NDArray[np.generic] = column.to_numpy()
    return values.astype(np.str_) if values.dtype == object else values


_WRITERS: dict[str, Writer] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".npz": _write_npz,
}
