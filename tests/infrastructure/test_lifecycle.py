"""A stack's life: created at the second try, protected, deleted, and taken back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cdk.deployed import main, record
from cdk.record import STAGES, read_record
from cdk.settings import read_settings
from cdk.synthesis import build_app
from facesearch.errors import SettingsError
from tests.infrastructure.conftest import NETWORK, PRIVATE_DOMAIN, Synthesise
from tests.infrastructure.template import Template

ACCOUNT = "123456789012"
REGION = "eu-west-1"
STACK = "facesearch-prod"


def kept(template: Template) -> dict[str, Any]:
    """What outlives the stack."""
    return {
        name: resource
        for name, resource in template.resources.items()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    }


def references(value: Any) -> Iterator[str]:
    """The logical ids in a resource's properties."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            yield name
        case dict():
            for each in value.values():
                yield from references(each)
        case list():
            for each in value:
                yield from references(each)


def test_failed_first_deployment_keeps_nothing_that_hinders_the_next(prod: Template) -> None:
    kinds = {
        resource["Type"]
        for resource in kept(prod).values()
        if resource["DeletionPolicy"] != "RetainExceptOnCreate"
    }
    # The gateway's role for logs is the account's: other APIs log by it, and it has no fixed name.
    assert kinds == {"AWS::ApiGateway::Account", "AWS::IAM::Role"}


def test_buckets_are_made_when_the_domain_is_there(prod: Template) -> None:
    # By then little can fail, and no access log is in a bucket that a rollback has to delete.
    domains = {
        name
        for name, resource in prod.resources.items()
        if resource["Type"] == "AWS::OpenSearchService::Domain"
    }
    for bucket in prod.of_type("AWS::S3::Bucket"):
        assert domains < set(bucket["DependsOn"])


def test_nothing_that_outlives_prod_needs_what_does_not(prod: Template) -> None:
    # AWS deletes these although something names them: events and logs then go nowhere.
    may_go = {"AWS::SQS::Queue", "AWS::Logs::LogGroup"}
    remaining = kept(prod)
    needed = {name for each in remaining.values() for name in references(each["Properties"])}
    gone = {prod.resources[name]["Type"] for name in needed & set(prod.resources) - set(remaining)}
    assert gone == may_go


@pytest.mark.parametrize(
    "kind",
    [
        "VPC",
        "Subnet",
        "SecurityGroup",
        "SecurityGroupIngress",
        "VPCEndpoint",
        "RouteTable",
        "FlowLog",
    ],
)
def test_network_outlives_the_stack_with_its_domain(
    kind: str, prod: Template, template_of: Synthesise
) -> None:
    for template, policy in (
        (prod, "RetainExceptOnCreate"),
        (template_of(stage="dev", vpc="true"), "Delete"),
    ):
        parts = template.of_type(f"AWS::EC2::{kind}")
        assert parts
        assert {part["DeletionPolicy"] for part in parts} == {policy}


def test_network_and_domain_that_were_kept_are_taken_back(
    template_of: Synthesise, prod: Template
) -> None:
    template = template_of(stage="prod", domain_endpoint=PRIVATE_DOMAIN, **NETWORK)
    assert not template.of_type("AWS::OpenSearchService::Domain")
    assert not [each for each in template.resources.values() if "::EC2::" in each["Type"]]
    for package in ("index_faces", "search_faces"):
        place = template.function(package)["Properties"]["VpcConfig"]
        assert place["SecurityGroupIds"] == [NETWORK["security_group_id"]]
        assert place["SubnetIds"] == NETWORK["subnet_ids"].split(",")
        url = template.environment(package)["FACESEARCH_STORE"]
        assert url.startswith(f"opensearch+aws://{PRIVATE_DOMAIN}/faces?")
    # The outputs of the stack that is deleted have the settings' names.
    outputs = json.loads(prod.path.read_text())["Outputs"]
    assert {"VpcId", "SubnetIds", "SecurityGroupId", "IndexEndpoint"} <= set(outputs)


