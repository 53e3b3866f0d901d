"""What the distances of the default recipe mean."""

from facesearch.confidence import Calibration
from facesearch.recipes.finding import DEFAULT_RECIPE, built_in


def _calibration() -> Calibration:
    calibration = built_in(DEFAULT_RECIPE).description.calibration
    assert calibration is not None
    return calibration


CALIBRATION = _calibration()
SAME_PERSON_DISTANCE = CALIBRATION.same_person_distance
THRESHOLDS = CALIBRATION.thresholds
confidence = CALIBRATION.confidence
SURE_DISTANCE = CALIBRATION.expansion_distance or 0.0
