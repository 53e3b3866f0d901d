"""A real S3 and SQS protocol server on loopback, and the functions' environment."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer

import index_faces.handler
import search_faces.handler
from facesearch.indexing import PhotoToIndex, index_photos
from facesearch.photos.reading import PhotoContent
from facesearch.stores import FaceStore, open_store
from facesearch.vision.pipeline import FacePipeline
from facesearch_models.download import download_archive
from facesearch_models.errors import BuildError
from facesearch_models.manifest import load_manifest
from tests.conftest import missing
from tests.integration.api import PEOPLE
from tests.integration.serving import index_sample, serving
from tests.recorded_steps import RecordedSteps

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

REGION: Final = "eu-west-1"

Logs = Callable[[], list[dict[str, object]]]
TakePhoto = Callable[[str, int], bytes]
TakeQuery = Callable[[str], bytes]


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """The URL of a server that speaks S3's and SQS's protocols."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server, emptied, and the environment by which boto3 finds it."""
    with urlopen(Request(f"{aws_server}/moto-api/reset", method="POST")):  # noqa: S310
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return aws_server


@pytest.fixture
def s3(aws: str) -> Iterator["S3Client"]:
    with closing(boto3.client("s3")) as client:
        yield client


@pytest.fixture
def sqs(aws: str) -> Iterator["SQSClient"]:
    with closing(boto3.client("sqs")) as client:
        yield client


@pytest.fixture
def bucket(s3: "S3Client") -> str:
    """An empty bucket, without versions."""
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": REGION})
    return "photos"


@pytest.fixture
def functions(
    models: Path, tmp_path: Path, aws: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The environment of both functions, sharing one store; what they open is closed again."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(models))
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{tmp_path}/faces.db")
    monkeypatch.setenv("FACESEARCH_THREADS", "1")
    monkeypatch.setenv("FACESEARCH_BUCKET", "photos")
    close_services()
    yield
    close_services()


def close_services() -> None:
    """Let the next event open everything anew, as a new Lambda environment does."""
    for module in (index_faces.handler, search_faces.handler):
        if module.open_service.cache_info().currsize:
            module.open_service().store.close()
        module.open_service.cache_clear()
    search_faces.handler.read_settings.cache_clear()
    index_faces.handler.open_queue.cache_clear()
    index_faces.handler.breaker.worked()


@pytest.fixture
def store(functions: None) -> FaceStore:
    """The functions' store, to look into."""
    return index_faces.handler.open_service().store


@pytest.fixture
def photo(sample: Path) -> TakePhoto:
    """A training photo of the sample by person and place."""
    return lambda person, place: sorted((sample / "train" / person).iterdir())[place].read_bytes()


@pytest.fixture
def logs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Logs:
    """What the functions have printed: log records, then metrics."""
    stream = io.StringIO()
    for logger in (index_faces.handler.logger, search_faces.handler.logger):
        # It holds on to the stdout of the time when it was imported.
        monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return lambda: [
        json.loads(line) for line in f"{stream.getvalue()}{capsys.readouterr().out}".splitlines()
    ]


def metric_series(record: dict[str, Any]) -> dict[str, str]:
    """The dimensions, with their values, that CloudWatch keeps a printed record's metrics under."""
    (directive,) = record["_aws"]["CloudWatchMetrics"]
    (names,) = directive["Dimensions"]
    return {name: record[name] for name in names}


@pytest.fixture(scope="session")
def indexed_file(
    tmp_path_factory: pytest.TempPathFactory, pipeline: FacePipeline, sample: Path
) -> Path:
    """A store of three photos of each person; madonna's are in a collection of their own."""
    file = tmp_path_factory.mktemp("store") / "faces.db"
    photos = {
        f"s3://photos/{person}/{number}.jpg": path
        for person in PEOPLE
        for number, path in enumerate(sorted((sample / "train" / person).iterdir())[1:4])
    }

    def read(photo_id: str) -> PhotoContent:
        metadata = {"number": photo_id[-5]}
        return PhotoContent(photos[photo_id].read_bytes(), "1", metadata)

    changes = [
        PhotoToIndex(photo_id, 1, "music" if "madonna" in photo_id else "default")
        for photo_id in photos
    ]
    with open_store(f"sqlite:///{file}", pipeline.recipe) as store:
        index_photos(changes, read, pipeline, store)
    return file


@pytest.fixture
def indexed(indexed_file: Path, functions: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{indexed_file}")


@pytest.fixture
def query(sample: Path) -> TakeQuery:
    """A photo of a person that is not in the store."""
    return lambda person: sorted((sample / "val" / person).iterdir())[1].read_bytes()


@pytest.fixture(scope="session")
def served(
    models: Path, pipeline: FacePipeline, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of `facesearch serve` over three photos of each person; it takes new ones."""
    folder = tmp_path_factory.mktemp("served")
    url = f"sqlite:///{folder}/faces.db"
    index_sample(url, pipeline, sample)
    environ = {"FACESEARCH_COMMIT": "0123abc", "FACESEARCH_UPLOADS": f"{folder}/uploads"}
    with serving(url, models, environ) as address:
        yield address


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the models are built of, as an index has it."""
    folder = tmp_path_factory.mktemp("archives")
    try:
        for source in load_manifest().sources.values():
            download_archive(source, folder, RecordedSteps())
    except BuildError as error:
        missing(str(error))
    return folder