def test_new_domain_goes_into_an_existing_network(template_of: Synthesise) -> None:
    template = template_of(stage="prod", **NETWORK)
    place = template.one("AWS::OpenSearchService::Domain")["Properties"]["VPCOptions"]
    assert place["SubnetIds"] == NETWORK["subnet_ids"].split(",")
    rule = template.one("AWS::EC2::SecurityGroupIngress")["Properties"]
    assert rule["SourceSecurityGroupId"] == NETWORK["security_group_id"]
    assert place["SecurityGroupIds"] == [rule["GroupId"]]
    index = template.one("AWS::EC2::SecurityGroup")
    assert index["Properties"]["VpcId"] == NETWORK["vpc_id"]


def deployed(built_layers: Path, out: Path, **context: str) -> dict[str, Any]:
    """The template as the CDK's command line has it made, where it knows account and region."""
    build_app(
        out=out,
        build=built_layers,
        account=ACCOUNT,
        region=REGION,
        context={"stage": "prod", **context},
    ).synth()
    template: dict[str, Any] = json.loads((out / f"{STACK}.template.json").read_text())
    return template


def test_buckets_can_be_taken_back(built_layers: Path, tmp_path: Path) -> None:
    # AWS: a static name, a deletion policy of Retain or RetainExceptOnCreate, and the primary
    # identifier in the template, which is a bucket's name.
    template = deployed(built_layers, tmp_path, restoring="true")
    buckets = [each for each in template["Resources"].values() if each["Type"] == "AWS::S3::Bucket"]
    assert {each["DeletionPolicy"] for each in buckets} == {"RetainExceptOnCreate"}
    assert {each["Properties"]["BucketName"] for each in buckets} == {
        f"{STACK}-photos-{ACCOUNT}-{REGION}",
        f"{STACK}-access-{ACCOUNT}-{REGION}",
        f"{STACK}-snapshots-{ACCOUNT}-{REGION}",
    }


def test_deployment_after_taking_back_sets_the_notifications_and_nothing_else(
    built_layers: Path, tmp_path: Path
) -> None:
    # CloudFormation imports a bucket as it is, and changes later what differs between templates.
    first = deployed(built_layers, tmp_path / "first", restoring="true")["Resources"]
    second = deployed(built_layers, tmp_path / "second")["Resources"]
    (name,) = (name for name in second if first[name] != second[name])
    notified = second[name]["Properties"].pop("NotificationConfiguration")
    assert notified["QueueConfigurations"]
    assert first == second


@pytest.fixture
def stages(tmp_path: Path) -> Path:
    """The stages' files, without records."""
    folder = tmp_path / "stages"
    folder.mkdir()
    for file in STAGES.glob("*.toml"):
        (folder / file.name).write_text(file.read_text())
    return folder


class CloudFormation:
    """Moto's, with the protection of stacks, which it has not."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.protected: set[str] = set()

    def update_termination_protection(
        self,
        *,
        StackName: str,  # noqa: N803 (AWS's name)
        EnableTerminationProtection: bool,  # noqa: N803
    ) -> None:
        assert EnableTerminationProtection
        self.protected.add(StackName)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudFormation]:
    """An account's CloudFormation."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws():
        yield CloudFormation(boto3.client("cloudformation", region_name=REGION))


def deploy(account: CloudFormation, template: Template) -> None:
    """A stack with the template's output of settings; the rest of it is not needed here."""
    outputs = json.loads(template.path.read_text())["Outputs"]
    body = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Settings": outputs["Settings"]},
    }
    account.create_stack(StackName=template.settings.stack, TemplateBody=json.dumps(body))


