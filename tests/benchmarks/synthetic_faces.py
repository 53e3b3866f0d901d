"""Made-up faces that are as near and as far from one another as those of LFW, in any number.

A person is drawn from a mixture of 32 normal distributions, which were fitted to the mean
embeddings of LFW's people. Their photos scatter around that by LFW's covariance within people, some
people's and some photos' more than others'. The sum is normalised. What was fitted is in
`face_statistics.npz`: no embedding of anybody is in it. `fit_synthetic_faces` makes it again, and
`tests/unit/test_synthetic_faces.py` holds what is drawn against what LFW has.

A person has one to seven photos, every number as likely: four on average. As in a real library, a
person's photos come far apart: all first photos first, then all second ones, each time in another
order. The last people's last photos are cut off at the number of faces asked for.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    IndexedPhoto,
    Landmarks,
    Photo,
    Point,
)
from tests.benchmarks.neighbourhood import Neighbourhood

STATISTICS = Path(__file__).with_name("face_statistics.npz")
MEAN_PHOTOS, MOST_PHOTOS = 4, 7
PEOPLE_A_BLOCK = 4096
_PROBE = MOST_PHOTOS
"""The round of photos that are not in the stream."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceStatistics:
    """A distribution of embeddings of dimension d.

    People are from k normal distributions with `weights` (k,), `means` (k, d) and the covariances
    B (c_i I + V_i diag(g_i) V_i') B', where B is `between` (d, d), c_i is of `rest` (k,), V_i of
    `axes` (k, d, r) and g_i of `gains` (k, r). `within` (d, d) is a root of the covariance within
    people. The spreads are the standard deviations of the logarithms of the factors by which people
    are off their distribution's mean, people's photos scatter, and single photos do.
    """

    weights: NDArray[np.float64]
    means: NDArray[np.float32]
    between: NDArray[np.float32]
    rest: NDArray[np.float32]
    axes: NDArray[np.float32]
    gains: NDArray[np.float32]
    within: NDArray[np.float32]
    identity_spread: float
    person_spread: float
    photo_spread: float

    def people(self, count: int, random: np.random.Generator) -> NDArray[np.float32]:
        """Mean embeddings (count, d) of people, not normalised."""
        kinds = random.choice(len(self.weights), count, p=self.weights)
        drawn = random.standard_normal((count, self.means.shape[1]), np.float32)
        for kind in range(len(self.weights)):
            of_kind = kinds == kind
            axes, rest = self.axes[kind], self.rest[kind]
            along = drawn[of_kind] @ axes
            stretch = np.sqrt(rest + self.gains[kind]) - np.sqrt(rest)
            drawn[of_kind] = np.sqrt(rest) * drawn[of_kind] + (along * stretch) @ axes.T
        means, off = self.means[kinds], drawn @ self.between.T
        spread = means + _factors(self.identity_spread, count, random)[:, None] * off
        # Only the direction changes: a shorter vector would make the person's photos scatter more.
        lengths = np.linalg.norm(means + off, axis=1) / np.linalg.norm(spread, axis=1)
        return np.asarray(spread * lengths[:, None], np.float32)

    def photos(
        self,
        people: NDArray[np.float32],
        scatters: NDArray[np.float32],
        random: np.random.Generator,
    ) -> NDArray[np.float32]:
        """One embedding (n, d), of unit norm, of each of `people` (n, d); they `scatter` (n,)."""
        drawn = random.standard_normal(people.shape, np.float32) @ self.within.T
        scatters = scatters * _factors(self.photo_spread, len(people), random)
        embeddings = people + scatters[:, None] * drawn
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        return embeddings

    def scatters(self, count: int, random: np.random.Generator) -> NDArray[np.float32]:
        """How much the photos of each person scatter (count,)."""
        return _factors(self.person_spread, count, random)


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Embeddings (n, 128), of unit norm, and the number of the person that each shows (n,)."""

    embeddings: NDArray[np.float32]
    people: NDArray[np.int64]


class SyntheticFaces:
    """A stream of `faces` faces. The same `seed` gives the same ones, whoever reads them."""

    def __init__(self, faces: int, seed: int = 0) -> None:
        self._faces = faces
        self._seed = seed
        # A few more than needed, so that the stream is cut off, not too short.
        self._blocks = int(faces / MEAN_PHOTOS * 1.02 / PEOPLE_A_BLOCK) + 1
        self._people_a_block = int(faces / MEAN_PHOTOS * 1.02 / self._blocks) + 16
        self._statistics = face_statistics()

    def __iter__(self) -> Iterator[Faces]:
        """Blocks of a few thousand faces: all of them need no memory at once."""
        left = self._faces
        for turn in range(MOST_PHOTOS):
            order = np.random.default_rng((self._seed, turn)).permutation(self._blocks)
            for block in order.tolist():
                faces = self._photos(block, turn)
                if left < len(faces.people):
                    faces = Faces(faces.embeddings[:left], faces.people[:left])
                if len(faces.people):
                    yield faces
                left -= len(faces.people)

    @property
    def people(self) -> int:
        """All people's numbers are below it."""
        return self._blocks * self._people_a_block

    def probes(self, count: int) -> Faces:
        """One more photo each of so many of the people: not in the stream, to search with."""
        random = np.random.default_rng((self._seed, _PROBE))
        blocks, counts = np.unique(random.integers(self._blocks, size=count), return_counts=True)
        parts = []
        for block, wanted in zip(blocks.tolist(), counts.tolist(), strict=True):
            faces = self._photos(block, _PROBE)
            parts.append(Faces(faces.embeddings[:wanted], faces.people[:wanted]))
        return Faces(
            np.concatenate([part.embeddings for part in parts]),
            np.concatenate([part.people for part in parts]),
        )

    def _photos(self, block: int, turn: int) -> Faces:
        """The photos that people of a block have in one turn, in an order of that turn."""
        random = np.random.default_rng((self._seed, MOST_PHOTOS, block))
        count = self._people_a_block
        people = self._statistics.people(count, random)
        scatters = self._statistics.scatters(count, random)
        photos = random.integers(1, MOST_PHOTOS, count, endpoint=True)
        random = np.random.default_rng((self._seed, turn, block))
        chosen = random.permutation(count)
        if turn != _PROBE:
            chosen = chosen[photos[chosen] > turn]
        embeddings = self._statistics.photos(people[chosen], scatters[chosen], random)
        return Faces(embeddings, block * count + chosen)


