"""The deployed stack with a network that somebody brought, then embedded again by FaceNet.

The second test goes on where the first one ends, and leaves the stack as the others want it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from facesearch.recipes.finding import find_recipe
from layers.dependencies.models_layer import build_models
from tests.e2e.stack.config import ROOT
from tests.e2e.stack.deployment import Deployment
from tests.e2e.system import RunningSystem, wait_for
from tests.integration.lambda_image import ARCHITECTURE
from tests.unit.models.brought import brought_recipe, made_up_network

pytestmark = [pytest.mark.slow, pytest.mark.long]

STEP_S = 300.0
"""Longer than the function may take."""
RETRY_S = 60
"""What a killed function had in hand comes again so soon."""

Json = Mapping[str, Any]


@pytest.fixture(scope="module")
def mine(models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of models to which the recipe was added, and the layers that were built for it."""
    folder = tmp_path_factory.mktemp("mine")
    added, build = folder / "models", folder / "build"
    shutil.copytree(models, added)
    shutil.rmtree(added / "recipes", ignore_errors=True)
    recipe, network = folder / "mine.toml", folder / "network.onnx"
    recipe.write_text(brought_recipe())
    network.write_bytes(made_up_network().SerializeToString())
    command = [sys.executable, "-m", "facesearch_local.cli", "models", "add"]
    subprocess.run(
        [*command, recipe, network], env={**os.environ, "FACESEARCH_MODELS": str(added)}, check=True
    )
    dependencies = f"layers/dependencies-{ARCHITECTURE}"
    (build / dependencies).parent.mkdir(parents=True)
    (build / dependencies).symlink_to(ROOT / "build" / dependencies)
    build_models(added, build / "layers" / "models", find_recipe("mine", added))
    return added, build


