"""Recipes: read from TOML, checked, found by name or path; wrong and hostile files are refused."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from facesearch.errors import ModelError, SettingsError
from facesearch.recipes.description import (
    _USE,
    AlignedCut,
    BoxCut,
    Detector,
    Distance,
    Network,
    RecipeDescription,
    StandardisedPixels,
    WholeCut,
    parse_recipe,
)
from facesearch.recipes.finding import (
    BROUGHT,
    BUILT_IN,
    built_in,
    built_in_text,
    check_usable,
    find_recipe,
    names,
    read_recipe,
    usable_recipes,
)
from facesearch.vision.identity import recipe_of
from facesearch.vision.models import SHA256
from tests.unit.models.brought import brought_recipe

RECIPE = brought_recipe(sha256="ab" * 32)

CALIBRATION = """
[calibration]
midpoint = 1.1
steepness = 20
measured_on = "people"
same_pairs = 10
different_pairs = 1000

[[calibration.thresholds]]
false_accept_rate = 1e-2
distance = 1.2
true_accept_rate = 0.99
false_accept_interval = [0.005, 0.02]

[[calibration.thresholds]]
false_accept_rate = 1e-3
distance = 1.0
true_accept_rate = 0.9
"""


def parsed(text: str) -> RecipeDescription:
    return parse_recipe(text.encode(), "mine.toml")


def test_recipe_is_read_with_all_that_it_says() -> None:
    recipe = parsed(RECIPE + CALIBRATION)
    assert recipe.cuts == (AlignedCut(template="arcface"),)
    assert (recipe.network.dimension, recipe.network.size) == (512, (112, 112))
    assert recipe.calibration is not None
    assert [each.distance for each in recipe.calibration.thresholds] == [1.2, 1.0]


@pytest.mark.parametrize("name", BUILT_IN)
def test_recipe_that_comes_with_the_program_is_whole(name: str, tmp_path: Path) -> None:
    recipe = find_recipe(name, tmp_path).description
    assert recipe.name == name
    assert recipe.network.licence
    expected = WholeCut if recipe.regions == "whole-image" else AlignedCut | BoxCut
    assert all(isinstance(cut, expected) for cut in recipe.cuts)
    calibrated = {"facenet", "facenet-two-views", "facenet-fp32", "facenet-fp32-two-views"}
    assert (recipe.calibration is not None) == (name in calibrated)


def test_facenet_is_the_network_that_is_built_and_calibrated() -> None:
    facenet, two = built_in("facenet").description, built_in("facenet-two-views").description
    assert facenet.network.sha256 == SHA256["facenet-int8"]
    assert built_in("facenet-fp32").description.network.sha256 == SHA256["facenet-fp32"]
    assert isinstance(facenet.network.pixels, StandardisedPixels)
    assert (len(facenet.cuts), len(two.cuts)) == (1, 2)
    assert facenet.cuts == two.cuts[:1]
    assert facenet.calibration == two.calibration
    assert facenet.calibration is not None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", "version = 2", r"version is 2, this facesearch knows 1"),
        ('name = "mine"', 'name = "../mine"', r"name is not understood: use small letters, digits"),
        ('name = "mine"', "", r"name is missing: add it \(small letters, digits, .*\)$"),
        ('"faces"', '"hands"', r"regions is 'hands': use faces or whole-image$"),
        ('regions = "faces"', 'regions = "faces"\nstuff = 1', r"stuff is no key of a recipe"),
        ("size = [", "syze = [", r"network\.(syze is no key|size is missing)"),
        ('"mtcnn"', '"retina"', r"detector\.name is 'retina': use mtcnn or centerface$"),
        ('[detector]\nname = "mtcnn"', "", r"faces need a detector"),
        ('kind = "aligned"', 'kind = "round"', r"cuts\[0\]\.kind is 'round': use aligned, box or"),
        ('kind = "aligned"\ntemplate = "arcface"', 'kind = "whole"', r'not "whole"'),
        ('template = "arcface"', "", r"cuts\[0\]\.template is missing: add it \(average-face"),
        ('template = "arcface"', "template = [[1, 2]]", r"cuts\[0\]\.template .*: use .* five"),
        ('template = "arcface"', f"template = {[[1.0, 2.0]] * 5}", r"one point five times"),
        ('"arcface"', '"arcface"\nmargin = [0.1, 0.1]', r"margin is for the template average"),
        ('"mine.onnx"', '"../mine.onnx"', r"network\.file is not understood: use the name of an"),
        ('"mine.onnx"', '"/etc/mine.onnx"', r"network\.file is not understood: use the name of"),
        ('"mine.onnx"', '"mine.pt"', r"network\.file is not understood: use the name of an .onnx"),
        ("ab" * 32, "ab" * 31, r"network\.sha256 is not understood: use the 64 hex digits"),
        ("[112, 112]", "[112]", r"network\.size is not understood: use width and height"),
        ("[112, 112]", "[0, 112]", r"network\.size\[0\] is not understood: use width and height"),
        ("[112, 112]", '["112", 112]', r"network\.size\[0\] is not understood: use width and"),
        ('"NCHW"', '"CHWN"', r"network\.layout is 'CHWN': use NCHW or NHWC$"),
        ("dimension = 512", "dimension = 8", r"network\.dimension .* use a whole number from 64"),
        ("dimension = 512", "dimension = 4096", r"network\.dimension .* from 64 to 2048$"),
        (
            "deviation = [128, 128, 128]",
            "deviation = [128, 0, 128]",
            r"network\.pixels\.deviation\[1\] is not understood: use three numbers above 0$",
        ),
        ("deviation = [128, 128, 128]", "deviation = [1, 1, nan]", r"network\.pixels\.deviation"),
        ('licence = "MIT"', 'licence = ""', r"licence is not understood: use a text, not an empty"),
        ('licence = "MIT"', "licence = 1", r"network\.licence is not understood: use a text$"),
        ("= true", '= "yes"', r"network\.unit_length is not understood: use true or false$"),
    ],
)
def test_wrong_recipe_is_refused_by_its_file_and_key(old: str, new: str, message: str) -> None:
    assert old in RECIPE
    with pytest.raises(SettingsError, match=message) as error:
        parsed(RECIPE.replace(old, new, 1))
    said = str(error.value)
    assert said.startswith("recipe mine.toml: ")
    assert not set("`^$\\") & set(said), "a pattern or a type's name is no help"
    assert "'str'" not in said


def test_what_keys_may_be_is_told_as_the_types_have_it() -> None:
    """Every choice of the description is in the message of its key."""
    seen = 0
    for kind in (Detector, AlignedCut, WholeCut, Network, Distance, RecipeDescription):
        for field in msgspec.structs.fields(kind):
            choices = [each for each in _choices(field.type) if isinstance(each, str)]
            places = [key for key in _USE if key.rpartition(".")[2] == field.name and choices]
            for key in places:
                if all(each in _USE[key] for each in choices):
                    seen += 1
                    break
            else:
                assert not choices, f"{field.name}: {choices}"
    assert seen >= 7


def _choices(kind: Any) -> list[object]:
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [each for part in get_args(kind) for each in _choices(part)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "steepness = 20",
            "steepness = 0",
            r"calibration\.steepness is not understood: use a number > 0",
        ),
        ("midpoint = 1.1", "midpoint = nan", r"calibration\.midpoint"),
        ("distance = 1.0", "distance = 1.3", r"calibration: thresholds must go from many"),
        ("[0.005, 0.02]", "[0.005]", r"thresholds\[0\]\.false_accept_interval"),
    ],
)
def test_wrong_calibration_is_refused_by_its_key(old: str, new: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parsed(RECIPE + CALIBRATION.replace(old, new, 1))


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"\0" * 100, b"a = " + b"[" * 30_000, b"name = 'x", b"x" * 70_000, b"", b"[[[["],
    ids=["no UTF-8", "zeros", "deep", "cut off", "large", "empty", "brackets"],
)
def test_file_that_is_no_recipe_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"^recipe .*odd\.toml"):
        read_recipe(file)


def test_recipe_is_found_by_path_and_by_name_and_its_network_beside_it(tmp_path: Path) -> None:
    models, mine = tmp_path / "models", tmp_path / "mine"
    (models / "recipes").mkdir(parents=True)
    mine.mkdir()
    (mine / "mine.toml").write_text(RECIPE)
    by_path = find_recipe(str(mine / "mine.toml"), models)
    assert by_path.network_file(models) == mine / "mine.onnx"
    (models / "mine.onnx").write_bytes(b"")
    assert by_path.network_file(models) == models / "mine.onnx"
    (mine / "mine.onnx").write_bytes(b"")
    assert by_path.network_file(models) == mine / "mine.onnx"
    with pytest.raises(SettingsError, match=r"there is no recipe 'mine': use facenet, .* or the"):
        find_recipe("mine", models)
    (models / "recipes" / "mine.toml").write_text(RECIPE)
    (models / "recipes" / "broken.toml").write_text("?")
    assert find_recipe("mine", models).description == by_path.description
    assert names(models)[:2] == ["broken", "mine"]
    assert "mine" in [each.name for each in usable_recipes(models)]


def test_recipe_that_was_added_goes_before_one_that_comes_with_the_program(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    text = built_in_text("whole-image") + CALIBRATION
    (tmp_path / "recipes" / "whole-image.toml").write_text(text)
    assert find_recipe("whole-image", tmp_path).description.calibration is not None
    assert names(tmp_path).count("whole-image") == 1


@pytest.mark.parametrize("name", ["../facenet", "/etc/passwd", "", "facenet\n", "nope"])
def test_name_of_no_recipe_is_refused_with_those_that_there_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no recipe"):
        find_recipe(name, tmp_path)


@pytest.mark.parametrize("file", ["gone.toml", "folder.toml"])
def test_recipe_that_cannot_be_read_is_named(file: str, tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SettingsError, match=file):
        find_recipe(str(tmp_path / file), tmp_path)


@pytest.mark.parametrize("network", BROUGHT)
def test_network_that_nobody_has_brought_is_told(network: str, tmp_path: Path) -> None:
    chosen = find_recipe(f"whole-image-{network}", tmp_path)
    with pytest.raises(ModelError, match=f"facesearch models add whole-image-{network} FILE"):
        check_usable(chosen)
    assert chosen.name not in [each.name for each in usable_recipes(tmp_path)]


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("facenet", "13dd656e08d83afd"),
        ("facenet-fp32", "e33e46f0f8f069b1"),
        ("facenet-two-views", "1150bf554483593e"),
        ("facenet-fp32-two-views", "bd3d67be5c7238a5"),
    ],
)
def test_facenet_has_the_fingerprint_that_stores_have_had(name: str, fingerprint: str) -> None:
    assert recipe_of(built_in(name).description).fingerprint == fingerprint


def test_every_recipe_has_its_own_fingerprint_by_what_it_does_not_by_its_name() -> None:
    plain = built_in("whole-image").description
    network = plain.network
    changed: list[dict[str, Any]] = [
        {"cuts": (WholeCut(resize="crop"),)},
        {"cuts": (WholeCut(mirrored=True),)},
        *(
            {"network": msgspec.structs.replace(network, **{key: value})}
            for key, value in {
                "sha256": "cd" * 32,
                "output": "logits",
                "dimension": 1000,
                "size": (224, 256),
                "colours": "BGR",
                "pixels": StandardisedPixels(),
                "unit_length": True,
            }.items()
        ),
    ]
    others = [recipe_of(msgspec.structs.replace(plain, **each)) for each in changed]
    built = [recipe_of(built_in(name).description) for name in BUILT_IN if name.count("-") < 3]
    known = {each.fingerprint for each in [*others, recipe_of(plain)]}
    assert len(known) == len(others) + 1
    renamed = recipe_of(msgspec.structs.replace(plain, name="other", about="the same"))
    assert renamed == recipe_of(plain)
    assert recipe_of(plain) in built