class ExtendedFaces:
    """The `first` faces of an earlier stream, then those of other people until they are as many.

    What was stored of the earlier stream stays useful: a longer one of the same seed would differ
    from its start. With more sizes, that one is extended in its turn.
    """

    def __init__(self, first: int, *sizes: int) -> None:
        """`sizes` are those of the streams, each larger than the one before."""
        added = [first, *(more - less for less, more in pairwise((first, *sizes)))]
        self._shares = [faces / max(first, *sizes) for faces in added]
        self._parts = [SyntheticFaces(faces, seed=seed) for seed, faces in enumerate(added)]

    def __iter__(self) -> Iterator[Faces]:
        people = 0
        for part in self._parts:
            for block in part:
                yield Faces(block.embeddings, block.people + people)
            people += part.people

    def probes(self, count: int) -> Faces:
        """As `SyntheticFaces.probes`, of each part as many as it has people."""
        *shares, _ = (round(count * share) for share in self._shares)
        probes, people = [], 0
        for part, some in zip(self._parts, (*shares, count - sum(shares)), strict=True):
            of_part = part.probes(some)
            probes.append(Faces(of_part.embeddings, of_part.people + people))
            people += part.people
        return Faces(
            np.concatenate([each.embeddings for each in probes]),
            np.concatenate([each.people for each in probes]),
        )


