"""The lock files agree with each other, and hold only what their readers need."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = {
    "demo": "requirements.txt",
    "evaluate": "requirements-evaluate.txt",
    "tests": "tests/requirements.txt",
    "lambda": "layers/dependencies/requirements.txt",
}
PINS = {name: (ROOT / file).read_text(encoding="utf-8") for name, file in LOCKS.items()}
PINNED = re.compile(r"^([\w-]+)==(\S+(?: ; .+?)?) \\$", re.MULTILINE)
OF_EVALUATION = {"joblib", "matplotlib", "scikit-learn", "scipy", "threadpoolctl"}


def pins(name: str) -> set[tuple[str, str]]:
    return set(PINNED.findall(PINS[name]))


def names(name: str) -> set[str]:
    return {package for package, _ in pins(name)}


def test_statistics_are_in_the_evaluations_lock_and_in_no_other_that_ships() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]["evaluate"]
    assert {re.split("[<>=]", each)[0] for each in extra} <= OF_EVALUATION
    assert names("evaluate") >= OF_EVALUATION
    assert names("tests") >= OF_EVALUATION
    assert not names("demo") & OF_EVALUATION
    assert not names("lambda") & OF_EVALUATION


def test_lock_files_pin_one_version_of_a_package() -> None:
    assert pins("demo") <= pins("tests")
    assert pins("evaluate") <= pins("tests")


def test_lock_files_name_no_index() -> None:
    for name, text in PINS.items():
        assert "://" not in text, name
        assert "--index" not in text, name
