"""The file behind `SqliteStore`: its connections, its transactions and its engine's errors."""

import errno
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import apsw
import sqlite_vec

from facesearch.errors import (
    SettingsError,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreNotFound,
    StoreUnavailable,
)
from facesearch.files import create_private_file, make_private_folder, user_data_folder
from facesearch.stores.sqlite.integrity import find_damage
from facesearch.stores.sqlite.schema import (
    check_schema,
    create_tables,
    dimension_of,
    is_empty,
    update_tables,
    version_of,
)

BUSY_TIMEOUT_S = 30.0
MMAP_BYTES = 1 << 36  # at most; a search takes twice as long without
CHECKED_BYTES = 32 * 2**20
"""Files up to this size (some 50,000 faces) are read whole, and checked, when they are opened."""
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

CHECKING_SHARE = 0.01
"""While a file changes, at most this share of the time goes into checking it again."""
_ROWS_MAKE_NO_SENSE = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError)

_FileIdentity = tuple[int, int, int, int]
"""Its device, inode, size and time of change. The latter two change when SQLite moves pages from
the log to the file, and when anything else writes to it."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A connection, and the state of the file that its path named when it was opened."""

    connection: apsw.Connection
    identity: _FileIdentity | None


class SqliteFile:
    """A store's file; any number of threads and processes may have transactions on it.

    Each transaction borrows a connection for itself; idle ones are kept for the next. Nothing is
    opened before the first transaction, and nothing open may be carried across a fork.
    """

    def __init__(self, path: Path | None, name: str = "") -> None:
        """`path` None is a store in memory, gone when it is closed. Raises `SettingsError`.

        `name`: what errors call it, its path by default.
        """
        if path is not None:
            check_name(path)
        self._path = path
        self.name = name or (":memory:" if path is None else str(path))
        self._memory_uri = f"file:/facesearch-{uuid4().hex}?vfs=memdb"
        self._idle: list[_Opened] = []
        self._checked: _FileIdentity | None = None
        self._next_check = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, *, checked: bool = True) -> Iterator[apsw.Connection]:
        """A transaction that sees one state of the store; `StoreNotFound` if there is none.

        `checked` False: a small file is not looked through before, for what is read of it alone.
        """
        with self._borrowed(create=False) as connection, _transaction(connection, "BEGIN"):
            if is_empty(connection):
                raise self.not_found()
            if checked:
                self._check_once(connection)
            try:
                yield connection
            except _ROWS_MAKE_NO_SENSE:
                self._check(connection)
                raise

    @contextmanager
    def writing(self, dimension: int) -> Iterator[apsw.Connection]:
        """The only writing transaction of its time, durable when it ends; creates the store.

        `dimension` is that of the embeddings of a store that it creates. A store of an earlier
        version gets this version's format.
        """
        with (
            self._borrowed(create=True) as connection,
            _transaction(connection, "BEGIN IMMEDIATE"),
        ):
            if is_empty(connection):
                create_tables(connection, dimension)
            else:
                self._check_once(connection)
                update_tables(connection)
            yield connection

    def size_bytes(self) -> int:
        """The store's size on the disk; 0 in memory."""
        if self._path is None:
            return 0
        parts = [self._path, self._path.with_name(f"{self._path.name}-wal")]
        return sum(part.stat().st_size for part in parts if part.exists())

    @contextmanager
    def writing_from(self, other: Path) -> Iterator[apsw.Connection]:
        """As `writing`, with another store's file attached as schema `other`."""
        with self._borrowed(create=False) as connection:
            connection.execute("ATTACH ? AS other", (str(other),))
            try:
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    yield connection
            finally:
                connection.execute("DETACH other")

    def copy_to(self, target: Path) -> None:
        """Copy the store, as of one moment, to the new file `target`, readable by its owner only.

        Other programs may write meanwhile. Raises `StoreNotFound` if there is no store, and
        `OSError` if `target` cannot be made.
        """
        create_private_file(target)
        with self._borrowed(create=False) as connection:
            if is_empty(connection):
                raise self.not_found()
            with closing(apsw.Connection(str(target))) as copy, _no_room_recognised(copy):
                _copy_pages(connection, copy)
                # One file, without a log beside it.
                copy.pragma("journal_mode", "delete")

    def replace_content(self, other: "SqliteFile") -> None:
        """Replace the content with the other store's. Programs that have this one open see it."""
        with other._borrowed(create=False) as source, self._borrowed(create=True) as connection:
            _copy_pages(source, connection)

    def find_damage(self) -> str:
        """What is wrong with the file, in a few words; empty if nothing is."""
        with self._borrowed(create=False) as connection, _transaction(connection, "BEGIN"):
            return find_damage(connection, version_of(connection), dimension_of(connection))

    def check(self) -> None:
        """Read all of the file. Raises `StoreDamaged` if it is damaged."""
        with self._borrowed(create=False) as connection, _transaction(connection, "BEGIN"):
            self._check(connection)

    def _check_once(self, connection: apsw.Connection) -> None:
        """Raise `StoreDamaged` for a damaged file, before anything is believed that it says.

        That takes some 10 µs a face: larger files are checked by `check` only, and those that
        change all the time not at every change.
        """
        identity = self._identity()
        if identity is None or identity == self._checked or self.size_bytes() > CHECKED_BYTES:
            return
        is_another = self._checked is None or identity[:2] != self._checked[:2]
        if is_another or time.monotonic() >= self._next_check:
            self._check(connection)

    def _check(self, connection: apsw.Connection) -> None:
        identity, start = self._identity(), time.monotonic()
        damage = find_damage(connection, version_of(connection), dimension_of(connection))
        if damage:
            self._next_check = 0.0
            raise StoreDamaged(f"store '{self.name}' {_DAMAGED} ({damage})")
        end = time.monotonic()
        self._checked, self._next_check = identity, end + (end - start) / CHECKING_SHARE

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for opened in idle:
            opened.connection.close()

    @contextmanager
    def _borrowed(self, *, create: bool) -> Iterator[apsw.Connection]:
        with _errors_translated(self.name):
            opened = self._idle_connection() or self._open(create=create)
            try:
                with _no_room_recognised(opened.connection):
                    yield opened.connection
            finally:
                self._give_back(opened)

    def _idle_connection(self) -> _Opened | None:
        """An idle connection, unless the file was deleted, replaced or changed since it was opened.

        What a connection has read of a file that another program wrote to is mixed up.
        """
        identity = self._identity()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                opened = self._idle.pop()
            if opened.identity == identity:
                return opened
            opened.connection.close()

    def _give_back(self, opened: _Opened) -> None:
        # Read-only connections may have ignored locks (`_connect_path`): good for one use.
        if opened.connection.readonly("main"):
            opened.connection.close()
            return
        with self._lock:
            self._idle.append(opened)

    def _identity(self) -> _FileIdentity | None:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _open(self, *, create: bool) -> _Opened:
        if self._path is None:
            connection = _connect(self._memory_uri, apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_CREATE)
        else:
            self._check_place(self._path, create=create)
            if create and not self._path.exists():
                # SQLite gives its log and its locks the permissions of the store.
                create_private_file(self._path, exist_ok=True)
            connection = _connect_path(self._path, create=create)
        with _closed_on_error(connection), _no_room_recognised(connection):
            if not is_empty(connection):
                check_schema(connection, self.name)
            elif create:
                _switch_to_write_ahead_log(connection)
        return _Opened(connection, self._identity())

    def _check_place(self, path: Path, *, create: bool) -> None:
        if path.is_dir():
            raise StoreDamaged(f"store '{path}' is a folder: name a file, such as {path}/faces.db")
        if path.exists():
            if not path.is_file():
                raise StoreDamaged(f"store '{path}' is a device or a pipe: name a file")
            return
        if not create:
            raise self.not_found()
        if path.parent == user_data_folder():
            make_private_folder(path.parent)
        if not path.parent.is_dir():
            raise StoreUnavailable(
                f"store '{path}' cannot be created, there is no folder '{path.parent}': create it "
                "or choose another place"
            )

    def not_found(self) -> StoreNotFound:
        return StoreNotFound(f"there is no store '{self.name}' yet: index some photos first")


