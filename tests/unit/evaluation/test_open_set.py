"""The open set's and the ten queries' arithmetic, and the metrics by group, by hand."""

import numpy as np
import pytest

from facesearch_local.evaluation.embed_photos import EmbeddedPhotos
from facesearch_local.evaluation.groups import group_metrics
from facesearch_local.evaluation.identification import retrieve
from facesearch_local.evaluation.open_set import open_set
from tests.evaluation.study.ten_queries import TEN_PEOPLE, ask_ten, count_ten

NOBODY = np.array([], np.str_)


def line(*places: float) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.array([[place, 0] for place in places], np.float32)


def test_impostor_near_somebody_is_a_false_alarm() -> None:
    people = np.array(["Ann", "Ann", "Bob", "Bob", "Imp1", "Imp2"])
    # Bob's second photo is nearer to Ann's; one impostor is 0.4 from Ann, the other 2 from Bob.
    vectors = line(0, 1, 10, 1.5, -0.4, 12)
    result = open_set(people, vectors, NOBODY, [0.3, 0.5, 3.0])
    assert result is not None
    assert (result.gallery, result.impostors, result.known) == (4, 2, 4)
    near, mid, far = result.at_suggested
    assert (near.false_alarms, near.identified) == (0, 0)
    assert (mid.false_alarms, mid.identified) == (1 / 2, 0)
    # Ann's first photo has Ann's second nearest (1); the second has Bob's (0.5).
    assert (far.false_alarms, far.identified) == (1, 1 / 4)


def test_threshold_keeps_to_the_share_of_false_alarms() -> None:
    impostors = [f"Imp{number}" for number in range(10)]
    people = np.array(["Ann", "Ann", "Eve", "Eve", *impostors])
    vectors = line(0, 0.5, 100, 101.5, *(1.5 + number for number in range(10)))
    result = open_set(people, vectors, NOBODY)
    assert result is not None
    # One of ten may be nearer: the first is 1 away from Ann, the second 2.
    assert result.at_rate[0.1].false_alarms == pytest.approx(0.1)
    assert result.at_rate[0.1].identified == 1
    assert result.at_rate[0.01].false_alarms == 0
    assert result.at_rate[0.01].identified == 1 / 2


def test_missed_query_is_not_found_and_missed_impostor_no_alarm() -> None:
    people = np.array(["Ann", "Ann"])
    result = open_set(people, line(0, 1), np.array(["Ann", "Imp"]), [5.0])
    assert result is not None
    assert (result.known, result.impostors) == (3, 1)
    assert result.at_suggested[0].identified == pytest.approx(2 / 3)
    assert result.at_suggested[0].false_alarms == 0


def test_no_open_set_without_impostors() -> None:
    assert open_set(np.array(["Ann", "Ann"]), line(0, 1), NOBODY) is None


def test_ten_queries_need_all_ten_people() -> None:
    people = np.repeat(TEN_PEOPLE, 3)
    names = np.array([f"{person}_{n:04}" for person in TEN_PEOPLE for n in (1, 2, 3)])
    vectors = line(*(10 * (n // 3) + n % 3 for n in range(30)))
    answers = ask_ten(people, names, vectors)
    assert answers is not None
    assert answers.ranked[0, :3].tolist() == [0, 1, 2]
    ten = count_ten(people, NOBODY, answers)
    assert (ten.all_in_20, ten.all_on_top, ten.in_20) == (10, 10, (3,) * 10)
    # A photo without a vector cannot be found.
    lost = count_ten(people, np.array([TEN_PEOPLE[0]]), answers)
    assert (lost.all_in_20, lost.photos[0], lost.in_20[0]) == (9, 4, 3)
    assert ask_ten(people[1:], names[1:], vectors[1:]) is None


def test_group_metrics_count_pairs_within_the_group_at_the_common_threshold() -> None:
    people = np.array(["Ann", "Ann", "Bea", "Cid", "Cid", "Dan"])
    embedded = EmbeddedPhotos(
        system="test",
        recipe="test",
        detected=np.array([True, True, True, True, False, True]),
        embeddings=line(0, 1, 1.5, 20, 40),
        ms=0,
        problems=[],
    )
    people_detected = people[embedded.detected]
    retrieval = retrieve(people_detected, embedded.embeddings, people[~embedded.detected])
    groups = {"Ann": "a", "Bea": "a", "Cid": "c"}
    one, other = group_metrics(embedded, retrieval, people, groups, threshold=0.6)
    assert (one.group, one.people, one.photos, one.queries) == ("a", 2, 3, 2)
    # Ann's photos are 1 apart; the second is 0.5 from Bea's.
    assert (one.rank_1, one.true_accepts, one.false_accepts) == (1 / 2, 0, 1 / 2)
    assert (one.pairs_of_one, one.pairs_of_two) == (1, 2)
    assert (other.detected, other.rank_1, other.true_accepts) == (1 / 2, 0, 0)
