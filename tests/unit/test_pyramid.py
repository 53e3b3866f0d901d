"""Levels packed on a sheet must give P-Net's findings on each level by itself."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from facesearch.vision.boxes import Boxes
from facesearch.vision.models import ModelFolder
from facesearch.vision.pyramid import Level, Sheet, build_sheets, face_sizes

THRESHOLD = 0.0


@pytest.fixture(scope="module")
def pnet(models: Path) -> ort.InferenceSession:
    return ModelFolder(models).open("pnet", threads=1)


def found(pnet: ort.InferenceSession, sheet: Sheet) -> Boxes:
    """Boxes and scores, in an order that does not depend on the packing."""
    cells = pnet.run(None, {"pixels": sheet.pixels()})[0][0]
    boxes, scores = sheet.candidates(cells, THRESHOLD)
    rows = np.hstack((boxes, scores[:, None]))
    return rows[np.lexsort(np.round(rows.T))]


@pytest.mark.parametrize("factor", [0.6, 0.709, 0.8])
def test_build_sheets_packed_levels_are_seen_as_if_alone(
    pnet: ort.InferenceSession, lfw_photo: Callable[[str, int], Path], factor: float
) -> None:
    with Image.open(lfw_photo("Boris_Becker", 1)) as opened:
        photo = opened.convert("RGB").crop((0, 0, 201, 250))
    sizes = face_sizes(20, 201, factor)
    (packed,) = build_sheets(photo, sizes)
    assert len(packed.levels) == len(sizes) > 3
    alone = [Sheet([_at_corner(packed, number)]) for number in range(len(sizes))]
    expected = np.vstack([found(pnet, sheet) for sheet in alone])
    expected = expected[np.lexsort(np.round(expected.T))]
    np.testing.assert_allclose(found(pnet, packed), expected, atol=1e-3)
    assert len(expected) > 20


def _at_corner(sheet: Sheet, number: int) -> Level:
    return replace(sheet.levels[number], left=0, top=0)


def test_build_sheets_of_a_large_photo_gives_large_levels_a_sheet_each() -> None:
    sheets = list(build_sheets(Image.new("RGB", (2000, 1500)), face_sizes(31, 1500, 0.709)))
    assert [len(sheet.levels) for sheet in sheets[:-1]] == [1] * (len(sheets) - 1)
    assert len(sheets) > 2
    assert len(sheets[-1].levels) > 3


def test_face_sizes_grow_by_the_factor_up_to_the_largest() -> None:
    assert face_sizes(20, 80, 0.5) == [20, 40, 80]
    assert face_sizes(20, 19.9, 0.5) == []