def check_name(path: Path) -> None:
    """Raise `SettingsError` for a name that SQLite does not take."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise SettingsError(
            f"the name of store '{path}' is not UTF-8, as SQLite needs it: choose another"
        ) from error


def _copy_pages(source: apsw.Connection, target: apsw.Connection) -> None:
    with target.backup("main", source, "main") as backup:
        backup.step()


@contextmanager
def _transaction(connection: apsw.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors have ended it
            connection.execute("ROLLBACK")
        raise


def _connect_path(path: Path, *, create: bool) -> apsw.Connection:
    try:
        connection = _connect(str(path), apsw.SQLITE_OPEN_CREATE if create else 0)
        with _closed_on_error(connection), _no_room_recognised(connection):
            is_empty(connection)  # the first reading takes locks, for which files are made
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.FullError):
        if create or path.with_name(path.name + "-wal").exists():
            raise
        # There is no log, so nobody is writing: reading can do without locks.
        return _connect(f"{path.as_uri()}?immutable=1", apsw.SQLITE_OPEN_URI)
    return connection


def _connect(name: str, flags: int) -> apsw.Connection:
    connection = apsw.Connection(name, flags | apsw.SQLITE_OPEN_READWRITE)
    with _closed_on_error(connection), _no_room_recognised(connection):
        connection.set_busy_timeout(round(BUSY_TIMEOUT_S * 1000))
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        connection.enable_load_extension(False)
        connection.pragma("mmap_size", MMAP_BYTES)
        connection.pragma("synchronous", "FULL")  # on the disk when it is acknowledged
        connection.pragma("secure_delete", True)  # a deleted photo's numbers are overwritten
    return connection


@contextmanager
def _closed_on_error(connection: apsw.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


@contextmanager
def _no_room_recognised(connection: apsw.Connection) -> Iterator[None]:
    """Turn SQLite's general input and output error into `FullError` where the disk is full."""
    try:
        yield
    except apsw.IOError as error:
        if connection.system_errno in NO_ROOM:
            raise apsw.FullError(str(error)) from error
        raise


