"""The CDK's own deployment, as an operator runs it, on an AWS that enforces IAM."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.stack.config import ROOT
from tests.e2e.stack.deployment import Deployment
from tests.e2e.stack.errors import StackError
from tests.integration.lambda_image import ARCHITECTURE

pytestmark = pytest.mark.slow

SOURCE = ("app.py", "cdk.json", "cdk", "functions", "layers")


@pytest.fixture(scope="module")
def dev(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """What is in this checkout, deployed; later tests change it."""
    deployment = Deployment(aws, "dev", tmp_path_factory.mktemp("dev") / "cdk.out")
    deployment.deploy()
    return deployment


@pytest.fixture
def changed(tmp_path: Path) -> tuple[Path, Path]:
    """A checkout and its built layers, for a test to change."""
    source, build = copy_source(tmp_path / "source"), tmp_path / "build"
    for layer in (f"dependencies-{ARCHITECTURE}", "models"):
        # Links would be followed into the asset all the same.
        shutil.copytree(ROOT / "build" / "layers" / layer, build / "layers" / layer)
    return source, build


def copy_source(folder: Path) -> Path:
    """What is deployed of this checkout, for a test to change."""
    folder.mkdir()
    for name in SOURCE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder


def page(deployment: Deployment) -> requests.Response:
    """The deployed page; it needs no key and no index."""
    return requests.get(f"{deployment.api_url()}/", timeout=120, verify=deployment.certificate)


def live_version(deployment: Deployment) -> int:
    """The version of the search function that the API calls."""
    functions = deployment.session.client("lambda")
    (name,) = (
        each["FunctionName"]
        for each in functions.list_functions()["Functions"]
        if "SearchFaces" in each["FunctionName"]
    )
    return int(functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"])


def break_at_the_end(source: Path) -> str:
    """Add an alias that is there already, when all else is; returns what `cdk/stack.py` was."""
    stack = source / "cdk" / "stack.py"
    whole = stack.read_text()
    broken = """
        from aws_cdk import aws_lambda
        version = search.function.current_version.version
        last = aws_lambda.CfnAlias(
            self,
            "Broken",
            name=search.alias.alias_name,
            function_name=search.function.function_name,
            function_version=version,
        )
        last.node.add_dependency(api, ingestion, search)
