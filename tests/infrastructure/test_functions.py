"""The functions: that each gets what its code asks for, and the events that it waits for."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cdk.assets import FACESEARCH_LAYER, ROOT, commit
from cdk.settings import read_settings
from cdk.synthesis import build_app
from facesearch.collections import CollectionRule
from facesearch.planning.hnsw import hnsw_for
from facesearch.recipes.finding import built_in
from facesearch.stages import METRICS_NAMESPACE, metric_dimensions
from facesearch.stores.opensearch.settings import OpenSearchSettings
from facesearch.vision.limits import NO_LIMITS, IndexLimits
from index_faces.settings import IndexSettings
from search_faces.settings import SearchSettings
from tests.infrastructure.conftest import Synthesise
from tests.infrastructure.template import ENDPOINT, Resource, Template

PACKAGES = ("index_faces", "search_faces")
SETTINGS: Mapping[str, type[IndexSettings] | type[SearchSettings]] = {
    "index_faces": IndexSettings,
    "search_faces": SearchSettings,
}

LAMBDA_LIMITS = {"MemorySize": 10_240, "Timeout": 900}


class RecordingEnvironment(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def function(template: Template, package: str) -> Resource:
    properties: Resource = template.function(package)["Properties"]
    return properties


def test_function_runs_python_3_13_with_the_computed_size(
    template: Template, function: Resource, package: str
) -> None:
    sizing = template.settings.sizing
    size = sizing.ingestion if package == "index_faces" else sizing.search
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["x86_64"]
    assert (function["MemorySize"], function["Timeout"]) == (size.memory_mb, size.timeout_s)
    assert all(function[name] <= limit for name, limit in LAMBDA_LIMITS.items())


def test_function_has_three_layers_for_its_architecture(
    template: Template, function: Resource
) -> None:
    layers = [template.target(reference) for reference in function["Layers"]]
    assert len(layers) == 3
    for layer in layers:
        assert layer["Properties"]["CompatibleArchitectures"] == function["Architectures"]


def test_function_environment_holds_every_key_that_its_settings_ask_for_and_no_other(
    template: Template, package: str
) -> None:
    environment = RecordingEnvironment(template.environment(package))
    settings = SETTINGS[package].from_env(environment)
    assert metric_dimensions(environment) == {"stack": f"facesearch-{template.settings.stage}"}
    given = {name for name in environment if name.startswith("FACESEARCH_")}
    assert environment.asked == given
    assert settings.shared.models == Path("/opt/models")
    assert settings.shared.threads >= 1


def test_functions_know_which_photos_are_indexed_and_what_names_their_collections(
    dev: Template, customised: Template
) -> None:
    for read, package in ((each.from_env, package) for package, each in SETTINGS.items()):
        collections = read(customised.environment(package)).collections
        assert collections == CollectionRule("tag", "photos/")
        assert read(dev.environment(package)).collections == CollectionRule("prefix")


def test_index_function_knows_what_a_face_must_reach(dev: Template, customised: Template) -> None:
    limits = IndexSettings.from_env(customised.environment("index_faces")).shared.limits
    assert limits == IndexLimits(
        min_face_size=40, min_sharpness=30, min_detection_score=0.95, max_faces=50
    )
    assert IndexSettings.from_env(dev.environment("index_faces")).shared.limits == NO_LIMITS


def test_search_function_knows_the_bucket_and_what_may_be_added_to_it(
    dev: Template, customised: Template, template_of: Synthesise
) -> None:
    bucket = "<AWS::S3::Bucket>"
    search = SearchSettings.from_env(customised.environment("search_faces"))
    assert (search.bucket, search.uploads, search.suffixes) == (bucket, True, (".jpg", ".png"))
    assert search.upload_origin == f"https://{bucket}.s3.eu-west-1.amazonaws.com"
    assert search.cors_origins == ("https://photos.example", "https://album.example")
    assert search.shared.very_likely == 0.7
    assert search.deletion
    plain = SearchSettings.from_env(dev.environment("search_faces"))
    assert plain.shared.very_likely is None
    assert not plain.deletion
    assert (plain.uploads, plain.suffixes, plain.cors_origins) == (True, (), ())
    off = SearchSettings.from_env(template_of(uploads="false").environment("search_faces"))
    assert (off.uploads, off.upload_origin) == (False, "")


def test_search_function_knows_the_commit_that_it_is_made_from(template_of: Synthesise) -> None:
    template = template_of(log_days="7")
    search = SearchSettings.from_env(template.environment("search_faces"))
    assert search.commit == (commit() or "")
    if shutil.which("git") and (ROOT / ".git").exists():
        assert re.fullmatch("[0-9a-f]{40}(-dirty)?", commit() or "")


def test_stack_is_made_where_there_is_no_git(
    template_of: Synthesise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    environment = template_of(log_days="14").environment("search_faces")
    assert SearchSettings.from_env(environment).commit == ""


def test_function_store_is_the_stack_s_index_as_large_as_computed(
    template: Template, package: str
) -> None:
    store = OpenSearchSettings.from_url(template.environment(package)["FACESEARCH_STORE"])
    size = template.settings.sizing.index
    assert (store.host, store.port, store.aws, store.tls) == (ENDPOINT, 443, True, True)
    assert store.region == "eu-west-1"
    assert (store.shape.shards, store.replicas) == (size.shards, size.replicas)
    shape, hnsw = store.shape, hnsw_for(size.faces_in_shard)
    assert (shape.m, shape.ef_construction, store.ef_search) == (
        (hnsw.m, hnsw.ef_construction, hnsw.ef_search)
    )
    assert store.shape.compression == template.settings.compression


def test_store_gives_up_before_the_function_does(template: Template) -> None:
    environment = template.environment("index_faces")
    store = OpenSearchSettings.from_url(environment["FACESEARCH_STORE"])
    timeout_s = template.function("index_faces")["Properties"]["Timeout"]
    assert store.retry_s + store.write_timeout_s < timeout_s
    search_s = template.function("search_faces")["Properties"]["Timeout"]
    assert store.timeout_s < search_s < 29


def test_function_reports_under_its_own_name(template: Template, package: str) -> None:
    environment = template.environment(package)
    assert environment["POWERTOOLS_SERVICE_NAME"] == package
    assert environment["POWERTOOLS_METRICS_NAMESPACE"] == METRICS_NAMESPACE


def test_function_code_holds_its_own_package_only(template: Template, package: str) -> None:
    metadata = template.function(package)["Metadata"]
    code = template.path.parent / metadata["aws:asset:path"]
    assert [each.name for each in code.iterdir()] == [package]
    assert (code / package / "handler.py").is_file()
    assert not list(code.rglob("__pycache__"))


def test_search_function_holds_the_document_and_the_page(dev: Template) -> None:
    metadata = dev.function("search_faces")["Metadata"]
    code = dev.path.parent / metadata["aws:asset:path"] / "search_faces"
    assert {"openapi.json", "docs", "page", "routes"} <= {each.name for each in code.iterdir()}


def test_package_layer_is_its_folder_whole(template: Template) -> None:
    folders = [
        template.path.parent / layer["Metadata"]["aws:asset:path"]
        for layer in template.of_type("AWS::Lambda::LayerVersion")
    ]
    (layer,) = (folder for folder in folders if (folder / "python/facesearch").is_dir())
    there = {path.relative_to(layer) for path in layer.rglob("*") if path.is_file()}
    files = {path.relative_to(FACESEARCH_LAYER) for path in FACESEARCH_LAYER.rglob("*")}
    assert there == {
        path
        for path in files
        if (FACESEARCH_LAYER / path).is_file() and "__pycache__" not in path.parts
    }


def test_logs_are_kept_as_long_as_the_stage_says(template: Template) -> None:
    days = template.settings.log_days
    for package in PACKAGES:
        reference = template.function(package)["Properties"]["LoggingConfig"]["LogGroup"]
        assert template.target(reference)["Properties"]["RetentionInDays"] == days
    assert all(
        "RetentionInDays" in group["Properties"]
        for group in template.of_type("AWS::Logs::LogGroup")
    )


def test_index_function_takes_batches_of_the_queue_and_fails_message_by_message(
    template: Template,
) -> None:
    size = template.settings.sizing.ingestion
    mapping = template.one("AWS::Lambda::EventSourceMapping")["Properties"]
    assert template.target(mapping["FunctionName"]) is template.function("index_faces")
    queue = template.target(mapping["EventSourceArn"])
    assert "RedrivePolicy" in queue["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (
        size.batch_size,
        size.window_s,
    )
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": size.concurrency}


def test_messages_may_go_round_more_often_than_lambda_lets_loops(template: Template) -> None:
    # Lambda drops a message that a function has sent to its own queue 16 times.
    assert template.function("index_faces")["Properties"]["RecursiveLoop"] == "Allow"
    assert "RecursiveLoop" not in template.function("search_faces")["Properties"]


@pytest.mark.parametrize(
    ("stage", "snapshots"), [("dev", None), ("prod", {"ApplyOn": "PublishedVersions"})]
)
def test_search_alias_points_at_a_published_version(
    stage: str, snapshots: object, dev: Template, prod: Template
) -> None:
    template = {"dev": dev, "prod": prod}[stage]
    alias = template.one("AWS::Lambda::Alias")["Properties"]
    version = template.target(alias["FunctionVersion"])
    assert template.target(version["Properties"]["FunctionName"]) is template.function(
        "search_faces"
    )
    assert template.function("search_faces")["Properties"].get("SnapStart") == snapshots
    assert "ProvisionedConcurrencyConfig" not in alias
    assert "SnapStart" not in template.function("index_faces")["Properties"]


def test_search_alias_is_kept_warm_when_provisioned(customised: Template) -> None:
    alias = customised.one("AWS::Lambda::Alias")["Properties"]
    warm = customised.settings.sizing.search.concurrency
    assert warm > 1
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": warm}
    assert "SnapStart" not in customised.function("search_faces")["Properties"]


@pytest.mark.parametrize(("stage", "mode"), [("dev", None), ("prod", {"Mode": "Active"})])
def test_tracing_follows_the_stage(stage: str, mode: object, dev: Template, prod: Template) -> None:
    template = {"dev": dev, "prod": prod}[stage]
    for package in PACKAGES:
        assert template.function(package)["Properties"].get("TracingConfig") == mode
    assert template.one("AWS::ApiGateway::Stage")["Properties"]["TracingEnabled"] is (
        stage == "prod"
    )


def test_arm64_is_said_of_functions_and_layers(customised: Template) -> None:
    for package in PACKAGES:
        assert customised.function(package)["Properties"]["Architectures"] == ["arm64"]
    for layer in customised.of_type("AWS::Lambda::LayerVersion"):
        assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]


def test_both_functions_make_embeddings_of_as_many_views_as_are_set(
    customised: Template, package: str
) -> None:
    settings = SETTINGS[package].from_env(customised.environment(package))
    assert settings.shared.recipe == built_in("facenet-two-views")


@pytest.mark.parametrize("layer", ["dependencies-x86_64/python", "models/models"])
def test_new_layer_alone_publishes_a_new_version_for_the_alias(layer: str, tmp_path: Path) -> None:
    folders = ("dependencies-x86_64/python", "models/models")

    def version(build: Path, changed: str | None) -> str:
        for folder in folders:
            (build / "layers" / folder).mkdir(parents=True)
            (build / "layers" / folder / "file").write_text("new" if folder == changed else "old")
        (build / "layers/models/models/facenet-int8.onnx").touch()
        app = build_app(out=build / "cdk.out", build=build, context={})
        app.synth()
        (path,) = (build / "cdk.out").glob("*.template.json")
        alias = Template(read_settings({}), path).one("AWS::Lambda::Alias")["Properties"]
        name: str = alias["FunctionVersion"]["Fn::GetAtt"][0]
        return name

    # The CDK remembers a folder's contents for as long as its process runs.
    before = version(tmp_path / "before", changed=None)
    assert version(tmp_path / "same", changed=None) == before
    assert version(tmp_path / "after", changed=layer) != before


def test_new_version_answers_a_tenth_first_and_goes_back_by_an_alarm_where_set(
    customised: Template, template: Template
) -> None:
    assert "UpdatePolicy" not in template.one("AWS::Lambda::Alias")
    update = customised.one("AWS::Lambda::Alias")["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    group = customised.target(update["DeploymentGroupName"])["Properties"]
    assert customised.target(update["ApplicationName"]) is customised.target(
        group["ApplicationName"]
    )
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent10Minutes"
    rollback = group["AutoRollbackConfiguration"]
    assert rollback["Enabled"] is True
    assert {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"} <= set(rollback["Events"])
    (alarm,) = group["AlarmConfiguration"]["Alarms"]
    watched = customised.target(alarm["Name"])["Properties"]
    assert watched["MetricName"] == "5XXError"
    # It must ring by the canary's tenth alone, and before the ten minutes are over.
    assert watched["Threshold"] < 0.1
    assert watched["EvaluationPeriods"] * watched["Period"] < 600