def _switch_to_write_ahead_log(connection: apsw.Connection) -> None:
    """Let readers go on during writes. SQLite's busy timeout does not cover this lock."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


_DAMAGED = "is damaged: restore a copy, or delete it and index again"
_MEANINGS: tuple[tuple[type[apsw.Error], type[StoreError], str], ...] = (
    (apsw.NotADBError, StoreDamaged, "is not a facesearch store: choose another file"),
    (apsw.CorruptError, StoreDamaged, _DAMAGED),
    (
        apsw.FullError,
        StoreFull,
        "cannot grow, the disk is full: make room and try again; what it held is intact",
    ),
    (apsw.BusyError, StoreUnavailable, "is being written by another process: try again later"),
    (apsw.ProtocolError, StoreUnavailable, "is used by too many processes: try again later"),
    (apsw.ReadOnlyError, StoreUnavailable, "is read-only: allow writing to it and to its folder"),
    (apsw.CantOpenError, StoreUnavailable, "cannot be opened: allow access to it and its folder"),
    (apsw.PermissionsError, StoreUnavailable, "cannot be used: allow access to it and its folder"),
    (apsw.SQLError, StoreDamaged, _DAMAGED),
    (apsw.IOError, StoreUnavailable, "cannot be read or written: check the disk that it is on"),
)


@contextmanager
def _errors_translated(name: str) -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        for kind, meaning, text in _MEANINGS:
            if isinstance(error, kind):
                raise meaning(f"store '{name}' {text} ({error})") from error
        raise StoreDamaged(f"store '{name}' {_DAMAGED} ({error})") from error
    except OSError as error:
        raise StoreUnavailable(f"store '{name}' cannot be reached: {error.strerror}") from error
