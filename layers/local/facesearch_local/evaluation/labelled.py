"""Labelled photos: a folder that holds a folder of photos for each person."""

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidRequest
from facesearch.vision.formats import EXTENSIONS
from facesearch_local.library.walk import PhotoFile, Problem, find_photos


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo and whom it shows in its middle; `name` is its file's, without the extension."""

    person: str
    name: str
    file: PhotoFile

    @property
    def label(self) -> str:
        """As `folders.photo_label`: the folder, then the file."""
        return f"{self.person}/{Path(self.file.path).name}"


@dataclass(frozen=True, slots=True)
class Labelled:
    """The photos of a folder in the order of person and name, and what could not be looked at."""

    folder: Path
    photos: tuple[LabelledPhoto, ...]
    problems: list[Problem] = field(default_factory=list)

    @property
    def people(self) -> NDArray[np.str_]:
        """Whom each photo shows."""
        return np.array([photo.person for photo in self.photos])

    @property
    def people_with_several(self) -> int:
        counts = Counter(photo.person for photo in self.photos)
        return sum(number >= 2 for number in counts.values())


def read_labelled(folder: Path, limit_people: int | None = None, seed: int = 0) -> Labelled:
    """The photos in `folder`, or those of `limit_people` people drawn by `seed`.

    Raises `InvalidRequest` unless there are two people, one of them with two photos.
    """
    try:
        people = sorted(entry for entry in folder.iterdir() if _is_person(entry))
    except OSError as error:
        raise InvalidRequest(
            f"{folder} cannot be read ({error.strerror}): name a folder that holds a folder of "
            "photos for each person"
        ) from error
    if limit_people is not None and limit_people < len(people):
        chosen = random.Random(seed).sample(people, limit_people)  # noqa: S311 (no secret)
        people = sorted(chosen)
    labelled = Labelled(folder, *_photos(people))
    if len({photo.person for photo in labelled.photos}) < 2:
        raise InvalidRequest(
            f"{folder} holds photos of fewer than two people: name a folder that holds a folder "
            f"of photos ({', '.join(EXTENSIONS[:5])}, …) for each person"
        )
    if not labelled.people_with_several:
        raise InvalidRequest(
            f"nobody in {folder} has two photos, so that there is nothing to find: add a second "
            "photo of some people, or raise --limit-people"
        )
    return labelled


def _is_person(entry: Path) -> bool:
    return not entry.name.startswith(".") and entry.is_dir()


def _photos(people: list[Path]) -> tuple[tuple[LabelledPhoto, ...], list[Problem]]:
    photos: list[LabelledPhoto] = []
    problems: list[Problem] = []
    for person in people:
        scan = find_photos([person])
        problems.extend(scan.problems)
        photos.extend(
            LabelledPhoto(person.name, Path(file.path).stem, file)
            for file in sorted(scan.photos.values(), key=lambda file: file.path)
        )
    return tuple(photos), problems
