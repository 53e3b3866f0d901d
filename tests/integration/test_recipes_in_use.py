"""Recipes through every entry point: the reports' systems, and networks that people bring."""

import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from PIL import Image

from facesearch.errors import ModelError
from facesearch.recipes.finding import BROUGHT, ChosenRecipe, built_in_text, read_recipe
from facesearch.stores import open_store
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline
from facesearch_local.cli.progress import show_steps
from facesearch_models.errors import BuildError
from facesearch_models.further.build import NETWORK, build_network
from index_faces.handler import handler as deliver
from tests.conftest import missing
from tests.events.loading import Context, s3_event, sqs_event
from tests.integration.api import ApiAnswer, call, get
from tests.integration.cli.conftest import cli  # noqa: F401 (fixture)
from tests.integration.cli.running import Cli
from tests.integration.conftest import TakePhoto, close_services
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)
from tests.integration.test_reading_routes import fetch
from tests.unit.models.brought import brought_recipe, made_up_network

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REPORTS = ("whole-image", "face-crop", "facenet-report", "facenet")


@pytest.fixture
def imagenet(models: Path) -> Path:
    """The models, among which EfficientNet-Lite0 is, too."""
    try:
        with show_steps() as report:
            build_network(models, NETWORK, report=report)
    except BuildError as error:
        missing(str(error))
    return models


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The recipe of a made-up network of 512 numbers, which lies beside it."""
    folder = tmp_path / "brought"
    folder.mkdir()
    content = made_up_network().SerializeToString()
    (folder / "mine.onnx").write_bytes(content)
    (folder / "mine.toml").write_text(
        brought_recipe(sha256=sha256(content).hexdigest(), two_views=True)
    )
    return folder / "mine.toml"


@pytest.fixture(params=["sqlite", "opensearch"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/recipe.db"
    server: OpenSearchServer = request.getfixturevalue("opensearch_server")
    return f"opensearch://{server.host}/{request.getfixturevalue('index')}?refresh=true"


@pytest.fixture
def people(sample: Path, tmp_path: Path) -> Path:
    """Two photos of each of two people, and one photo that is there twice."""
    folder = tmp_path / "people"
    folder.mkdir()
    for person in ("elton_john", "madonna"):
        for path in sorted((sample / "train" / person).iterdir())[:2]:
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("recipe", REPORTS)
def test_systems_of_the_reports_search_by_command_line_api_and_page(
    cli: Cli,  # noqa: F811
    imagenet: Path,
    people: Path,
    functions: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    recipe: str,
) -> None:
    query = people / "madonna_01.jpg"
    made = cli("index", "--recipe", recipe, "--json", people)
    assert (made.code, made.json["photos"]) == (0, 4), made.err
    # The store's own recipe is used from here on, without an option.
    found = cli("search", query, "--json").json
    assert found["recipe"]["name"] == recipe
    nearest = found["results"][0]["matches"]
    assert nearest[0]["photo_id"].endswith("/madonna_01.jpg")
    assert nearest[0]["distance"] == pytest.approx(0, abs=1e-3)
    assert len(nearest) == 4
    said = cli("search", query)
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{tmp_path}/faces.db")
    monkeypatch.setenv("FACESEARCH_RECIPE", recipe)
    close_services()
    answer = call(query.read_bytes())
    assert answer.json["recipe"]["name"] == recipe
    assert [each["distance"] for each in answer.matches] == pytest.approx(
        [each["distance"] for each in nearest], abs=1e-3
    )
    calibrated = recipe == "facenet"
    for match in [*nearest, *answer.matches]:
        assert (match["confidence"] is not None, match["verdict"] is not None) == (calibrated,) * 2
    assert (answer.json["limits"] is not None) == calibrated
    unmeasured = "nobody has measured what distances mean" in said.err
    assert ("unknown" in said.out, unmeasured) == (not calibrated,) * 2
    refused = call(query.read_bytes(), query={"min_confidence": "0.5"})
    assert (refused.status, "nobody has measured" in refused.body.decode()) == (
        (200, False) if calibrated else (400, True)
    )
    page = ApiAnswer(fetch("/")).body.decode()
    assert ('data-regions="whole-image"' in page) == (recipe == "whole-image")


def test_whole_image_finds_photos_without_a_face(cli: Cli, imagenet: Path, tmp_path: Path) -> None:  # noqa: F811
    products = tmp_path / "products"
    products.mkdir()
    down, across = np.mgrid[:300, :400].astype(np.float32)
    drawn = {
        "bag": across / 400,
        "lamp": (np.hypot(down - 150, across - 200) < 100).astype(np.float32),
        "shoe": (down // 20 % 2).astype(np.float32),
    }
    for name, grey in drawn.items():
        tinted = grey[..., None] * np.array([250, 200, 90], np.float32)
        Image.fromarray(tinted.astype(np.uint8)).save(products / f"{name}.png")
    cli("index", "--recipe", "whole-image", products)
    small = Image.open(products / "lamp.png").resize((200, 150))
    small.save(tmp_path / "query.jpg")
    found = cli("search", tmp_path / "query.jpg", "--json").json
    assert found["results"][0]["matches"][0]["photo_id"].endswith("/lamp.png")
    (face,) = found["faces"]
    assert face["box"] == {"left": 0, "top": 0, "width": 200, "height": 150}


def test_brought_network_of_512_numbers_goes_all_the_way(
    cli: Cli,  # noqa: F811
    mine: Path,
    people: Path,
    store_url: str,
    tmp_path: Path,
) -> None:
    options = ("--store", store_url, "--recipe", mine)
    made = cli("index", *options, "--json", people)
    assert (made.code, made.json["photos"]) == (0, 4), made.err
    with open_store(store_url, None) as store:
        stored = store.stored_recipe()
    assert stored is not None
    assert stored.dimension == 512
    found = cli("search", *options, "--json", people / "elton_john_02.jpg").json
    matches = found["results"][0]["matches"]
    assert matches[0]["photo_id"].endswith("/elton_john_02.jpg")
    assert matches[0]["distance"] == pytest.approx(0, abs=1e-3)
    cli("export", "--store", store_url, tmp_path / "all.npz")
    vectors = np.load(tmp_path / "all.npz")["embedding"]
    assert vectors.shape == (len(vectors), 512)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)
    # Without the option, the recipe is not to be found, and FaceNet is refused.
    refused = cli("search", "--store", store_url, people / "elton_john_02.jpg")
    assert refused.code == 1
    assert stored.fingerprint in refused.err
    again = cli("reindex" if "opensearch" in store_url else "upgrade", "--store", store_url)
    assert again.code == 0, again.err
    assert cli("search", "--store", store_url, people / "elton_john_02.jpg").code == 0


def test_functions_index_and_search_with_a_brought_recipe_on_opensearch(
    functions: None,
    s3: "S3Client",
    bucket: str,
    photo: TakePhoto,
    mine: Path,
    models: Path,
    tmp_path: Path,
    opensearch_server: OpenSearchServer,
    index: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As the layer of models holds it: by its name, in the folder of models.
    layer = tmp_path / "opt"
    (layer / "recipes").mkdir(parents=True)
    for name in ("pnet", "rnet", "onet"):
        (layer / f"{name}.onnx").symlink_to(models / f"{name}.onnx")
    (layer / "mine.onnx").write_bytes((mine.parent / "mine.onnx").read_bytes())
    (layer / "recipes" / "mine.toml").write_bytes(mine.read_bytes())
    url = f"opensearch://{opensearch_server.host}/{index}?refresh=true"
    monkeypatch.setenv("FACESEARCH_MODELS", str(layer))
    monkeypatch.setenv("FACESEARCH_RECIPE", "mine")
    monkeypatch.setenv("FACESEARCH_STORE", url)
    close_services()
    for number in (0, 1):
        key = f"madonna/{number}.jpg"
        s3.put_object(Bucket=bucket, Key=key, Body=photo("madonna", number))
        body = s3_event("s3_object_created_put", key=key, sequencer="0069B529DD00000000")
        answer = deliver(sqs_event({"a": body}), Context("index_faces"))
        assert answer == {"batchItemFailures": []}
    found = call(photo("madonna", 1))
    assert found.status == 200
    assert found.matches[0]["photo_id"] == "s3://photos/madonna/1.jpg"
    assert found.matches[0]["confidence"] is None
    assert get("/v1/version").json["store"] == {"recipe": found.json["recipe"], "fits": True}


Prepare = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def caffe(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """As `keras.applications.vgg16.preprocess_input`."""
    mean = np.array([103.939, 116.779, 123.68], np.float32)
    prepared: NDArray[np.float32] = rgb[..., ::-1] - mean
    return prepared


def minus_one_to_one(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """As `keras.applications.mobilenet.preprocess_input`."""
    return rgb / np.float32(127.5) - 1


PREPARED: dict[str, Prepare] = {
    "vgg16": caffe,
    "vgg19": caffe,
    "resnet50": caffe,
    "mobilenet": minus_one_to_one,
    "inceptionv3": minus_one_to_one,
    "xception": minus_one_to_one,
}


@pytest.mark.parametrize("network", BROUGHT)
def test_description_needs_only_the_file_and_reads_pixels_as_keras_does(
    network: str, models: Path, sample: Path, tmp_path: Path
) -> None:
    recipe = described(f"whole-image-{network}", tmp_path)
    photo = (sample / "val" / "madonna" / "madonna_01.jpg").read_bytes()
    embedding = only_embedding(recipe, models, photo)
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    pixels = image.resize(recipe.description.network.size, Image.Resampling.BILINEAR)
    prepared = PREPARED[network](np.asarray(pixels, np.float32)[None])
    session = ort.InferenceSession(tmp_path / f"{network}.onnx")
    ((expected,),) = session.run(None, {"pictures": prepared})
    assert embedding.shape == (recipe.description.network.dimension,)
    np.testing.assert_allclose(embedding, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    of_face = only_embedding(described(f"face-crop-{network}", tmp_path), models, photo)
    assert np.linalg.norm(of_face - embedding) > 1e-3 * np.linalg.norm(embedding)


def described(name: str, folder: Path, **changes: object) -> ChosenRecipe:
    """A description, with a made-up network of its input and output."""
    text = built_in_text(name)
    (folder / f"{name}.toml").write_text(text)
    network = read_recipe(folder / f"{name}.toml").description.network
    arguments = {"size": network.size, "layout": network.layout, "dimension": network.dimension}
    model: onnx.ModelProto = made_up_network(**{**arguments, **changes})  # type: ignore[arg-type]
    content = model.SerializeToString()
    (folder / network.file).write_bytes(content)
    digest = sha256(content).hexdigest()
    whole = text.replace("[network]\n", f'[network]\nsha256 = "{digest}"\n')
    (folder / f"{name}.toml").write_text(whole)
    return read_recipe(folder / f"{name}.toml")


def only_embedding(recipe: ChosenRecipe, models: Path, photo: bytes) -> NDArray[np.float32]:
    (analysed,) = FacePipeline(models, recipe, threads=1).analyse([photo])
    assert isinstance(analysed, AnalysedPhoto)
    return analysed.faces[0].embedding


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": "NCHW"}, r"reads pictures .*and its recipe says one input of float32"),
        ({"size": (160, 160)}, r"reads pictures .*\[n, 224, 224, 3\] \(NHWC\): correct the recipe"),
        ({"dimension": 256}, r"has the shape \(1, 256\) .*says 512 numbers each"),
        ({"batch": 8}, r"reads pictures"),
    ],
)
def test_network_that_is_not_as_described_is_named(
    changes: dict[str, object], message: str, models: Path, sample: Path, tmp_path: Path
) -> None:
    recipe = described("whole-image-vgg16", tmp_path, **changes)
    photo = (sample / "val" / "madonna" / "madonna_01.jpg").read_bytes()
    with pytest.raises(ModelError, match=message):
        only_embedding(recipe, models, photo)


def test_network_of_one_picture_a_run_gives_the_same(
    models: Path, sample: Path, tmp_path: Path
) -> None:
    photos = [path.read_bytes() for path in sorted((sample / "val" / "madonna").iterdir())]
    one, many = tmp_path / "one", tmp_path / "many"
    one.mkdir()
    many.mkdir()
    single = described("whole-image-vgg16", one, batch=1)
    batched = described("whole-image-vgg16", many)
    for photo in photos[:2]:
        np.testing.assert_allclose(
            only_embedding(single, models, photo),
            only_embedding(batched, models, photo),
            rtol=1e-4,
            atol=1e-3,
        )


def test_network_that_changed_or_is_gone_is_named(mine: Path, models: Path, sample: Path) -> None:
    photo = (sample / "val" / "madonna" / "madonna_01.jpg").read_bytes()
    file = mine.parent / "mine.onnx"
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(ModelError, match=r"mine\.onnx is damaged, or another one .*SHA-256"):
        only_embedding(read_recipe(mine), models, photo)
    file.unlink()
    with pytest.raises(ModelError, match=r"brought/mine\.onnx is missing: recipe mine names"):
        only_embedding(read_recipe(mine), models, photo)


@pytest.mark.parametrize("command", ["index", "search", "evaluate"])
def test_wrong_recipe_is_a_usage_error(
    cli: Cli,  # noqa: F811
    people: Path,
    tmp_path: Path,
    command: str,
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(brought_recipe(sha256="12"))
    for recipe, message in ((wrong, "network.sha256"), ("nope", "there is no recipe 'nope'")):
        ran = cli(command, "--recipe", recipe, people)
        assert ran.code == 2
        assert message in ran.err
    described_only = cli(command, "--recipe", "face-crop-vgg16", people / "madonna_01.jpg")
    assert described_only.code in (1, 2)
    assert "facesearch models add face-crop-vgg16" in described_only.err
