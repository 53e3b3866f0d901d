"""`facesearch evaluate --calibrate`: what was measured is in the recipe, and is used from there."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from facesearch.recipes.finding import built_in_text, find_recipe, read_recipe
from facesearch.recipes.writing import calibration_text
from tests.integration.cli.running import Cli
from tests.integration.test_recipes_in_use import described


@pytest.fixture
def models_of_own(models: Path, tmp_path: Path) -> Path:
    """The models, in a folder that may get recipes."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("pnet", "rnet", "onet", "facenet-int8"):
        (folder / f"{name}.onnx").symlink_to(models / f"{name}.onnx")
    return folder


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Forty made-up patterns, each in three shades: they stand for people, without a face."""
    return made_up(40, tmp_path / "people")


def made_up(people: int, folder: Path) -> Path:
    random = np.random.default_rng(11)
    for number in range(people):
        name = f"p{number:03}"
        (folder / name).mkdir(parents=True)
        pattern = random.integers(0, 200, (4, 4, 3), dtype=np.uint8)
        image = Image.fromarray(pattern).resize((96, 96), Image.Resampling.NEAREST)
        for shade in range(3):
            blurred = image.filter(ImageFilter.GaussianBlur(shade))
            Image.fromarray(np.asarray(blurred) + np.uint8(8 * shade)).save(
                folder / name / f"{name}_{shade + 1:04}.png"
            )
    return folder


def test_limits_of_searches_are_calibrated_with_200_people(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    recipe = described("whole-image-vgg16", tmp_path)
    assert recipe.file is not None
    options = ("--recipe", recipe.file, "--cache", tmp_path / "cache", "--calibrate")
    few = cli("evaluate", people, *options)
    assert few.code == 0, few.err
    assert "whole-image-vgg16 gives no verdicts" in few.err
    assert "there are 40 and 120" in few.err
    query = people / "p007" / "p007_0001.png"
    store = ("--store", f"sqlite:///{tmp_path}/p.db", "--recipe", recipe.file)
    assert cli("index", *store, people).code == 0
    without = cli("search", *store, query, "--json").json
    assert (without["limits"], without["results"][0]["matches"][0]["verdict"]) == (None, None)

    enough = cli("evaluate", made_up(200, tmp_path / "more"), *options)
    assert enough.code == 0, enough.err
    assert "gives no verdicts" not in enough.err
    found = cli("search", *store, query, "--json").json
    limits = found["limits"]
    assert (limits["faces"], limits["basis"]) == (120, "measured")
    # Shades of one pattern are nearer than patterns, as far as this network tells.
    first = found["results"][0]["matches"][0]
    assert first["verdict"] == ("possible" if limits["very_likely"] is None else "very_likely")


def test_calibration_is_written_into_the_recipe_and_the_rest_of_it_stays(
    cli: Cli, people: Path, models_of_own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = described("whole-image-vgg16", tmp_path)
    assert recipe.file is not None
    with recipe.file.open("a") as file:
        file.write("\n# A remark of its owner.\n")
    command = ("evaluate", people, "--recipe", recipe.file, "--cache", tmp_path / "cache")
    ran = cli(*command, "--calibrate", "--workers", "1")
    assert ran.code == 0, ran.err
    assert "whole-image-vgg16 is calibrated, with thresholds down to 1 in 100 false" in ran.err
    text = recipe.file.read_text()
    assert "# A remark of its owner." in text
    calibrated = read_recipe(recipe.file).description
    calibration = calibrated.calibration
    assert calibration is not None
    assert calibrated.network == recipe.description.network
    # 40 people of three photos: 7,020 pairs of different people show no rate below 1 in 1,000.
    assert (calibration.same_pairs, calibration.different_pairs) == (120, 7020)
    assert [each.false_accept_rate for each in calibration.thresholds] == [0.01]
    assert calibration.expansion_distance is None
    (threshold,) = calibration.thresholds
    assert threshold.false_accept_interval is not None
    low, high = threshold.false_accept_interval
    assert 0 <= low <= high < 0.2
    assert 0 < threshold.true_accept_rate <= 1
    # Once more gives the same file: what was there is replaced.
    assert cli(*command, "--calibrate", "--workers", "1").code == 0
    assert recipe.file.read_text() == text
    # From now on, searches have a confidence.
    store = ("--store", f"sqlite:///{tmp_path}/p.db", "--recipe", recipe.file)
    assert cli("index", *store, people).code == 0
    query = people / "p007" / "p007_0001.png"
    found = cli("search", *store, query, "--json").json["results"][0]["matches"]
    assert found[0]["confidence"] > 0.5 > found[-1]["confidence"]
    near = cli("search", *store, query, "--min-confidence", "0.5", "--json").json
    assert 0 < len(near["results"][0]["matches"]) < len(found)
    expanded = cli("search", *store, query, "--expand")
    assert (expanded.code, "expand needs to know what distances mean" in expanded.err) == (2, True)


def test_recipe_of_the_program_is_calibrated_in_the_folder_of_models(
    cli: Cli,
    sample: Path,
    models_of_own: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FACESEARCH_MODELS", str(models_of_own))
    before = find_recipe("facenet", models_of_own)
    ran = cli("evaluate", sample / "train", "--calibrate", "--cache", tmp_path / "cache")
    # Five people are too few for folds of people.
    assert ran.code == 3
    assert "facenet was not calibrated: it needs" in ran.err
    assert find_recipe("facenet", models_of_own) == before


def test_text_of_a_calibration_is_read_back_as_it_was(tmp_path: Path) -> None:
    recipe = find_recipe("facenet", tmp_path).description
    assert recipe.calibration is not None
    odd = 'a "quoted" \\ folder\nwith é'
    calibration = type(recipe.calibration)(
        **{
            name: getattr(recipe.calibration, name)
            for name in recipe.calibration.__struct_fields__
            if name != "measured_on"
        },
        measured_on=odd,
    )
    file = tmp_path / "facenet-report.toml"
    file.write_text(f"{built_in_text('facenet-report')}\n{calibration_text(calibration)}")
    assert read_recipe(file).description.calibration == calibration
    shutil.rmtree(tmp_path)
