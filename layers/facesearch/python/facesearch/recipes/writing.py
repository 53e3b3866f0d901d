"""Change the TOML file of a recipe, and leave the rest of it as it is."""

import re
from pathlib import Path

from msgspec.structs import asdict

from facesearch.confidence import Calibration
from facesearch.errors import SettingsError
from facesearch.files import complete_file, make_private_folder
from facesearch.recipes.description import parse_recipe
from facesearch.recipes.finding import FOLDER, ChosenRecipe, built_in_text
from facesearch.search_calibration import LimitFit, SearchCalibration

ROW = 10
"""Numbers in a line."""

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)")


def write_calibration(recipe: ChosenRecipe, calibration: Calibration, models: Path) -> Path:
    """Put it into the recipe's file, which is returned.

    A recipe that comes with the program gets a file in the folder of models. Raises
    `SettingsError` where the file cannot be written, or is not laid out so that it can be changed.
    """
    file = recipe.file or models / FOLDER / f"{recipe.name}.toml"
    try:
        text = recipe.file.read_text("utf-8") if recipe.file else built_in_text(recipe.name)
        changed = f"{_without_calibration(text).rstrip()}\n\n{calibration_text(calibration)}"
        if parse_recipe(changed.encode(), str(file)).calibration != calibration:
            raise SettingsError(f"recipe {file} cannot be changed: give it no calibration first")
        make_private_folder(file.parent)
        with complete_file(file) as opened:
            opened.write(changed.encode())
    except OSError as error:
        raise SettingsError(f"recipe {file} cannot be written: {error.strerror}") from error
    return file


def with_network(recipe: ChosenRecipe, file: str, sha256: str, precision: str | None = None) -> str:
    """The recipe's text with another network file, and its SHA-256 and precision.

    Raises `SettingsError` where it is not laid out so that it can be changed.
    """
    text = recipe.file.read_text("utf-8") if recipe.file else built_in_text(recipe.name)
    network = recipe.description.network
    wanted = {"file": file, "sha256": sha256, "precision": precision or network.precision}
    lines, inside = [], False
    for line in text.splitlines():
        if header := _HEADER.match(line):
            inside = header[1] == "network"
        key = line.partition("=")[0].strip()
        if not (inside and key in wanted):
            lines.append(line)
        if header and inside:
            lines += [f"{key} = {_quoted(value)}" for key, value in wanted.items()]
    changed = "\n".join(lines) + "\n"
    got = parse_recipe(changed.encode(), str(recipe.file or recipe.name)).network
    if {key: getattr(got, key) for key in wanted} != wanted:
        raise SettingsError(
            f"recipe {recipe.file} cannot be changed: write its network as the table [network], a "
            "key a line"
        )
    return changed


def calibration_text(calibration: Calibration) -> str:
    """The calibration as tables of TOML."""
    lines = [
        "[calibration]",
        f"midpoint = {calibration.midpoint!r}",
        f"steepness = {calibration.steepness!r}",
    ]
    if calibration.expansion_distance is not None:
        lines.append(f"expansion_distance = {calibration.expansion_distance!r}")
    lines += [
        f"measured_on = {_quoted(calibration.measured_on)}",
        f"same_pairs = {calibration.same_pairs}",
        f"different_pairs = {calibration.different_pairs}",
    ]
    if calibration.searches is not None:
        lines += ["", searches_text(calibration.searches).rstrip()]
    for each in calibration.thresholds:
        lines += [
            "",
            "[[calibration.thresholds]]",
            f"false_accept_rate = {each.false_accept_rate!r}",
            f"distance = {each.distance!r}",
            f"true_accept_rate = {each.true_accept_rate!r}",
        ]
        if each.false_accept_interval is not None:
            lines.append(f"false_accept_interval = {list(each.false_accept_interval)!r}")
        if each.true_accept_interval is not None:
            lines.append(f"true_accept_interval = {list(each.true_accept_interval)!r}")
    return "\n".join(lines) + "\n"


def searches_text(searches: SearchCalibration) -> str:
    """What was fitted of searches, as a table of TOML."""
    shares = [repr(distance) for distance in searches.one_person]
    lines = [
        "[calibration.searches]",
        f"faces = {list(searches.faces)!r}",
        f"very_likely = {_fit_text(searches.very_likely)}",
        f"possible = {_fit_text(searches.possible)}",
        "one_person = [",
        *(f"  {', '.join(shares[at : at + ROW])}," for at in range(0, len(shares), ROW)),
        "]",
    ]
    return "\n".join(lines) + "\n"


def _fit_text(fit: LimitFit) -> str:
    values = ", ".join(f"{name} = {value!r}" for name, value in asdict(fit).items())
    return f"{{ {values} }}"


def _quoted(text: str) -> str:
    """A basic string of TOML: what must be escaped in it is as in JSON."""
    escaped = (
        f"\\u{ord(each):04X}" if each in '"\\' or not each.isprintable() else each for each in text
    )
    return f'"{"".join(escaped)}"'


def _without_calibration(text: str) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        if header := _HEADER.match(line):
            inside = header[1] == "calibration"
        if not inside:
            kept.append(line)
    return "\n".join(kept)
