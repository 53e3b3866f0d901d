"""What every source of photos does: it returns a photo's bytes by the photo's id."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from facesearch.errors import FacesearchError, InputError, ReadError
from facesearch.stages import Stage, stage

MAX_FILE_BYTES = 128 * 2**20
"""Readers refuse larger photos with `ImageTooLarge`, so that one cannot fill the memory."""

READERS = 8
"""Photos of a batch that are read at once: reading from S3 waits, it does not compute."""


@dataclass(frozen=True, slots=True)
class PhotoContent:
    """A photo's bytes, and what else its source knows of it.

    `collection` is None where the source knows of none.
    """

    data: bytes
    revision: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    collection: str | None = None


ReadPhoto = Callable[[str], PhotoContent]
"""Reads a photo by id. Raises `NotFound` when it is gone, `ReadError` when it cannot be read
now, `ImageTooLarge` beyond `MAX_FILE_BYTES`, and `InvalidCollection` when its collection's name
is not valid."""


def read_ahead(
    read: ReadPhoto, photo_ids: Sequence[str]
) -> Iterator[PhotoContent | FacesearchError]:
    """Read photos concurrently and yield them in order, at most `READERS` of them ahead."""
    if len(photo_ids) == 1:
        # Threads would take as long to start as a stage of its analysis.
        with stage(Stage.READ):
            content = _read(read, photo_ids[0])
        yield content
        return
    with ThreadPoolExecutor(READERS) as pool:
        ahead: deque[Future[PhotoContent | FacesearchError]] = deque()
        for photo_id in photo_ids:
            ahead.append(pool.submit(_read, read, photo_id))
            if len(ahead) == READERS:
                yield _result_of(ahead.popleft())
        while ahead:
            yield _result_of(ahead.popleft())


def _result_of(
    content: "Future[PhotoContent | FacesearchError]",
) -> PhotoContent | FacesearchError:
    with stage(Stage.READ):
        return content.result()


def _read(read: ReadPhoto, photo_id: str) -> PhotoContent | FacesearchError:
    try:
        return read(photo_id)
    except (InputError, ReadError) as error:
        return error