@pytest.fixture(scope="module")
def brought(
    system: RunningSystem, mine: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """The system with no index yet, and functions of the recipe that was brought."""
    system.clear()
    delete_indexes(system)
    models, build = mine
    out = tmp_path_factory.mktemp("out")
    settings = {"recipe": "mine"}
    Deployment(system.running.aws, "dev", out, settings, build=build, models=models).deploy()
    yield system
    default = Deployment(system.running.aws, "dev", out)
    default.deploy()
    system.clear()


@pytest.fixture(scope="module")
def photos(sample: Path) -> dict[str, bytes]:
    """Eight photos of each of five people, by key."""
    return {
        f"{folder.name}/{file.name}": file.read_bytes()
        for folder in sorted((sample / "train").iterdir())
        for file in sorted(folder.iterdir())[:8]
    }


def test_network_of_512_numbers_indexes_and_searches_on_the_deployed_stack(
    brought: RunningSystem, photos: dict[str, bytes]
) -> None:
    upload(brought, photos)
    assert brought.keys() == set(photos)
    for key in list(photos)[::10]:
        answer = brought.search(photos[key])
        match = answer.json["results"][0]["matches"][0]
        assert match["photo_id"] == f"s3://{brought.bucket}/{key}"
        assert match["distance"] == pytest.approx(0, abs=1e-3)
        # Nobody has measured what its distances mean.
        assert match["confidence"] is None
    version = brought.request("GET", "/v1/version").json()
    assert version["store"]["fits"] is True
    assert "mine" in str(version)
    assert dimensions(brought) == {"faces-000001": 512}


def test_all_photos_are_embedded_again_by_a_stack_beside_it_whatever_is_killed(
    brought: RunningSystem, photos: dict[str, bytes], tmp_path: Path
) -> None:
    there = brought.keys()
    upload(brought, {key: data for key, data in photos.items() if key not in there})
    aws = brought.running.aws
    beside = Deployment(aws, "dev", tmp_path / "beside", {"reembedding": "2"})
    beside.deploy()
    name = beside.stack_name
    queue = beside.outputs()["ReembeddingQueue"]
    told = status(brought, name)
    assert (told["phase"], told["photos"], told["waiting"]) == ("idle", len(photos), 0)
    assert told["left"]["photos"] == len(photos)

    with brought.prompt_retries(RETRY_S, queue, brought.role_of(name)):
        with operator(brought, name), clock_of(beside):
            # The clock begins it; the operator's command only looks on.
            wait_for(lambda: indexed(brought, "faces-000002") > 0, "photos to be embedded")
            brought.kill_function(name)
        told = status(brought, name)
        assert (told["phase"], told["new"]) == ("running", "faces-000002")
        assert 0 < told["done"] <= len(photos)

        # Meanwhile the running functions search and write, with their own recipe.
        gone, *_, late = photos
        brought.delete(gone)
        brought.put("late.jpg", photos[late])
        brought.wait_until_idle()
        assert {late, "late.jpg"} <= set(brought.found(photos[late])[:2])

        with operator(brought, name) as command:
            while step(beside)["phase"] != "done":
                pass
            said, _ = command.communicate(timeout=STEP_S)
        assert command.returncode == 0
    assert json.loads(said)["phase"] == "done"
    assert json.loads(said)["new"] == "faces-000002"
    assert brought.waiting(queue) == 0
    assert brought.waiting(beside.outputs()["ReembeddingDeadLetterQueue"]) == 0

    # The functions change to the new models and the new index.
    Deployment(aws, "dev", tmp_path / "out").deploy()
    assert dimensions(brought) == {"faces-000001": 512, "faces-000002": 128}
    assert "faces-000001 is deleted" in brought.operate("reembed", name, "--drop-old")
    assert brought.keys() == {*photos, "late.jpg"} - {gone}
    found = brought.found(photos[late])
    assert set(found[:2]) == {late, "late.jpg"}
    # FaceNet knows people again, and not only photos.
    assert all(key.startswith((late.partition("/")[0], "late")) for key in found[:3])

    beside.destroy()
    client = brought.session.client
    assert all("ReembeddingQueue" not in url for url in client("sqs").list_queues()["QueueUrls"])
    functions = client("lambda").list_functions()["Functions"]
    assert name not in [each["FunctionName"] for each in functions]
    assert brought.found(photos[late]) == found


def upload(system: RunningSystem, photos: Mapping[str, bytes]) -> None:
    for key, data in photos.items():
        system.put(key, data)
    system.wait_until_idle()


def status(system: RunningSystem, name: str) -> Json:
    """What the operator is told."""
    told: Json = json.loads(system.operate("reembed", name, "--status", "--json"))
    return told


@contextmanager
def operator(system: RunningSystem, name: str) -> Iterator["subprocess.Popen[str]"]:
    """`facesearch reembed`, which is ended by hand at last if it did not come to its end."""
    command, environment = system.operating("reembed", name, "--yes", "--json")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def clock_of(beside: Deployment) -> Iterator[None]:
    """Its clock ticks every minute meanwhile, instead of every five."""
    events = beside.session.client("events")
    (rule,) = beside.resources("AWS::Events::Rule").values()
    events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")
    try:
        yield
    finally:
        events.put_rule(Name=rule, ScheduleExpression="rate(5 minutes)")


def step(beside: Deployment) -> Json:
    """As the clock has it done, and what came of it."""
    once = {"total_max_attempts": 1}
    functions = beside.session.client("lambda", read_timeout=STEP_S, retries=once)
    asked = json.dumps({"reembed": "step"})
    answer = functions.invoke(FunctionName=beside.stack_name, Payload=asked)
    assert "FunctionError" not in answer
    state: Json = json.load(answer["Payload"])
    return state


def indexed(system: RunningSystem, index: str) -> int:
    """How many photos are in an index, which may not be there yet."""
    system.opensearch("POST", "/faces-*/_refresh")
    counted: list[Json] = system.opensearch("GET", f"/_cat/indices/{index}*?format=json")
    return sum(int(each["docs.count"]) for each in counted)


def dimensions(system: RunningSystem) -> dict[str, int]:
    """How many numbers a face is in each index, as its mapping says."""
    mappings = system.opensearch("GET", "/faces-*/_mapping")
    return {
        name: each["mappings"]["properties"]["faces"]["properties"]["embedding"]["dimension"]
        for name, each in mappings.items()
    }


def delete_indexes(system: RunningSystem) -> None:
    for index in system.opensearch("GET", "/_cat/indices/faces-*?format=json"):
        system.opensearch("DELETE", f"/{index['index']}")
