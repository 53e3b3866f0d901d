"""Why a photo was missed, on real faces that are mislabelled, blurred, covered up or not there."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from facesearch.settings import Settings
from facesearch_local.evaluation.embed_photos import embed_photos
from facesearch_local.evaluation.labelled import Labelled, read_labelled
from facesearch_local.evaluation.measure import SystemResult, measure
from facesearch_local.evaluation.pairs import Pairs, draw_pairs
from facesearch_local.evaluation.systems import SYSTEMS
from facesearch_local.pool import WorkerPool
from tests.evaluation.study.miss_evidence import MissEvidence
from tests.evaluation.study.misses import Cause, Miss, missed_pairs, missed_queries
from tests.evaluation.study.photo_faces import PhotoFaces

ODD = ("wrong_label", "no_face", "stranger_in_the_middle")


@contextmanager
def unwatched(_pool: WorkerPool[Any, Any], _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


@pytest.fixture(scope="module")
def photos(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos of each of five people, and some that must go wrong."""
    folder = tmp_path_factory.mktemp("people")
    for person in sorted((sample / "train").iterdir()):
        (folder / person.name).mkdir()
        for photo in sorted(person.iterdir())[:8]:
            shutil.copy(photo, folder / person.name)
    elton, mindy = folder / "elton_john", folder / "mindy_kaling"
    shutil.copy(sample / "val/jerry_seinfeld/jerry_seinfeld_03.jpg", elton / "wrong_label.jpg")
    Image.new("RGB", (300, 300), "white").save(elton / "no_face.png")
    stranger, own = (
        Image.open(sorted((sample / "val" / name).iterdir())[0]).convert("RGB")
        for name in ("ben_afflek", "mindy_kaling")
    )
    two = Image.new("RGB", (900, 600), "grey")
    two.paste(stranger.resize((300, 300)), (300, 150))
    two.paste(own.resize((280, 280)), (610, 160))
    two.save(mindy / "stranger_in_the_middle.png")
    blurred = Image.open(sorted((sample / "val" / "jerry_seinfeld").iterdir())[0]).convert("RGB")
    blurred.filter(ImageFilter.GaussianBlur(blurred.width / 40)).save(
        folder / "jerry_seinfeld" / "blurred.png"
    )
    return folder


@pytest.fixture(scope="module")
def labelled(photos: Path) -> Labelled:
    return read_labelled(photos)


@pytest.fixture(scope="module")
def settings(models: Path) -> Settings:
    return replace(Settings.from_env(os.environ), models=models)


def number_of(labelled: Labelled, name: str) -> int:
    (number,) = (n for n, photo in enumerate(labelled.photos) if photo.name == name)
    return number


@pytest.fixture(scope="module")
def pairs(labelled: Labelled) -> Pairs:
    """Drawn ones, and each odd photo with another of its person."""
    people = labelled.people
    drawn = draw_pairs(people, 0)
    assert drawn is not None
    odd = [number_of(labelled, name) for name in ODD]
    first = [
        int(np.flatnonzero((people == people[number]) & (np.arange(len(people)) != number))[0])
        for number in odd
    ]
    return Pairs(
        np.concatenate([drawn.one, odd]),
        np.concatenate([drawn.other, first]),
        np.concatenate([drawn.same, np.full(len(odd), True)]),
        np.concatenate([drawn.fold, np.arange(len(odd))]),
        "drawn and added to",
    )


@pytest.fixture(scope="module")
def measured(
    labelled: Labelled,
    pairs: Pairs,
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> SystemResult:
    embedded = embed_photos(
        SYSTEMS["facenet"],
        labelled.photos,
        settings,
        cache_folder=tmp_path_factory.mktemp("cache"),
        workers=1,
        watch=unwatched,
    )
    return measure(embedded, labelled, pairs, None, seed=0)


@pytest.fixture(scope="module")
def evidence(measured: SystemResult, labelled: Labelled, settings: Settings) -> MissEvidence:
    return MissEvidence(measured, labelled, PhotoFaces(settings), seed=0)


def test_missed_queries_are_explained(
    measured: SystemResult, labelled: Labelled, evidence: MissEvidence
) -> None:
    misses = {
        labelled.photos[miss.photo].name: miss
        for miss in missed_queries(measured, labelled, evidence)
    }
    assert misses["no_face"].cause is Cause.NO_FACE
    assert misses["wrong_label"].cause is Cause.LABEL
    assert labelled_as(misses["wrong_label"], labelled) == "jerry_seinfeld"
    assert misses["stranger_in_the_middle"].cause is Cause.OTHER_FACE
    # The others are 40 good photos.
    assert len(misses) < 10


def labelled_as(miss: Miss, labelled: Labelled) -> str:
    assert miss.against is not None
    return labelled.photos[miss.against].person


def test_misses_are_ordered_worst_first(
    measured: SystemResult, labelled: Labelled, evidence: MissEvidence
) -> None:
    margins = [miss.margin for miss in missed_queries(measured, labelled, evidence)]
    assert margins == sorted(margins, reverse=True)


def test_misjudged_pairs_are_explained(
    measured: SystemResult, labelled: Labelled, pairs: Pairs, evidence: MissEvidence
) -> None:
    causes = {
        labelled.photos[miss.photo].name: miss.cause
        for miss in missed_pairs(measured, pairs, evidence)
    }
    assert causes["no_face"] is Cause.NO_FACE
    assert causes["wrong_label"] is Cause.LABEL
    assert causes["stranger_in_the_middle"] is Cause.OTHER_FACE


def test_blurred_photo_is_a_poor_picture_and_a_good_one_is_not(
    labelled: Labelled, evidence: MissEvidence
) -> None:
    assert "sharpness" in evidence.poor_picture(number_of(labelled, "blurred"))
    poor = [bool(evidence.poor_picture(number)) for number in range(len(labelled.photos))]
    assert sum(poor) <= 3


def test_photo_of_its_person_has_nothing_against_its_label(
    labelled: Labelled, evidence: MissEvidence
) -> None:
    first = int(np.flatnonzero(labelled.people == "madonna")[0])
    assert evidence.turned_away(first) == ""
    assert evidence.fits_another_name(first) == ""
    assert evidence.other_face(first) == ""
    assert evidence.unlike_its_own(first) == ""
