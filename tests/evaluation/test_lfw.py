"""The accuracy that the README claims, measured on all of LFW through the command line."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.evaluation.lfw import evaluate

pytestmark = pytest.mark.slow

FIGURES = os.environ.get("FACESEARCH_FIGURES")
"""Where to write the figures, when somebody wants to read them."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    summary: dict[str, Any]
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def lfw_evaluated(lfw: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    pairs = os.environ.get("LFW_PAIRS")
    if not pairs:
        missing("LFW_PAIRS does not name LFW's pairs.txt")
        raise AssertionError
    store = f"sqlite:///{tmp_path_factory.mktemp('lfw')}/faces.db"
    command = [sys.executable, "-m", "facesearch.cli", "index", "--json", "--store", store]
    ended = subprocess.run([*command, lfw], capture_output=True, text=True, check=True)
    evaluated = Evaluated(json.loads(ended.stdout), evaluate(store, Path(pairs)))
    if FIGURES:
        Path(FIGURES).write_text(json.dumps(evaluated.summary | evaluated.figures, indent=2))
    return evaluated


def test_every_photo_of_lfw_is_indexed_and_has_a_face(lfw_evaluated: Evaluated) -> None:
    assert lfw_evaluated.summary["failed"] == []
    assert lfw_evaluated.figures["photos"] == 13_233
    assert lfw_evaluated.figures["detected"] >= 0.999


def test_identification_on_lfw_meets_its_figures(lfw_evaluated: Evaluated) -> None:
    found = lfw_evaluated.figures["identification"]
    assert found["queries"] == 9164
    assert found["rank_1"] >= 0.981
    assert found["recall_at_20"] >= 0.986


def test_verification_on_lfw_meets_its_figure(lfw_evaluated: Evaluated) -> None:
    assert lfw_evaluated.figures["verification"]["accuracy"] >= 0.992


def test_ten_queries_of_the_report_find_all_six_photos_each(lfw_evaluated: Evaluated) -> None:
    assert lfw_evaluated.figures["ten_queries"]["all_in_20"] == 10


def test_confidence_is_calibrated_on_lfw_pairs(lfw_evaluated: Evaluated) -> None:
    # Always saying one half scores 0.25; a threshold that is right 99.2 times of 100, 0.008.
    assert lfw_evaluated.figures["calibration"]["shipped_brier"] <= 0.0065
