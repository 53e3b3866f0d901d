"""What is said of recipes: of stores that hold another, of none, and of whole images."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from facesearch.recipes.finding import ChosenRecipe
from tests.integration.api import call, get
from tests.integration.cli.running import Cli
from tests.integration.conftest import close_services
from tests.integration.test_recipes_in_use import described
from tests.unit.models.brought import brought_recipe, made_up_network


@pytest.fixture
def whole(tmp_path: Path) -> ChosenRecipe:
    return described("whole-image-vgg16", tmp_path)


@pytest.fixture
def own_models(cli: Cli, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models, and a recipe "mine" that was added to them."""
    folder = tmp_path / "models"
    (folder / "recipes").mkdir(parents=True)
    for file in models.glob("*.onnx"):
        (folder / file.name).symlink_to(file)
    content = made_up_network().SerializeToString()
    (folder / "recipes" / "mine.onnx").write_bytes(content)
    text = brought_recipe(sha256=sha256(content).hexdigest())
    (folder / "recipes" / "mine.toml").write_text(text)
    monkeypatch.setenv("FACESEARCH_MODELS", str(folder))
    return folder


def test_store_that_holds_another_recipe_says_its_name(
    cli: Cli, own_models: Path, people: Path, tmp_path: Path
) -> None:
    query = people / "madonna.jpg"
    for held, used in (("facenet", "mine"), ("mine", "facenet")):
        store = ("--store", f"{tmp_path}/{held}.db")
        assert cli("index", *store, "--recipe", held, query).code == 0
        refused = cli("search", *store, "--recipe", used, query)
        assert refused.code == 1
        assert f"--recipe {held}" in refused.err
        assert f"facesearch upgrade --recipe {used}" in refused.err
        told = cli("status", *store, "--json").json["recipe"]
        assert told["name"] == held
        assert f"{held}, {told['fingerprint']}" in cli("status", *store).out


def test_recipe_that_is_gone_is_called_unknown(
    cli: Cli, own_models: Path, people: Path, tmp_path: Path
) -> None:
    query = people / "madonna.jpg"
    assert cli("index", "--recipe", "mine", query).code == 0
    (own_models / "recipes" / "mine.toml").unlink()
    refused = cli("search", query)
    assert refused.code == 1
    assert "holds embeddings of a recipe (" in refused.err
    assert "recipe's .toml file with --recipe" in refused.err


@pytest.mark.parametrize("command", ["index", "search", "detect", "upgrade"])
def test_recipe_without_a_name_is_refused(cli: Cli, people: Path, command: str) -> None:
    places = () if command == "upgrade" else (people / "madonna.jpg",)
    ran = cli(command, "--recipe", "", *places)
    assert (ran.code, "--recipe is empty: name a recipe" in ran.err) == (2, True)


def test_whole_images_have_no_landmarks_and_no_pose(
    cli: Cli,
    functions: None,
    whole: ChosenRecipe,
    people: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = people / "madonna.jpg"
    detect = ("detect", "--recipe", str(whole.file), photo)
    ran = cli(*detect, "--draw", tmp_path / "drawn.png")
    assert "is taken whole, by recipe whole-image-vgg16: no faces are looked for" in ran.err
    assert "1 face" not in ran.err
    (region,) = cli(*detect, "--json").json["faces"]
    assert (region["landmarks"], region["quality"]["pose"]) == (None, None)
    assert cli("index", "--recipe", str(whole.file), people).code == 0
    (region,) = cli("search", "--recipe", str(whole.file), photo, "--json").json["faces"]
    assert region["landmarks"] is None
    for name in ("all.npz", "all.csv", "all.parquet"):
        assert cli("export", tmp_path / name).code == 0
    exported = np.load(tmp_path / "all.npz")
    assert np.isnan(exported["nose_x"]).all()
    assert not np.isnan(exported["box_width"]).any()

    monkeypatch.setenv("FACESEARCH_RECIPE", str(whole.file))
    close_services()
    (region,) = call(photo.read_bytes(), path="/v1/detect").json["faces"]
    assert (region["landmarks"], region["quality"]["pose"]) == (None, None)
    found = call(photo.read_bytes()).matches[0]
    stored = get(f"/v1/faces/{found['face_id']}").json
    assert stored["landmarks"] is None
    assert stored["box"]["width"] == stored["photo"]["width"]


def test_option_that_a_recipe_cannot_answer_is_no_fault_of_the_photo(
    cli: Cli, whole: ChosenRecipe, people: Path
) -> None:
    cli("index", "--recipe", str(whole.file), people)
    for option in (("--min-confidence", "0.9"), ("--expand",)):
        ran = cli("search", "--recipe", str(whole.file), people / "madonna.jpg", *option)
        assert ran.code == 2
        assert ran.err.startswith(f"error: {option[0][2:].replace('-', '_')} needs to know what")


def test_two_recipes_of_one_name_are_not_evaluated_together(
    cli: Cli, whole: ChosenRecipe, sample: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    assert whole.file is not None
    other.write_text(whole.file.read_text())
    recipes = ("--recipe", whole.file, "--recipe", other)
    ran = cli("evaluate", sample / "train", *recipes, "--cache", tmp_path / "cache")
    assert (ran.code, "Two recipes are called 'whole-image-vgg16'" in ran.err) == (2, True)


def test_faces_have_landmarks_and_a_pose(cli: Cli, people: Path) -> None:
    (face,) = cli("detect", people / "madonna.jpg", "--json").json["faces"]
    assert face["landmarks"]["left_eye"]["x"] < face["landmarks"]["right_eye"]["x"]
    assert abs(face["quality"]["pose"]["roll"]) < 45


def test_query_photo_is_found_by_the_uri_that_answers_name(cli: Cli, people: Path) -> None:
    spaced = people / "a photo of münchen.jpg"
    (people / "madonna.jpg").rename(spaced)
    cli("index", people)
    by_path = cli("search", spaced, "--json").json["results"]
    uri = by_path[0]["matches"][0]["photo_id"]
    assert uri.startswith("file://")
    assert "%20" in uri
    assert cli("search", uri, "--json").json["results"] == by_path
    gone = cli("search", "file:///nowhere/a.jpg")
    assert gone.code == 1
    assert "file:///nowhere/a.jpg: " in gone.err


@pytest.mark.parametrize("address", ["s3://photos/a.jpg", "ftp://a.example/b.jpg"])
def test_address_that_is_not_fetched_is_told_so(cli: Cli, address: str) -> None:
    ran = cli("detect", address)
    assert ran.code == 2
    assert f"{address.partition(':')[0]}:// is not fetched: save the photo in a file" in ran.err