def protection_of_the_next_deployment(built_layers: Path, out: Path, stages: Path) -> bool:
    """What the CDK's command line sets before it changes anything."""
    context = {"stage": "prod"}
    app = build_app(out=out, build=built_layers, region=REGION, context=context, stages=stages)
    app.synth()
    manifest = json.loads((out / "manifest.json").read_text())
    return bool(manifest["artifacts"][STACK]["properties"].get("terminationProtection"))


def test_prod_is_protected_once_it_was_deployed_and_not_before(
    account: CloudFormation, stages: Path, built_layers: Path, tmp_path: Path, prod: Template
) -> None:
    assert not protection_of_the_next_deployment(built_layers, tmp_path / "first", stages)
    deploy(account, prod)
    done = record(STACK, account, stages)
    assert done == (
        "facesearch-prod is recorded in cdk/stages/deployed/facesearch-prod.eu-west-1.json: "
        "commit it; it is protected from being deleted"
    )
    assert account.protected == {STACK}
    assert protection_of_the_next_deployment(built_layers, tmp_path / "second", stages)


def test_index_that_keeps_another_shape_is_told_with_what_to_run(
    account: CloudFormation, stages: Path, built_layers: Path, tmp_path: Path, prod: Template
) -> None:
    deploy(account, prod)
    record(STACK, account, stages)

    def told(**context: str) -> str:
        context = {"stage": "prod", **context}
        out = tmp_path / repr(sorted(context))
        app = build_app(out=out, build=built_layers, region=REGION, context=context, stages=stages)
        app.synth()
        return "".join(
            entry["data"]
            for path in out.glob("*.metadata.json")
            for entries in json.loads(path.read_text()).values()
            for entry in entries
            if entry["type"] == "aws:cdk:info"
        )

    assert told() == ""
    larger = told(faces="300M", replicas="2", compression="4x")
    before = prod.settings.sizing.index.shards
    assert f"The index that is there has shards {before}, not " in larger
    assert "replicas 1, not 2, compression 1x, not 4x" in larger
    assert "'facesearch reembed facesearch-prod-reembedding'" in larger


def test_dev_is_recorded_and_not_protected(
    account: CloudFormation, stages: Path, dev: Template
) -> None:
    deploy(account, dev)
    assert "protected" not in record("facesearch-dev", account, stages)
    running = read_record("facesearch-dev", REGION, stages)
    assert running is not None
    assert (running["faces"], running["vpc"]) == (100_000, False)


def test_record_of_a_stack_that_was_destroyed_is_removed(
    account: CloudFormation, stages: Path, prod: Template, built_layers: Path, tmp_path: Path
) -> None:
    deploy(account, prod)
    record(STACK, account, stages)
    account.delete_stack(StackName=STACK)
    assert record(STACK, account, stages).startswith("facesearch-prod is gone from eu-west-1")
    assert read_record(STACK, REGION, stages) is None
    assert not protection_of_the_next_deployment(built_layers, tmp_path, stages)


def test_stack_that_was_never_deployed_is_not_recorded(
    account: CloudFormation, stages: Path
) -> None:
    with pytest.raises(SettingsError, match=r"^there is no stack facesearch-prod in eu-west-1"):
        record(STACK, account, stages)


def test_failed_creation_is_not_recorded(account: CloudFormation, stages: Path) -> None:
    bad = {"Resources": {"Role": {"Type": "AWS::SQS::Queue"}}}
    account.create_change_set(
        StackName=STACK, ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=json.dumps(bad)
    )
    with pytest.raises(SettingsError, match=r"^facesearch-prod is REVIEW_IN_PROGRESS: repeat"):
        record(STACK, account, stages)
    assert read_record(STACK, REGION, stages) is None


def test_broken_record_is_refused_with_the_way_to_make_it_again(stages: Path) -> None:
    (stages / "deployed").mkdir()
    (stages / "deployed" / f"{STACK}.{REGION}.json").write_text("{")
    with pytest.raises(SettingsError, match=rf"{STACK}\.{REGION}\.json: .* cdk\.deployed {STACK}"):
        read_settings({"stage": "prod"}, region=REGION, stages=stages)


