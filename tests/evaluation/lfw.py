"""How well the stored faces of LFW are told apart: identification, verification, ten queries.

Works on a store that `facesearch index` filled with LFW's folder, through the same export path
that users have, so what is measured is what is shipped.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote

import click
import numpy as np
from numpy.typing import NDArray

from facesearch.confidence import confidence
from facesearch.faces import StoredFace
from facesearch.stores import FaceStore, open_store

TEN_QUERIES = (
    "Albert_Costa",
    "Angela_Bassett",
    "Arminio_Fraga",
    "Billy_Crystal",
    "Bob_Graham",
    "Boris_Becker",
    "Bulent_Ecevit",
    "Calista_Flockhart",
    "Cameron_Diaz",
    "Carmen_Electra",
)
"""People of the second report, of whom LFW has six photos each."""

K = 20
BLOCK = 512
"""Queries compared at once: bounds the memory of the distance matrix."""


@dataclass(frozen=True, slots=True)
class MainFaces:
    """The face nearest the middle of each photo, as LFW names the person in the middle.

    `embeddings` has shape (n, 128); `missed` are photos without any face.
    """

    names: list[str]
    embeddings: NDArray[np.float32]
    missed: list[str]

    @property
    def people(self) -> NDArray[np.str_]:
        return np.array([person(name) for name in self.names])


@dataclass(frozen=True, slots=True)
class Identification:
    """Leave-one-out over photos of people with two or more; shares of all such photos."""

    queries: int
    rank_1: float
    recall_at_20: float
    map_at_20: float


@dataclass(frozen=True, slots=True)
class Verification:
    """LFW's 6,000 pairs: the threshold of each fold is chosen on the nine others."""

    accuracy: float
    deviation: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The logistic of distance that fits the pairs best, and the Brier score of the shipped one."""

    midpoint: float
    steepness: float
    shipped_brier: float


@dataclass(frozen=True, slots=True)
class TenQueries:
    """Of the second report's ten queries: those with every photo of the person on top."""

    all_in_20: int
    all_on_top: int


def person(name: str) -> str:
    """`Albert_Costa_0001` → `Albert_Costa`."""
    return name.rpartition("_")[0]


def photo_name(photo_id: str) -> str:
    return Path(unquote(photo_id)).stem


def off_centre(stored: StoredFace) -> float:
    """Squared distance in pixels of the face's middle from the photo's."""
    box, photo = stored.face.detected.box, stored.photo
    across = box.left + box.width / 2 - photo.width / 2
    down = box.top + box.height / 2 - photo.height / 2
    return across**2 + down**2


def main_faces(store: FaceStore) -> MainFaces:
    nearest: dict[str, StoredFace] = {}
    for stored in store.faces():
        name = photo_name(stored.photo.photo_id)
        if name not in nearest or off_centre(stored) < off_centre(nearest[name]):
            nearest[name] = stored
    missed = [
        name for photo in store.photos() if (name := photo_name(photo.photo_id)) not in nearest
    ]
    names = sorted(nearest)
    return MainFaces(names, np.stack([nearest[name].face.embedding for name in names]), missed)


def identification(faces: MainFaces) -> Identification:
    """An undetected photo is a query with no answer, and an answer that no query gets."""
    people, photos_of = faces.people, Counter(map(person, [*faces.names, *faces.missed]))
    queries = [number for number, name in enumerate(people) if photos_of[name] >= 2]
    first, recalls, precisions = 0, 0.0, 0.0
    for number, order in _nearest(faces.embeddings, queries):
        hits = people[order] == people[number]
        others = min(K, photos_of[people[number]] - 1)
        first += bool(hits[0])
        recalls += float(hits.sum()) / others
        precisions += float((hits * hits.cumsum() / np.arange(1, K + 1)).sum()) / others
    total = len(queries) + sum(photos_of[person(name)] >= 2 for name in faces.missed)
    return Identification(total, first / total, recalls / total, precisions / total)


