"""Query photos on the command line: errors name the file, and only the largest face counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facesearch.errors import InputError, ReadError
from facesearch_local.cli.output import print_note


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the photo's path before the messages of its errors."""
    try:
        yield
    except (InputError, ReadError) as error:
        raise type(error)(f"{path}: {error}") from error


def note_other_faces(path: Path, faces: int) -> None:
    """Print a note that only the largest of several faces was used."""
    if faces > 1:
        others = "1 other was" if faces == 2 else f"{faces - 1} others were"
        print_note(f"{path} has {faces} faces: the largest was taken, {others} left aside")
