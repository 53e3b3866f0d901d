"""What speaks for each cause of a miss: other faces, other names, the pose, the picture."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from facesearch.faces import Embedding
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.measure import SystemResult
from tests.evaluation.study.photo_faces import InspectedPhoto, PhotoFaces
from tests.facenet import SAME_PERSON_DISTANCE

SAMPLE = 300
"""Photos that tell what is usual in this folder."""

RARE = 2.0
"""Per cent of these photos: what is beyond is taken for a cause."""

TWIN_SHARE = 0.5
"""Of the threshold: nearer, two names hardly are two people."""

FIT_SHARE = 0.6
"""Of the threshold: photos so near to two of another name's fit that name."""

OTHERS_LOOKED_AT = 5
"""Of the person's own photos, to tell whether a photo's second face is theirs."""


class MissEvidence:
    """About photos by their place in `Labelled.photos`. Each finding is a predicate, or empty."""

    def __init__(
        self, result: SystemResult, labelled: Labelled, faces: PhotoFaces, seed: int
    ) -> None:
        embedded, metrics = result.embedded, result.metrics.verification
        self._labelled, self._faces = labelled, faces
        self._people = labelled.people
        self._places = np.flatnonzero(embedded.detected)
        self._vectors = embedded.embeddings
        self._vector_of = {int(place): row for row, place in enumerate(self._places)}
        threshold = metrics.threshold if metrics else SAME_PERSON_DISTANCE
        self.twin_distance = TWIN_SHARE * threshold
        self._threshold = threshold
        count = min(SAMPLE, len(labelled.photos))
        chance = np.random.default_rng(seed)
        self.sample: NDArray[np.intp] = np.sort(
            chance.choice(len(labelled.photos), count, replace=False)
        )
        self._set_limits()
        self._distances = cache(self._all_distances)

    def _set_limits(self) -> None:
        seen = [self._faces.inspect(self._labelled.photos[place]) for place in self.sample]
        central = [_covers_middle(each) for each in seen if each.face is not None]
        # Only a folder like LFW, where the label's face is in the middle, makes this telling.
        self._centred = bool(central) and np.mean(central) >= 1 - RARE / 100
        usual = [each.quality for each in seen if each.quality is not None]
        if not usual:
            self._yaw = self._pitch = np.inf
            self._sharpness = self._size = -np.inf
            return
        poses = [each.pose for each in usual if each.pose is not None]
        self._yaw = np.percentile([abs(pose.yaw) for pose in poses], 100 - RARE)
        self._pitch = np.percentile([abs(pose.pitch) for pose in poses], 100 - RARE)
        self._sharpness = np.percentile([each.sharpness for each in usual], RARE)
        self._size = np.percentile([each.size for each in usual], RARE)

    def nearest_own(self, photo: int) -> tuple[int | None, float]:
        """The person's nearest other photo, and how far it is."""
        own = self._own(photo)
        if not len(own):
            return None, np.inf
        distances = self._distances(photo)[own]
        return int(self._places[own[distances.argmin()]]), float(distances.min())

    def other_face(self, photo: int) -> str:
        """Whether a second face fits the person better, or the face used is not in the middle."""
        seen = self._faces.inspect(self._labelled.photos[photo])
        if seen.face is None:
            return ""
        if self._centred and not _covers_middle(seen):
            return "has no face in the middle"
        if not seen.others:
            return ""
        own = [
            vectors[0]
            for place in self._places[self._own(photo)][:OTHERS_LOOKED_AT]
            if (vectors := self._faces.embeddings(self._labelled.photos[place]))
        ]
        if not own:
            return ""
        used, *others = (
            min(_apart(vector, one) for one in own)
            for vector in self._faces.embeddings(self._labelled.photos[photo])
        )
        if min(others) < min(used, SAME_PERSON_DISTANCE):
            return "has a second face, which is nearer to the person's other photos"
        return ""

    def fits_another_name(self, photo: int) -> str:
        """Whether it fits two photos of another name, or one as a twin, and none of its own."""
        if photo not in self._vector_of:
            return ""
        _, own_distance = self.nearest_own(photo)
        if own_distance <= self._threshold:
            return ""
        distances = self._distances(photo)
        mine = self._people[photo]
        twin = np.flatnonzero(distances <= self.twin_distance)
        for row in twin:
            if self._people[self._places[row]] != mine:
                return f"fits {self._people[self._places[row]]} ({distances[row]:.2f}), not its own"
        near = self._people[self._places[distances <= FIT_SHARE * self._threshold]]
        names, counts = np.unique(near[near != mine], return_counts=True)
        if len(names) and counts.max() >= 2:
            return f"fits {counts.max()} photos of {names[counts.argmax()]}, none of its own"
        return ""

    def turned_away(self, photo: int) -> str:
        quality = self._faces.inspect(self._labelled.photos[photo]).quality
        if quality is None or quality.pose is None:
            return ""
        if abs(quality.pose.yaw) > self._yaw:
            return f"has yaw {quality.pose.yaw:.0f}°"
        if abs(quality.pose.pitch) > self._pitch:
            return f"has pitch {quality.pose.pitch:.0f}°"
        return ""

    def poor_picture(self, photo: int) -> str:
        quality = self._faces.inspect(self._labelled.photos[photo]).quality
        if quality is None:
            return ""
        if quality.sharpness < self._sharpness:
            return f"has sharpness {quality.sharpness:.0f}"
        if quality.size < self._size:
            return f"has a face of {quality.size:.0f} px"
        return ""

    def unlike_its_own(self, photo: int) -> str:
        """Whether all others of the person, three or more, agree with each other, not with this."""
        own = self._own(photo)
        if photo not in self._vector_of or len(own) < 3:
            return ""
        if self._distances(photo)[own].min() <= self._threshold:
            return ""
        others = self._vectors[own]
        apart = np.linalg.norm(others[:, None] - others[None], axis=2)
        if apart.max() > self._threshold:
            return ""
        return f"is unlike all {len(own)} others of the person, which agree"

    def _own(self, photo: int) -> NDArray[np.intp]:
        """Rows of the vectors of the person's other photos."""
        mine = (self._people[self._places] == self._people[photo]) & (self._places != photo)
        return np.flatnonzero(mine)

    def _all_distances(self, photo: int) -> NDArray[np.float32]:
        row = self._vector_of[photo]
        distances: NDArray[np.float32] = np.linalg.norm(self._vectors - self._vectors[row], axis=1)
        distances[row] = np.inf
        return distances


def _apart(one: Embedding, other: Embedding) -> float:
    return float(np.linalg.norm(one - other))


def _covers_middle(seen: InspectedPhoto) -> bool:
    if seen.face is None:
        return False
    box = seen.face.box
    across = box.left <= seen.width / 2 <= box.left + box.width
    return across and box.top <= seen.height / 2 <= box.top + box.height
