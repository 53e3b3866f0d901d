"""Pairs of photos to verify: LFW's own list, or a list drawn from any labelled folder."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidRequest
from facesearch_local.evaluation.labelled import Labelled

FOLDS = 10
MOST_OF_A_KIND = 3000
"""As many as LFW's list has of each kind."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Places in `Labelled.photos`, whether they are one person, and the fold: each shape (n,)."""

    one: NDArray[np.intp]
    other: NDArray[np.intp]
    same: NDArray[np.bool_]
    fold: NDArray[np.intp]
    origin: str


def read_pairs(file: Path, labelled: Labelled) -> Pairs:
    """Pairs in the format of LFW's pairs.txt. Raises `InvalidRequest`, naming the line.

    The first line has the number of folds, a tab, and how many pairs of each kind a fold has;
    then follow, fold by fold, lines `name n m` and lines `name n othername m`, tabs between.
    Photo n of a name is the file `name/name_000n`.
    """
    try:
        lines = file.read_text(encoding="utf-8").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"pairs file {file} cannot be read ({error}): check it") from error
    folds, of_a_kind = _header(file, lines)
    place = {(photo.person, photo.name): n for n, photo in enumerate(labelled.photos)}

    def photo(number: int, name: str, count: str) -> int:
        if not count.strip().isdecimal():
            raise _error(
                file, number, f"'{count}' is not the number of a photo: write it in digits"
            )
        wanted = f"{name}_{int(count):04}"
        if (name, wanted) not in place:
            raise _error(
                file,
                number,
                f"there is no photo {name}/{wanted} in {labelled.folder}: evaluate the folder that "
                "the pairs were made for, without --limit-people, or take the line out",
            )
        return place[name, wanted]

    one, other, same = [], [], []
    for number, line in enumerate(lines[1:], start=2):
        match line.split("\t"):
            case [name, first, second]:
                ends = photo(number, name, first), photo(number, name, second)
            case [name, first, stranger, second]:
                ends = photo(number, name, first), photo(number, stranger, second)
            case _:
                raise _error(
                    file, number, "it is not 'name n m' or 'name n name m', with tabs: correct it"
                )
        one.append(ends[0])
        other.append(ends[1])
        same.append(line.count("\t") == 2)
    fold = np.arange(len(one)) // (2 * of_a_kind)
    if len(one) != folds * 2 * of_a_kind:
        raise _error(
            file,
            1,
            f"{folds} folds of 2 × {of_a_kind} pairs are {folds * 2 * of_a_kind}, but {len(one)} "
            "follow: correct the first line or the list",
        )
    return Pairs(np.array(one), np.array(other), np.array(same), fold, file.name)


def _header(file: Path, lines: list[str]) -> tuple[int, int]:
    match lines[0].split("\t") if lines else []:
        case [folds, of_a_kind] if folds.isdecimal() and of_a_kind.strip().isdecimal():
            if int(folds) >= 2 and int(of_a_kind) >= 1:
                return int(folds), int(of_a_kind)
    raise _error(
        file,
        1,
        "it is not the number of folds (two at least), a tab and the number of pairs of each "
        "kind in a fold: write it as in LFW's pairs.txt (10, 300)",
    )


def _error(file: Path, number: int, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{file}, line {number}: {problem}")


def draw_pairs(people: NDArray[np.str_], seed: int) -> Pairs | None:
    """Up to 3,000 pairs of each kind in ten folds; None where there are not ten of each.

    Unlike LFW's, the folds share people.
    """
    chance = np.random.default_rng(seed)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for number, person in enumerate(people.tolist()):
        places[person].append(number)
    alike = np.array([pair for own in places.values() for pair in combinations(own, 2)])
    count = min(MOST_OF_A_KIND, len(alike))
    strangers = _draw_strangers(people, count, chance)
    count = min(count, len(strangers)) // FOLDS * FOLDS
    if count == 0:
        return None
    chosen = alike[chance.choice(len(alike), count, replace=False)]
    one, other = np.concatenate([chosen, strangers[:count]]).T
    same = np.repeat([True, False], count)
    fold = np.tile(np.arange(count) % FOLDS, 2)
    return Pairs(one, other, same, fold, f"drawn from the folder, seed {seed}")


def _draw_strangers(
    people: NDArray[np.str_], count: int, chance: np.random.Generator
) -> NDArray[np.intp]:
    """At most `count` different pairs, shape (n, 2), of two people each."""
    drawn = np.sort(chance.integers(len(people), size=(4 * count, 2)), axis=1)
    different = drawn[people[drawn[:, 0]] != people[drawn[:, 1]]]
    _, first = np.unique(different, axis=0, return_index=True)
    strangers: NDArray[np.intp] = different[np.sort(first)][:count]
    return strangers
