"""The photos that commands ask about: errors name the file, and the largest face counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facesearch.errors import InputError, ReadError
from facesearch_local.cli.output import print_note


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the path before the message of an error that the photo causes."""
    try:
        yield
    except (InputError, ReadError) as error:
        raise type(error)(f"{path}: {error}") from error


def note_other_faces(path: Path, faces: int) -> None:
    """Tell that only the largest of several faces was looked at."""
    if faces > 1:
        others = "1 other was" if faces == 2 else f"{faces - 1} others were"
        print_note(f"{path} has {faces} faces: the largest was taken, {others} left aside")
