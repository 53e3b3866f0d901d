"""The committed result of calibration: with it, every machine builds the same int8 file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

Range = tuple[float, float]

DIGITS = 6


@dataclass(frozen=True, slots=True)
class Calibration:
    """What quantisation has to know, by name of the fp32 node.

    `ranges`: what 8 bits have to cover, 0 included. `shifts`: what to add to each output channel of
    a convolution so that its mean stays what it was.
    """

    ranges: Mapping[str, Range]
    shifts: Mapping[str, list[float]]


def load_calibration() -> Calibration:
    """Read the calibration that comes with this package."""
    text = resources.files("facesearch_models").joinpath("calibration.json").read_text("utf-8")
    return Calibration(**json.loads(text))


def save_calibration(calibration: Calibration, path: Path) -> None:
    path.write_text(json.dumps(asdict(calibration), indent=1) + "\n", "utf-8")


def rounded(value: float) -> float:
    """A value as it is written to the file: short, and read back as the same number."""
    return float(f"{value:.{DIGITS}g}")
