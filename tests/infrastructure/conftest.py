"""Templates for the tests: each is synthesised once, with folders that stand for built layers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cdk.settings import read_settings
from cdk.synthesis import build_app
from tests.infrastructure.template import Template

Synthesise = Callable[..., Template]

WEB_ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/rules/a1b2c3d4"
CUSTOMISED = {
    "architecture": "arm64",
    "authorisation": "cognito",
    "user_pool_arn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abcdefghi",
    "domain_endpoint": "search-people-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com",
    "cors_origins": "https://photos.example,https://album.example",
    "start": "provisioned",
    "alarm_email": "operator@photos.example",
    "prefix": "photos/",
    "suffixes": ".jpg,.png",
    "collections": "tag",
    "deletion": "true",
    "allow": "deletion",
    "tracing": "true",
    "compression": "4x",
    "photo_storage": "intelligent-tiering",
    "customer_key": "true",
    "canary": "true",
    "web_acl_arn": WEB_ACL,
    "api_domain": "faces.photos.example",
    "certificate_arn": "arn:aws:acm:eu-west-1:123456789012:certificate/0123-abcd",
    "searches": "40",
    "log_days": "30",
    "views": "2",
    "min_face_size": "40",
    "min_sharpness": "30",
    "min_detection_score": "0.95",
    "max_faces": "50",
    "very_likely_distance": "0.7",
}
"""Every setting that can be other than it comes, is."""

PRIVATE_DOMAIN = "vpc-faces-abcdefghijklmnopqrstuvwxyz.eu-west-1.es.amazonaws.com"
NETWORK = {
    "vpc_id": "vpc-0a1b2c3d4e5f60718",
    "subnet_ids": "subnet-0a1b2c3d4e5f60711,subnet-0a1b2c3d4e5f60712,subnet-0a1b2c3d4e5f60713",
    "security_group_id": "sg-0a1b2c3d4e5f60718",
}
"""The settings that name an existing network."""


@pytest.fixture(scope="session")
def built_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder whose layers hold one small file each."""
    build = tmp_path_factory.mktemp("build")
    for folder in ("dependencies-x86_64/python", "dependencies-arm64/python", "models/models"):
        layer = build / "layers" / folder
        layer.mkdir(parents=True)
        (layer / "placeholder").touch()
    (build / "layers/models/models/facenet-int8.onnx").touch()
    return build


@pytest.fixture(scope="session")
def template_of(built_layers: Path, tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """The template of a context: what `-c name=value` would say."""
    done: dict[str, Template] = {}

    def synthesised(**context: str) -> Template:
        name = repr(sorted(context.items()))
        if name not in done:
            out = tmp_path_factory.mktemp("cdk.out")
            app = build_app(out=out, build=built_layers, context=context)
            app.synth()
            (path,) = out.glob("*.template.json")
            done[name] = Template(read_settings(context), path)
        return done[name]

    return synthesised


@pytest.fixture(scope="session", params=["dev", "prod"])
def template(request: pytest.FixtureRequest, template_of: Synthesise) -> Template:
    """Each stage, as it comes."""
    return template_of(stage=request.param)


@pytest.fixture(scope="session")
def dev(template_of: Synthesise) -> Template:
    return template_of(stage="dev")


@pytest.fixture(scope="session")
def prod(template_of: Synthesise) -> Template:
    return template_of(stage="prod")


@pytest.fixture(scope="session")
def customised(template_of: Synthesise) -> Template:
    return template_of(**CUSTOMISED)
