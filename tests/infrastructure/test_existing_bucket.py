"""An existing bucket as the source of photos: the template, and the command that connects it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cdk.connected import OUTPUT, connect
from cdk.notifications import EVENTS
from facesearch.errors import SettingsError
from tests.infrastructure.conftest import Synthesise
from tests.infrastructure.template import Template

BUCKET, STACK, REGION = "company-photos", "facesearch-prod", "eu-west-1"


@pytest.fixture
def template(template_of: Synthesise) -> Template:
    return template_of(stage="prod", bucket=BUCKET, prefix="people/", suffixes=".jpg,.png")


def test_stack_makes_no_bucket_of_photos_and_reads_the_one_that_is_there(
    template: Template,
) -> None:
    names = [template.text(each["Properties"]["BucketName"]) for each in buckets(template)]
    assert names == [f"facesearch-prod-snapshots-123456789012-{REGION}"]
    for package in ("index_faces", "search_faces"):
        assert template.environment(package)["FACESEARCH_BUCKET"] == BUCKET
        read = {
            template.text(statement["Resource"])
            for statement in template.statements(package)
            if statement["Action"] == "s3:GetObject" or "s3:PutObject" in statement["Action"]
        }
        assert read == {f"arn:aws:s3:::{BUCKET}/people/*"}
    assert template.text(template.outputs["PhotoBucket"]["Value"]) == BUCKET
    (endpoint,) = (
        each["Properties"]["PolicyDocument"]["Statement"][0]
        for each in template.of_type("AWS::EC2::VPCEndpoint", VpcEndpointType="Gateway")
    )
    assert f"arn:aws:s3:::{BUCKET}" in {template.text(each) for each in endpoint["Resource"]}


def buckets(template: Template) -> list[Any]:
    return template.of_type("AWS::S3::Bucket")


def test_queue_takes_messages_of_that_bucket_only(template: Template) -> None:
    senders = [
        template.text(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for policy in template.of_type("AWS::SQS::QueuePolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "sqs:SendMessage" and statement["Effect"] == "Allow"
    ]
    assert senders == [f"arn:aws:s3:::{BUCKET}"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"bucket": "Photos!"}, "the name of a bucket"),
        ({"bucket": BUCKET, "photo_storage": "glacier-ir"}, "standard with bucket"),
    ],
)
def test_bucket_that_cannot_be_one_is_refused(
    settings: dict[str, str], told: str, template_of: Synthesise
) -> None:
    with pytest.raises(SettingsError, match=told):
        template_of(stage="prod", **settings)


class Clients:
    """CloudFormation, with the template's rules as the stack's output, S3, and the queue."""

    def __init__(self, template: Template) -> None:
        self.s3: Any = boto3.client("s3", region_name=REGION)
        queue = boto3.client("sqs", region_name=REGION).create_queue(QueueName="changes")
        self.queue = f"arn:aws:sqs:{REGION}:123456789012:changes"
        assert queue["QueueUrl"]
        rules = json.loads(template.text(template.outputs[OUTPUT]["Value"]))
        output = {OUTPUT: {"Value": json.dumps({**rules, "queue": self.queue})}}
        self.cloudformation: Any = boto3.client("cloudformation", region_name=REGION)
        topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
        body = json.dumps({"Resources": topic, "Outputs": output})
        self.cloudformation.create_stack(StackName=STACK, TemplateBody=body)

    def connect(self, *, disconnect: bool = False) -> list[str]:
        return list(connect(STACK, self.cloudformation, self.s3, disconnect=disconnect))

    def told(self) -> list[Any]:
        answer = self.s3.get_bucket_notification_configuration(Bucket=BUCKET)
        told: list[Any] = answer.get("QueueConfigurations", [])
        return told


@pytest.fixture
def clients(template: Template, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield Clients(template)


def create(clients: Clients) -> None:
    place = {"LocationConstraint": REGION}
    clients.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)


def test_bucket_tells_the_queue_what_the_stack_s_own_would(clients: Clients) -> None:
    create(clients)
    clients.connect()
    told = {
        (
            each["Events"][0],
            *(rule["Value"] for rule in each["Filter"]["Key"]["FilterRules"]),
        )
        for each in clients.told()
    }
    assert told == {(event, "people/", end) for event in EVENTS for end in (".jpg", ".png")}
    assert {each["QueueArn"] for each in clients.told()} == {clients.queue}
    (rule,) = clients.s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"]
    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["POST"], ["*"])


def test_what_others_have_told_the_bucket_stays_and_again_changes_nothing(
    clients: Clients,
) -> None:
    create(clients)
    other = {"Id": "other", "QueueArn": clients.queue, "Events": ["s3:ReducedRedundancyLostObject"]}
    clients.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [other]}
    )
    theirs = {"ID": "theirs", "AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}
    clients.s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [theirs]})
    clients.connect()
    once = clients.told()
    clients.connect()
    assert clients.told() == once
    assert len(once) == 1 + 2 * len(EVENTS)
    clients.connect(disconnect=True)
    assert [each["Id"] for each in clients.told()] == ["other"]
    assert clients.s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"] == [theirs]


def test_what_is_the_owner_s_to_do_is_printed(clients: Clients) -> None:
    create(clients)
    by_hand = [line for line in clients.connect() if line.startswith("by hand: ")]
    assert len(by_hand) == 3
    assert all(BUCKET in line for line in by_hand)
    clients.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    blocked = dict.fromkeys(
        (
            *("BlockPublicAcls", "IgnorePublicAcls"),
            *("BlockPublicPolicy", "RestrictPublicBuckets"),
        ),
        True,
    )
    clients.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocked)
    denial = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    }
    clients.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(denial))
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:eu-west-1:1:key/a"}
    clients.s3.put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": encryption}]
        },
    )
    by_hand = [line for line in clients.connect() if line.startswith("by hand: ")]
    assert by_hand == [
        "by hand: let both functions' roles use the key arn:aws:kms:eu-west-1:1:key/a (kms:Decrypt)"
    ]


def test_missing_stack_or_bucket_is_named(clients: Clients) -> None:
    with pytest.raises(SettingsError, match=f"there is no bucket {BUCKET}"):
        clients.connect()
    with pytest.raises(SettingsError, match="there is no stack another with a setting bucket"):
        list(connect("another", clients.cloudformation, clients.s3))
