"""The tables of a store's SQLite file, and the check that a file is such a store."""

import re

import apsw

from facesearch.errors import StoreDamaged
from facesearch.stores.sqlite.integrity import count_all, count_collections
from facesearch.stores.sqlite.stamps import stamp_all

APPLICATION_ID = 0x46414345  # "FACE", in the file's header
SCHEMA_VERSION = 5
READ_VERSIONS = range(1, SCHEMA_VERSION + 1)
"""Files of these formats are read; the first write brings them to `SCHEMA_VERSION`."""

_TOTALS = """
CREATE TABLE totals (
    photos INTEGER NOT NULL,
    faces INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
"""

# `stamps` has a row for each chunk of `embeddings`, a random number that every change of the chunk
# replaces, and as chunk 0 one for all of them: so a program knows which it has read before.
_SINCE_4 = """
CREATE TABLE collections (
    name TEXT NOT NULL PRIMARY KEY,
    photos INTEGER NOT NULL,
    faces INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE stamps (chunk INTEGER PRIMARY KEY, stamp INTEGER NOT NULL) STRICT;
"""

# Places in photos in shares of their size. A photo may be forgotten, and come back.
_SINCE_5 = """
CREATE TABLE hidden (
    key TEXT NOT NULL,
    box_left REAL NOT NULL,
    box_top REAL NOT NULL,
    box_width REAL NOT NULL,
    box_height REAL NOT NULL,
    PRIMARY KEY (key, box_left, box_top, box_width, box_height)
) STRICT, WITHOUT ROWID;
"""

# `embeddings` is scanned chunk by chunk, so its rows must stay dense: `SqliteStore` keeps each
# collection's slots so. 256 rows a chunk make a small collection cost 128 KB, not 512, and searches
# are as fast. A forgotten photo is kept as a hash only: its name may be personal, too.
# `photos.left_out` is JSON, empty where no face was left out and no limits were set. `totals`
# are those of `integrity`. An embedding has as many numbers as the store's recipe says.
SCHEMA = f"""{_TOTALS}{_SINCE_4}{_SINCE_5}
CREATE TABLE recipe (detector TEXT NOT NULL, crop TEXT NOT NULL, embedder TEXT NOT NULL) STRICT;
CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    photo_id TEXT NOT NULL UNIQUE,
    sequence INTEGER NOT NULL,
    revision TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    collection TEXT NOT NULL,
    problem TEXT NOT NULL,
    left_out TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE photo_metadata (
    photo INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (photo, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX photo_metadata_by_value ON photo_metadata (name, value);
CREATE TABLE forgotten (
    key TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE faces (
    slot INTEGER PRIMARY KEY,
    photo INTEGER NOT NULL,
    number INTEGER NOT NULL,
    collection TEXT NOT NULL,
    box_left REAL NOT NULL,
    box_top REAL NOT NULL,
    box_width REAL NOT NULL,
    box_height REAL NOT NULL,
    left_eye_x REAL NOT NULL,
    left_eye_y REAL NOT NULL,
    right_eye_x REAL NOT NULL,
    right_eye_y REAL NOT NULL,
    nose_x REAL NOT NULL,
    nose_y REAL NOT NULL,
    mouth_left_x REAL NOT NULL,
    mouth_left_y REAL NOT NULL,
    mouth_right_x REAL NOT NULL,
    mouth_right_y REAL NOT NULL,
    detection_score REAL NOT NULL,
    UNIQUE (photo, number)
) STRICT;
CREATE INDEX faces_by_collection ON faces (collection);
"""
_EMBEDDINGS = """
CREATE VIRTUAL TABLE embeddings USING vec0(
    collection TEXT PARTITION KEY, embedding FLOAT[{dimension}], chunk_size=256
);
"""
_COLUMNS_OF_EMBEDDINGS = {
    *(("embeddings_chunks", each) for each in ("chunk_id", "partition00", "validity", "rowids")),
    *(("embeddings_rowids", each) for each in ("rowid", "chunk_id", "chunk_offset")),
    ("embeddings_vector_chunks00", "vectors"),
}
"""Of sqlite-vec's own tables. Without one of them, it ends the process."""
_TABLES_BEFORE_3 = {"recipe", "photos", "photo_metadata", "forgotten", "faces", "embeddings"}
_TABLES_BEFORE_4 = _TABLES_BEFORE_3 | {"totals"}
_TABLES_BEFORE_5 = _TABLES_BEFORE_4 | {"collections", "stamps"}
TABLES = _TABLES_BEFORE_5 | {"hidden"}
_TABLES_OF = {
    1: _TABLES_BEFORE_3,
    2: _TABLES_BEFORE_3,
    3: _TABLES_BEFORE_4,
    4: _TABLES_BEFORE_5,
    5: TABLES,
}
_COLUMNS = """SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
    WHERE t.type = 'table'"""


def is_empty(connection: apsw.Connection) -> bool:
    """Whether the file has no tables: it is new, or its first write did not finish."""
    return connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None


def create_tables(connection: apsw.Connection, dimension: int) -> None:
    connection.execute(SCHEMA + _EMBEDDINGS.format(dimension=dimension))
    connection.execute("INSERT INTO totals VALUES (0, 0, 0)")
    stamp_all(connection)
    connection.pragma("user_version", SCHEMA_VERSION)
    connection.pragma("application_id", APPLICATION_ID)


def update_tables(connection: apsw.Connection) -> None:
    """Bring the tables of an earlier version to this format: all of it is read once."""
    version = connection.pragma("user_version")
    if version < 5:
        connection.execute(_SINCE_5)
    if version < 2:
        connection.execute("ALTER TABLE photos ADD COLUMN left_out TEXT NOT NULL DEFAULT ''")
    if version < 3:
        connection.execute(_TOTALS)
        count_all(connection, dimension_of(connection))
    if version < 4:
        connection.execute(_SINCE_4)
        count_collections(connection)
        stamp_all(connection)
    if version < SCHEMA_VERSION:
        connection.pragma("user_version", SCHEMA_VERSION)


def dimension_of(connection: apsw.Connection) -> int:
    """How many numbers an embedding has. Raises `StoreDamaged` where the table does not say."""
    table = "SELECT sql FROM sqlite_schema WHERE name = 'embeddings'"
    found = re.search(r"FLOAT\[(\d+)\]", str(connection.execute(table).get), re.IGNORECASE)
    if found is None:
        raise StoreDamaged("the store's table of embeddings is another one: restore a copy of it")
    return int(found[1])


def version_of(connection: apsw.Connection) -> int:
    """The format of the file."""
    return int(connection.pragma("user_version"))


def check_schema(connection: apsw.Connection, name: str) -> None:
    """Raise `StoreDamaged` unless this program and version made the file called `name`."""
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StoreDamaged(f"'{name}' is a database of another program: choose another file")
    version = connection.pragma("user_version")
    if version not in READ_VERSIONS:
        raise StoreDamaged(
            f"store '{name}' has format {version}, this facesearch knows {SCHEMA_VERSION}: use the "
            "facesearch that made it, or index into another file"
        )
    columns = set(connection.execute(_COLUMNS))
    tables = {table for table, _ in columns}
    if tables & TABLES != _TABLES_OF[version] or not columns >= _COLUMNS_OF_EMBEDDINGS:
        raise StoreDamaged(
            f"store '{name}' lacks some of its tables: restore a copy, or delete it and index again"
        )
