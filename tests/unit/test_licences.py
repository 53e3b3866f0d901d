"""What ships is listed with its licence, and what locks the pins is pinned itself."""

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/dependencies"
LISTED = dict(
    re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", (LAYER / "README.md").read_text("utf-8"), re.M)
)
LISTED.pop("package")


def pins(file: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", file.read_text("utf-8"), re.M))


def said(package: str) -> str:
    """What the package says of its licence, in every place where it may."""
    about = metadata(package)
    fields = ("License-Expression", "License", "Classifier")
    texts = [text for field in fields for text in about.get_all(field) or []]
    return " ".join(text for text in texts if "::" not in text or text.startswith("License"))


def test_every_package_that_ships_to_lambda_is_listed() -> None:
    assert pins(LAYER / "requirements.txt") == set(LISTED)


@pytest.mark.parametrize("package", LISTED)
def test_licence_is_the_one_that_the_package_names(package: str) -> None:
    for family in re.findall(r"MIT|Apache|BSD|MPL|LGPL|PSF", LISTED[package]):
        written_out = {"LGPL": "LGPL", "MPL": "MPL", "PSF": "PSF"}.get(family, family)
        assert written_out in said(package), (family, said(package))


def test_licences_with_duties_are_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in ("pi-heif", "libheif", "libde265", "LGPL", "certifi", "MPL"):
        assert name in readme
    assert [each for each in LISTED if re.search("GPL|MPL", LISTED[each])] == ["certifi", "pi-heif"]


def test_every_pin_has_a_hash_and_the_tools_that_lock_are_pinned() -> None:
    assert {"uv", "cyclonedx-bom", "pip-audit"} <= pins(ROOT / ".ci/requirements-tools.txt")
    locks = [ROOT / ".ci/requirements-tools.txt", *ROOT.glob("requirements*.txt")]
    for lock in (*locks, LAYER / "requirements.txt", ROOT / "tests/requirements.txt"):
        text = lock.read_text("utf-8")
        pinned = re.findall(r"^\S+==.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)+", text, re.M)
        assert len(pinned) == len(re.findall(r"^[a-z]\S*==", text, re.M)) > 0, lock
