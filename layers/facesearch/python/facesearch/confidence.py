"""From distance to the probability that two faces are the same person."""

import math

# Fitted on LFW's verification pairs; tests/evaluation prints the fit and its reliability.
MIDPOINT = 1.10
STEEPNESS = 27.0

SAME_PERSON_DISTANCE = MIDPOINT
"""Where the confidence is one half."""


def confidence(distance: float) -> float:
    """Probability, 0 to 1, that faces at this L2 distance show one person.

    A logistic of the distance, for pairs of which half show one person (as LFW's do): a search
    over many faces meets more strangers, so read it as a likelihood, not as a verdict.
    """
    return 1.0 / (1.0 + math.exp(STEEPNESS * (distance - MIDPOINT)))


def percent(probability: float) -> str:
    """For people: never a certainty, which no calibration can give."""
    return ">99.9%" if probability > 0.999 else f"{probability:.1%}"
