"""The faults that were found once, as what has to be undone for each to come back."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FAULTS = Path(__file__).with_name("faults.toml")


@dataclass(frozen=True, slots=True)
class Fault:
    """In `file`, `wrong` in the place of `right` brings it back, and `tests` fail."""

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]

    def places(self, root: Path = ROOT) -> int:
        """How often `right` stands in the file; to be brought back, once."""
        return (root / self.file).read_text().count(self.right)

    def bring_back(self, root: Path) -> None:
        file = root / self.file
        file.write_text(file.read_text().replace(self.right, self.wrong, 1))


def faults() -> list[Fault]:
    """All of them, in the order of the list."""
    return [
        Fault(**{**each, "tests": tuple(each["tests"])})
        for each in tomllib.loads(FAULTS.read_text())["fault"]
    ]