"""
    stack.write_text(whole.replace("        outputs = {", f"{broken}        outputs = {{", 1))
    return whole


def test_first_deployment_that_fails_half_way_is_repeated_and_its_end_leaves_nothing(
    aws: dict[str, str], tmp_path: Path, changed: tuple[Path, Path]
) -> None:
    source, _ = changed
    whole = break_at_the_end(source)
    deployment = Deployment(aws, "dev", tmp_path / "cdk.out", source=source)
    with pytest.raises(StackError, match="Broken"):
        deployment.deploy()
    (source / "cdk/stack.py").write_text(whole)
    deployment.deploy()
    assert page(deployment).status_code == 200
    deployment.destroy()
    client = deployment.session.client
    assert client("lambda").list_functions()["Functions"] == []
    assert client("sqs").list_queues().get("QueueUrls", []) == []
    assert client("opensearch").list_domain_names()["DomainNames"] == []
    assert client("apigateway").get_rest_apis()["items"] == []
    (staging,) = (each["Name"] for each in client("s3").list_buckets()["Buckets"])
    assert staging.startswith("cdk-")


@pytest.mark.long
def test_prod_is_protected_and_its_data_outlives_it(
    aws: dict[str, str], tmp_path: Path, changed: tuple[Path, Path]
) -> None:
    source, _ = changed
    # The emulator has no flow logs, and not every rule of a security group.
    alone = {"vpc": "false", "allow": "vpc"}
    prod = Deployment(aws, "prod", tmp_path / "prod.out", alone, source=source)
    prod.deploy()
    assert page(prod).status_code == 200
    assert "is protected from being deleted" in record(source, aws)
    assert prod.diff().returncode == 0
    with pytest.raises(StackError, match="TerminationProtection is enabled"):
        prod.destroy()
    bucket = prod.outputs()["PhotoBucket"]
    (domain,) = prod.resources("AWS::OpenSearchService::Domain").values()
    client = prod.session.client
    client("s3").put_object(Bucket=bucket, Key="kept.jpg", Body=b"photo")

    client("cloudformation").update_termination_protection(
        StackName=prod.stack_name, EnableTerminationProtection=False
    )
    prod.destroy()
    assert "its record is removed" in record(source, aws)
    assert client("s3").get_object(Bucket=bucket, Key="kept.jpg")["Body"].read() == b"photo"
    names = client("opensearch").list_domain_names()["DomainNames"]
    assert [each["DomainName"] for each in names] == [domain]
    forget(prod, domain)


def forget(deployment: Deployment, domain: str) -> None:
    """Delete by hand what outlives the stack."""
    deployment.session.client("opensearch").delete_domain(DomainName=domain)
    s3 = deployment.session.client("s3")
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        if bucket.startswith(deployment.stack_name):
            for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
                s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
            s3.delete_bucket(Bucket=bucket)
    sqs = deployment.session.client("sqs")
    left = sqs.list_queues(QueueNamePrefix=deployment.stack_name)
    for queue in left.get("QueueUrls", []):
        sqs.delete_queue(QueueUrl=queue)


def record(source: Path, aws: dict[str, str]) -> str:
    """What `python -m cdk.deployed` says of prod."""
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-m", "cdk.deployed", "facesearch-prod"],
        cwd=source,
        env={**aws, "PATH": os.environ["PATH"], "PYTHONPATH": f"{source}{os.pathsep}{path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_diff_of_what_is_deployed_tells_no_differences(dev: Deployment) -> None:
    told = dev.diff()
    assert told.returncode == 0, told.stdout + told.stderr
    assert "There were no differences" in told.stdout + told.stderr


def test_changed_code_models_and_settings_each_make_a_version_that_answers(
    dev: Deployment, aws: dict[str, str], tmp_path: Path, changed: tuple[Path, Path]
) -> None:
    source, build = changed
    html = source / "functions/search_faces/search_faces/page/index.html"
    first = live_version(dev)
    assert "Another title" not in page(dev).text

    code = Deployment(aws, "dev", tmp_path / "code.out", source=source)
    html.write_text(html.read_text().replace("<title>", "<title>Another title "))
    code.deploy()
    assert live_version(code) == first + 1
    assert "Another title" in page(code).text

    models = Deployment(aws, "dev", tmp_path / "models.out", source=source, build=build)
    (build / "layers/models/models/another").write_text("model")
    models.deploy()
    assert live_version(models) == first + 2

    settings = {"min_face_size": "40"}
    told = Deployment(aws, "dev", tmp_path / "told.out", settings, source=source, build=build)
    assert told.diff().returncode == 1
    told.deploy()
    assert live_version(told) == first + 3
    assert told.diff().returncode == 0


def test_update_that_fails_half_way_leaves_what_was_there_and_is_repeated(
    dev: Deployment, aws: dict[str, str], tmp_path: Path, changed: tuple[Path, Path]
) -> None:
    source, _ = changed
    before = live_version(dev)
    html = source / "functions/search_faces/search_faces/page/index.html"
    html.write_text(html.read_text().replace("<title>", "<title>A third title "))
    whole = break_at_the_end(source)
    update = Deployment(aws, "dev", tmp_path / "update.out", source=source)
    with pytest.raises(StackError, match="Broken"):
        update.deploy()
    assert "A third title" not in page(dev).text
    assert live_version(dev) == before
    (source / "cdk/stack.py").write_text(whole)
    update.deploy()
    assert "A third title" in page(update).text


@pytest.mark.long
def test_prod_is_deployed_in_its_network_whose_parts_are_as_the_template_says(
    aws: dict[str, str], tmp_path: Path, changed: tuple[Path, Path]
) -> None:
    source, _ = changed  # the CDK keeps there which zones there are
    prod = Deployment(aws, "prod", tmp_path / "cdk.out", {"name": "network"}, source=source)
    prod.deploy()
    assert page(prod).status_code == 200
    assert prod.diff().returncode == 0
    ec2, outputs = prod.session.client("ec2"), prod.outputs()
    in_it: Any = [{"Name": "vpc-id", "Values": [outputs["VpcId"]]}]
    (traffic,) = ec2.describe_flow_logs()["FlowLogs"]
    assert (traffic["ResourceId"], traffic["FlowLogStatus"]) == (outputs["VpcId"], "ACTIVE")
    functions = outputs["SecurityGroupId"]
    groups = ec2.describe_security_groups(Filters=in_it)["SecurityGroups"]
    let_in = {
        each["GroupId"]: [
            (rule["FromPort"], rule["ToPort"], pair["GroupId"])
            for rule in each["IpPermissions"]
            for pair in rule["UserIdGroupPairs"]
        ]
        for each in groups
        if each["GroupName"] != "default"
    }
    # The index and the endpoint of SQS let the functions in, which let nobody in.
    assert let_in.pop(functions) == []
    assert list(let_in.values()) == [[(443, 443, functions)]] * 2
    subnets = ec2.describe_subnets(Filters=in_it)["Subnets"]
    assert len({each["AvailabilityZone"] for each in subnets}) == 3
    assert {each["SubnetId"] for each in subnets} == set(outputs["SubnetIds"].split(","))
    assert not ec2.describe_internet_gateways(
        Filters=[{"Name": "attachment.vpc-id", "Values": [outputs["VpcId"]]}]
    )["InternetGateways"]
    (domain,) = prod.resources("AWS::OpenSearchService::Domain").values()
    prod.destroy()
    # A domain cannot leave its network, and both are kept.
    assert ec2.describe_vpcs(VpcIds=[outputs["VpcId"]])["Vpcs"]
    domains = prod.session.client("opensearch").list_domain_names()["DomainNames"]
    assert domain in [each["DomainName"] for each in domains]
    forget(prod, domain)


def test_nobody_gets_in_without_a_policy(dev: Deployment, aws: dict[str, str]) -> None:
    bucket = dev.outputs()["PhotoBucket"]
    unsigned = requests.get(
        f"{aws['AWS_ENDPOINT_URL']}/{bucket}", timeout=60, verify=dev.certificate
    )
    assert unsigned.status_code == 403
    keyless = requests.get(f"{dev.api_url()}/v1/photos", timeout=60, verify=dev.certificate)
    assert keyless.status_code == 403
