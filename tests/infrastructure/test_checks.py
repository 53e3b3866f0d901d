"""The templates against other people's rules: cdk-nag, cfn-lint and the CDK's own validation."""

import json
from pathlib import Path

import pytest
from aws_cdk import Stack, Validations
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from cdk.synthesis import build_app
from tests.infrastructure.conftest import CUSTOMISED, NETWORK, PRIVATE_DOMAIN, Synthesise

VARIANTS = {
    "dev": {"stage": "dev"},
    "prod": {"stage": "prod"},
    "small": {"stage": "small"},
    "customised": CUSTOMISED,
    "iam": {"authorisation": "iam"},
    "reembedding": {"stage": "prod", "reembedding": "50", "customer_key": "true"},
    "existing bucket": {"stage": "prod", "bucket": "company-photos"},
    "restored": {"stage": "prod", "domain_endpoint": PRIVATE_DOMAIN, **NETWORK},
}
# The CDK itself makes functions depend on the role that they name anyway.
IGNORED = ["W3005"]


@pytest.fixture(params=sorted(VARIANTS))
def context(request: pytest.FixtureRequest) -> dict[str, str]:
    return VARIANTS[request.param]


@pytest.mark.slow
def test_security_rules_hold_or_are_justified(
    context: dict[str, str], built_layers: Path, tmp_path: Path
) -> None:
    app = build_app(out=tmp_path, build=built_layers, context=context)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


@pytest.mark.slow
def test_security_rules_find_what_nobody_justified(built_layers: Path, tmp_path: Path) -> None:
    app = build_app(out=tmp_path, build=built_layers)
    (stack,) = app.node.children
    assert isinstance(stack, Stack)
    s3.CfnBucket(stack, "Open")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="S3 Bucket has server access logs disabled"):
        app.synth()


@pytest.mark.slow
def test_template_passes_cfn_lint(context: dict[str, str], template_of: Synthesise) -> None:
    text = template_of(**context).path.read_text()
    regions = ["us-east-1", "eu-west-1"]
    found = lint(text, config=ManualArgs(regions=regions, ignore_checks=IGNORED))
    assert [str(match) for match in found] == []


@pytest.mark.slow
def test_cfn_lint_finds_a_property_that_is_none(template_of: Synthesise) -> None:
    template = json.loads(template_of(stage="dev").path.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::SQS::Queue":
            resource["Properties"]["VisibilityTimeOut"] = 1
    assert lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))


def test_cdk_finds_nothing_to_warn_of(context: dict[str, str], template_of: Synthesise) -> None:
    folder = template_of(**context).path.parent
    report = json.loads((folder / "validation-report.json").read_text())
    assert report["pluginReports"] == []
