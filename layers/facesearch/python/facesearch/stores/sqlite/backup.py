"""Back up and restore a store's file while it is in use."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from facesearch.errors import StoreDamaged, StoreNotFound, StoreUnavailable
from facesearch.files import check_regular
from facesearch.stores.protocol import StoreStatus
from facesearch.stores.sqlite.file import SqliteFile, check_name
from facesearch.stores.sqlite.schema import APPLICATION_ID
from facesearch.stores.sqlite.store import SqliteStore

APPLICATION_ID_AT = slice(68, 72)
"""The place of the application's id in the head of an SQLite file."""


def back_up(store: Path, target: Path) -> StoreStatus:
    """Copy the store, as of one moment, to `target`. Returns what the copy holds.

    The copy is checked before it gets its name. Raises a `StoreError` or `SettingsError`, and
    `OSError` if `target` cannot be written.
    """
    check_name(target)
    check_regular(target)
    with _copied(store, target) as part:
        # What is wrong with the copy is wrong with the store.
        status = _status_of(part, store)
        part.replace(target)
    return status


def check_copy(copy: Path) -> StoreStatus:
    """Check a copy, and return what it holds. Raises `StoreDamaged` or `StoreNotFound`."""
    _check(copy, copy)
    return _status_of(copy, copy)


def restore(copy: Path, store: Path) -> StoreStatus:
    """Check a copy, and replace the store's content with it. Returns what it holds.

    Programs that have the store open see its new content. Raises a `StoreError`.
    """
    check_name(store)
    check_whose(store)
    try:
        with _copied(copy, store) as part:
            _check(part, copy)
            status = _status_of(part, copy)
            _put(part, store)
    except OSError as error:
        raise StoreUnavailable(
            f"store '{store}' cannot be written ({error.strerror}): choose another place"
        ) from error
    return status


def _check(file: Path, copy: Path) -> None:
    """Raise `StoreDamaged` for a damaged file, which has what `copy` has."""
    with closing(SqliteFile(file, str(copy))) as opened:
        damage = opened.find_damage()
    if damage:
        raise StoreDamaged(f"'{copy}' is damaged ({damage}): use another copy")


def _status_of(file: Path, copied: Path) -> StoreStatus:
    """Check a file, and return what it holds. Errors name `copied`, whose content it has."""
    with SqliteStore(file, None, str(copied)) as store:
        return store.status()


def _put(part: Path, store: Path) -> None:
    try:
        with closing(SqliteFile(store)) as file, closing(SqliteFile(part)) as source:
            file.replace_content(source)
    except StoreDamaged:
        # It cannot be written to as a store any more: the file itself is replaced.
        for log in ("-wal", "-shm"):
            store.with_name(f"{store.name}{log}").unlink(missing_ok=True)
        part.replace(store)


def check_whose(store: Path) -> None:
    """Raise `StoreDamaged` if there is something else than a store, which may be damaged."""
    if store.exists() and not store.is_file():
        raise StoreDamaged(f"'{store}' is no file: choose another place")
    try:
        with store.open("rb") as file:
            head = file.read(APPLICATION_ID_AT.stop)
    except OSError:
        return
    own = APPLICATION_ID.to_bytes(4, "big")
    if head.startswith(b"SQLite format 3\0") and head[APPLICATION_ID_AT] == own:
        return
    # Either it is empty, its first write is still in its log, or it is not ours.
    with closing(SqliteFile(store)) as opened, suppress(StoreNotFound), opened.reading():
        pass


@contextmanager
def _copied(source: Path, target: Path) -> Iterator[Path]:
    """Copy `source` to a file beside `target`. It is deleted at the end unless it was moved."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with closing(SqliteFile(source)) as file:
            file.copy_to(part)
        yield part
    finally:
        part.unlink(missing_ok=True)
