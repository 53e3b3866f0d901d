"""Expansion keeps what is sure, orders the rest by what the sure have in common, and pages well."""

import numpy as np
import pytest

from facesearch.expansion import NEIGHBOURS, search_expanded
from facesearch.faces import Embedding, Match
from tests.facenet import SURE_DISTANCE
from tests.unit.matches import made_match


class Gallery:
    """Faces on an arc: `angles` in radians from the query."""

    def __init__(self, *angles: float) -> None:
        self.embeddings = [on_arc(angle) for angle in angles]
        self.asked: list[int] = []

    def search(self, query: Embedding, k: int) -> list[Match]:
        self.asked.append(k)
        distances = [float(np.linalg.norm(query - each)) for each in self.embeddings]
        nearest = sorted(range(len(distances)), key=distances.__getitem__)[:k]
        return [made_match(n, self.embeddings[n], distances[n]) for n in nearest]


def on_arc(angle: float) -> Embedding:
    embedding = np.zeros(128, np.float32)
    embedding[:2] = np.cos(angle), np.sin(angle)
    return embedding


def ids(matches: list[Match]) -> list[str]:
    return [match.stored.face_id for match in matches]


def test_sure_matches_stay_and_the_rest_follows_their_mean() -> None:
    gallery = Gallery(-1.0, 0.8, 1.2)
    query = on_arc(0)
    plain = gallery.search(query, 3)
    assert ids(plain) == ["1", "0", "2"]
    expanded = search_expanded(query, 3, gallery.search, SURE_DISTANCE)
    assert ids(expanded) == ["1", "2", "0"]
    assert expanded[0].distance == plain[0].distance


def test_what_the_mean_finds_is_never_nearer_than_what_is_sure() -> None:
    # From the mean, the second is 0.5 away.
    expanded = search_expanded(on_arc(0), 2, Gallery(0.8, 0.9).search, SURE_DISTANCE)
    assert ids(expanded) == ["0", "1"]
    assert expanded[0].distance < expanded[1].distance == SURE_DISTANCE


def test_nothing_sure_is_the_plain_search_asked_once() -> None:
    gallery = Gallery(1.0, 2.0)
    assert ids(search_expanded(on_arc(0), 2, gallery.search, SURE_DISTANCE)) == ["0", "1"]
    assert len(gallery.asked) == 1


def test_enough_sure_matches_need_no_second_search() -> None:
    gallery = Gallery(*np.linspace(0.01, 0.3, 20))
    assert ids(search_expanded(on_arc(0), 12, gallery.search, SURE_DISTANCE)) == [
        f"{n}" for n in range(12)
    ]
    assert gallery.asked == [12]


@pytest.mark.parametrize("k", [1, 3, 11, 40])
def test_first_matches_do_not_depend_on_how_many_are_asked_for(k: int) -> None:
    angles = np.random.default_rng(8).uniform(-1.8, 1.8, 60)
    all_of_them = search_expanded(on_arc(0), 60, Gallery(*angles).search, SURE_DISTANCE)
    assert NEIGHBOURS < sum(match.distance <= SURE_DISTANCE for match in all_of_them) < 60
    assert (
        ids(search_expanded(on_arc(0), k, Gallery(*angles).search, SURE_DISTANCE))
        == ids(all_of_them)[:k]
    )
    distances = [match.distance for match in all_of_them]
    assert distances == sorted(distances)
    assert len(set(ids(all_of_them))) == 60