@pytest.fixture
def running(account: CloudFormation, stages: Path, prod: Template) -> Path:
    """The stages' files, with the record of prod."""
    deploy(account, prod)
    record(STACK, account, stages)
    return stages


def edit(stages: Path, old: str, new: str) -> None:
    file = stages / "prod.toml"
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize("allowed", ["", "vpc"])
def test_vpc_of_a_running_stack_cannot_be_flipped(running: Path, allowed: str) -> None:
    edit(running, "vpc = true", "vpc = false")
    with pytest.raises(SettingsError) as raised:
        read_settings({"stage": "prod", "allow": allowed}, region=REGION, stages=running)
    assert str(raised.value) == (
        "setting vpc is false, but true in what runs (facesearch-prod in eu-west-1): a domain "
        "cannot go into a private network, or out of one. Leave it, or move the photos to a "
        "second stack (-c name=…): cdk/README.md, 'Move to another stack'"
    )


def test_vpc_of_another_stack_or_region_is_free(running: Path) -> None:
    edit(running, "vpc = true", "vpc = false")
    assert not read_settings({"stage": "prod"}, region="eu-west-2", stages=running).vpc
    other = {"stage": "prod", "name": "second"}
    assert not read_settings(other, region=REGION, stages=running).vpc


def test_running_domain_is_not_left_for_another(running: Path) -> None:
    context = {"stage": "prod", "domain_endpoint": PRIVATE_DOMAIN, **NETWORK}
    with pytest.raises(SettingsError, match=r"^setting domain_endpoint is .*, but '' in what runs"):
        read_settings(context, region=REGION, stages=running)


def test_what_was_deployed_with_an_option_cannot_be_forgotten(
    account: CloudFormation, stages: Path, template_of: Synthesise
) -> None:
    deploy(account, template_of(stage="prod", faces="100M", authorisation="iam"))
    record(STACK, account, stages)
    refusal = r"^setting faces is 10,000,000, but 100,000,000 in what runs \(facesearch-prod in"
    with pytest.raises(SettingsError, match=refusal):
        read_settings({"stage": "prod"}, region=REGION, stages=stages)
    with pytest.raises(SettingsError, match=r"^setting authorisation is api-key, but iam in what"):
        read_settings({"stage": "prod", "faces": "100M"}, region=REGION, stages=stages)
    both = {"stage": "prod", "allow": "faces,authorisation"}
    assert read_settings(both, region=REGION, stages=stages).faces == 10_000_000


def test_broken_network_is_refused_by_name() -> None:
    for context, name in (
        ({"vpc_id": NETWORK["vpc_id"]}, "subnet_ids"),
        ({**NETWORK, "vpc_id": "mine"}, "vpc_id"),
        ({**NETWORK, "vpc_id": ""}, "subnet_ids"),
        ({**NETWORK, "subnet_ids": "subnet-0a1b2c3d"}, "subnet_ids"),
        ({**NETWORK, "security_group_id": ""}, "security_group_id"),
        ({**NETWORK, "vpc": "false", "allow": "vpc"}, "vpc"),
        ({"domain_endpoint": PRIVATE_DOMAIN}, "vpc_id"),
    ):
        with pytest.raises(SettingsError, match=rf"^setting {name} is "):
            read_settings({"stage": "prod", **context})


def test_command_tells_what_is_wrong_in_one_line(
    account: CloudFormation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As the CDK reads it, and as an option.
    monkeypatch.setenv("AWS_REGION", REGION)
    for options, region in (([], REGION), (["--region", "eu-west-2"], "eu-west-2")):
        monkeypatch.setattr("sys.argv", ["cdk.deployed", "facesearch-nowhere", *options])
        assert main() == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line == f"error: there is no stack facesearch-nowhere in {region}: deploy it first"