def synthetic_photos(stream: Iterable[Faces], start: int = 0) -> Iterator[IndexedPhoto]:
    """The stream's faces from `start` on, each in a photo of its own, with a box and landmarks."""
    number = 0
    for block in stream:
        skipped = min(max(start - number, 0), len(block.people))
        number += skipped
        for embedding, person in zip(
            block.embeddings[skipped:], block.people[skipped:].tolist(), strict=True
        ):
            yield synthetic_photo(number, person, embedding)
            number += 1


def synthetic_photo(number: int, person: int, embedding: NDArray[np.float32]) -> IndexedPhoto:
    """Photo `number`; its name tells the person. Boxes and landmarks differ as real ones do."""
    x, y = 60 + number * 0.618034 % 40, 60 + number * 0.414214 % 40
    points = ((22.5, 30.25), (56.75, 30.5), (40.125, 50.75), (26.5, 70.125), (54.25, 70.25))
    marks = Landmarks(*(Point(round(x + dx, 3), round(y + dy, 3)) for dx, dy in points))
    box = BoundingBox(round(x, 3), round(y, 3), 80.25, 100.5)
    detected = DetectedFace(box, marks, round(0.9 + number * 0.267949 % 0.0999, 6))
    photo = Photo(f"s3://photos/{person}/{number}.jpg", number + 1, width=250, height=250)
    return IndexedPhoto(photo, (EmbeddedFace(detected, embedding),))


@cache
def face_statistics() -> FaceStatistics:
    """What was fitted to LFW."""
    with np.load(STATISTICS) as file:
        size = file["means"].shape[1]
        return FaceStatistics(
            weights=file["weights"] / file["weights"].sum(),
            means=file["means"].astype(np.float32),
            between=_unpacked(file["between"], size),
            rest=file["rest"].astype(np.float32),
            axes=file["axes"].astype(np.float32) / 127,
            gains=file["gains"].astype(np.float32),
            within=_unpacked(file["within"], size),
            identity_spread=float(file["spreads"][0]),
            person_spread=float(file["spreads"][1]),
            photo_spread=float(file["spreads"][2]),
        )


def measured_of_lfw() -> Neighbourhood:
    """What LFW's own embeddings had when the statistics were fitted."""
    with np.load(STATISTICS) as file:
        lfw = json.loads(file["lfw"].item())
    dimension = lfw.pop("dimension")
    return Neighbourhood(**{name: tuple(each) for name, each in lfw.items()}, dimension=dimension)


def write_statistics(path: Path, statistics: FaceStatistics, lfw: Neighbourhood) -> None:
    """In the half precision that is enough for a distribution."""
    np.savez_compressed(
        path,
        weights=statistics.weights,
        means=statistics.means.astype(np.float16),
        between=_packed(statistics.between),
        rest=statistics.rest.astype(np.float16),
        axes=np.round(statistics.axes * 127).astype(np.int8),
        gains=statistics.gains.astype(np.float16),
        within=_packed(statistics.within),
        spreads=np.array(
            [statistics.identity_spread, statistics.person_spread, statistics.photo_spread]
        ),
        lfw=json.dumps(asdict(lfw)),
    )


def _factors(spread: float, count: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Lognormal, with a mean square of 1."""
    drawn = random.standard_normal(count, np.float32)
    return np.asarray(np.exp(spread * drawn - spread**2), np.float32)


def _packed(symmetric: NDArray[np.float32]) -> NDArray[np.float16]:
    return symmetric[np.triu_indices(len(symmetric))].astype(np.float16)


def _unpacked(upper: NDArray[np.float16], size: int) -> NDArray[np.float32]:
    matrix = np.zeros((size, size), np.float32)
    matrix[np.triu_indices(size)] = upper
    return np.asarray(matrix + np.triu(matrix, 1).T, np.float32)