def _nearest(
    embeddings: NDArray[np.float32], queries: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Each query and its K nearest others, nearest first."""
    for start in range(0, len(queries), BLOCK):
        block = np.array(queries[start : start + BLOCK])
        similar = embeddings[block] @ embeddings.T
        similar[np.arange(len(block)), block] = -np.inf
        top = np.argpartition(-similar, K, axis=1)[:, :K]
        by_rank = np.argsort(-np.take_along_axis(similar, top, axis=1), axis=1, kind="stable")
        yield from zip(block.tolist(), np.take_along_axis(top, by_rank, axis=1), strict=True)


def read_pairs(file: Path) -> tuple[list[tuple[str, str]], NDArray[np.bool_]]:
    """The pairs of photo names in ten folds of 600, and whether each is one person."""
    pairs, same = [], []
    for line in file.read_text().splitlines()[1:]:
        match line.split("\t"):
            case [name, one, other]:
                pairs.append((f"{name}_{int(one):04}", f"{name}_{int(other):04}"))
                same.append(True)
            case [name, one, stranger, other]:
                pairs.append((f"{name}_{int(one):04}", f"{stranger}_{int(other):04}"))
                same.append(False)
    return pairs, np.array(same)


def pair_distances(faces: MainFaces, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
    """L2 distances; a photo without a face is as far from everything as can be (2)."""
    place = {name: number for number, name in enumerate(faces.names)}
    return np.array(
        [
            float(np.linalg.norm(faces.embeddings[place[one]] - faces.embeddings[place[other]]))
            if one in place and other in place
            else 2.0
            for one, other in pairs
        ]
    )


def verification(distances: NDArray[np.float64], same: NDArray[np.bool_]) -> Verification:
    folds = np.arange(len(distances)) // (len(distances) // 10)
    candidates = np.unique(distances)
    accuracies, thresholds = [], []
    for fold in range(10):
        rest, held_out = folds != fold, folds == fold
        right = _right_at(candidates, distances[rest], same[rest])
        threshold = candidates[right.argmax()]
        accuracies.append(((distances[held_out] <= threshold) == same[held_out]).mean())
        thresholds.append(threshold)
    return Verification(
        float(np.mean(accuracies)), float(np.std(accuracies)), float(np.mean(thresholds))
    )


def _right_at(
    thresholds: NDArray[np.float64], distances: NDArray[np.float64], same: NDArray[np.bool_]
) -> NDArray[np.intp]:
    accepted = np.searchsorted(np.sort(distances[same]), thresholds, side="right")
    wrongly = np.searchsorted(np.sort(distances[~same]), thresholds, side="right")
    right: NDArray[np.intp] = accepted + (~same).sum() - wrongly
    return right


def calibration(distances: NDArray[np.float64], same: NDArray[np.bool_]) -> Calibration:
    """Logistic regression by Newton's method; the ridge only keeps it finite."""
    inputs = np.stack([np.ones_like(distances), distances], axis=1)
    weights = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (same - chance) - 1e-3 * weights
        curve = (inputs.T * (chance * (1 - chance))) @ inputs + 1e-3 * np.eye(2)
        weights += np.linalg.solve(curve, slope)
    shipped = np.array([confidence(distance) for distance in distances])
    return Calibration(
        float(-weights[0] / weights[1]), float(-weights[1]), float(((shipped - same) ** 2).mean())
    )


def ten_queries(store: FaceStore, faces: MainFaces) -> TenQueries:
    """Image 0001 of each person against everything stored, itself included, as in the report."""
    place = {name: number for number, name in enumerate(faces.names)}
    within, on_top = 0, 0
    for name in TEN_QUERIES:
        matches = store.search(faces.embeddings[place[f"{name}_0001"]], K)
        found = [person(photo_name(match.stored.photo.photo_id)) == name for match in matches]
        photos = (faces.people == name).sum()
        within += int(sum(found) == photos)
        on_top += int(all(found[:photos]))
    return TenQueries(within, on_top)


def evaluate(url: str, pairs_file: Path | None) -> dict[str, object]:
    """All figures of the store at `url`, ready for JSON; those on pairs only with the pairs."""
    with open_store(url, None) as store:
        recipe = store.stored_recipe()
    with open_store(url, recipe) as store:
        photos, faces = store.counts(), main_faces(store)
        figures: dict[str, object] = {
            "photos": photos.photos,
            "faces": photos.faces,
            "detected": len(faces.names) / photos.photos,
            "missed": faces.missed,
            "identification": asdict(identification(faces)),
            "ten_queries": asdict(ten_queries(store, faces)),
        }
    if pairs_file:
        pairs, same = read_pairs(pairs_file)
        distances = pair_distances(faces, pairs)
        figures["verification"] = asdict(verification(distances, same))
        figures["calibration"] = asdict(calibration(distances, same))
    return figures


@click.command(epilog="Example: python -m tests.evaluation.lfw --store sqlite:///lfw.db")
@click.option("--store", "url", required=True, help="A store filled by: facesearch index LFW")
@click.option("--pairs", "pairs_file", type=click.Path(path_type=Path), envvar="LFW_PAIRS")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(url: str, pairs_file: Path | None, as_json: bool) -> None:
    """Print the accuracy of the faces stored at URL."""
    figures = evaluate(url, pairs_file)
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        click.echo(f"{name}: {value}")


if __name__ == "__main__":
    main()
