"""The bucket, its queue and the index: what they promise about photos and faces."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from facesearch.photos.bucket import S3Photos, open_client
from tests.infrastructure.conftest import Synthesise
from tests.infrastructure.template import Resource, Template
from tests.integration import opensearch_server

BUCKET, QUEUE = "AWS::S3::Bucket", "AWS::SQS::Queue"
DOMAIN = "AWS::OpenSearchService::Domain"


@pytest.fixture
def photos(template: Template) -> Resource:
    return next(
        bucket
        for bucket in template.of_type(BUCKET)
        if "NotificationConfiguration" in bucket["Properties"]
    )


@pytest.fixture
def changes(template: Template, photos: Resource) -> Resource:
    """The queue that the bucket notifies."""
    notified = photos["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    (queue,) = {each["Queue"]["Fn::GetAtt"][0] for each in notified}
    return template.resources[queue]


def test_buckets_are_private_and_encrypted(template: Template) -> None:
    for bucket in template.of_type(BUCKET):
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_buckets_and_queues_refuse_plain_http(template: Template) -> None:
    kinds = {BUCKET: "AWS::S3::BucketPolicy", QUEUE: "AWS::SQS::QueuePolicy"}
    for kind, policy_kind in kinds.items():
        refusing = [
            policy
            for policy in template.of_type(policy_kind)
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and statement["Principal"] == {"AWS": "*"}
            and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert len(refusing) == len(template.of_type(kind))


def test_photos_are_versioned_and_deleted_ones_go_for_good(photos: Resource) -> None:
    assert photos["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = photos["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rule["ExpiredObjectDeleteMarker"] is True
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


@pytest.mark.parametrize(
    ("photo_storage", "moved"),
    [
        ("standard", None),
        ("intelligent-tiering", ("INTELLIGENT_TIERING", 0)),
        ("glacier-ir", ("GLACIER_IR", 30)),
    ],
)
def test_photos_go_to_the_storage_class_that_is_set(
    photo_storage: str, moved: object, template_of: Synthesise
) -> None:
    photos = photos_of(template_of(photo_storage=photo_storage))
    (rule,) = photos["Properties"]["LifecycleConfiguration"]["Rules"]
    transitions = rule.get("Transitions", [])
    found = [(each["StorageClass"], each["TransitionInDays"]) for each in transitions]
    assert found == ([moved] if moved else [])


def test_small_stage_tells_what_it_does_not_survive(template_of: Synthesise) -> None:
    for stage, told in (("small", 1), ("prod", 0), ("dev", 0)):
        folder = template_of(stage=stage).path.parent
        messages = [
            entry["data"]
            for entries in manifest_metadata(folder)
            for entry in entries
            if entry["type"] == "aws:cdk:info"
        ]
        assert len(messages) == told
        assert all("until AWS has replaced the node" in message for message in messages)


def manifest_metadata(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """What the CDK's command line prints of a stack."""
    (stack,) = (
        each
        for each in json.loads((folder / "manifest.json").read_text())["artifacts"].values()
        if each["type"] == "aws:cloudformation:stack"
    )
    metadata = stack.get("metadata") or {}
    for file in folder.glob("*.metadata.json"):
        metadata = {**metadata, **json.loads(file.read_text())}
    yield from metadata.values()


def test_access_to_photos_is_logged_in_another_bucket(template: Template, photos: Resource) -> None:
    log = photos["Properties"]["LoggingConfiguration"]["DestinationBucketName"]
    assert template.target(log) is not photos


def test_bucket_notifies_queue_of_created_and_removed_photos(photos: Resource) -> None:
    notified = photos["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert [each["Event"] for each in notified] == [
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:LifecycleExpiration:*",
        "s3:ObjectRestore:Completed",
    ]
    assert not any("Filter" in each for each in notified)


def test_notification_filters_follow_prefix_and_suffixes(customised: Template) -> None:
    (photos,) = (
        bucket
        for bucket in customised.of_type(BUCKET)
        if "NotificationConfiguration" in bucket["Properties"]
    )
    notified = photos["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    filters = [
        (each["Event"], *(rule["Value"] for rule in each["Filter"]["S3Key"]["Rules"]))
        for each in notified
        if each["Event"] != "s3:LifecycleExpiration:*"
    ]
    assert filters == [
        ("s3:ObjectCreated:*", "photos/", ".jpg"),
        ("s3:ObjectCreated:*", "photos/", ".png"),
        ("s3:ObjectRemoved:*", "photos/", ".jpg"),
        ("s3:ObjectRemoved:*", "photos/", ".png"),
        ("s3:ObjectRestore:Completed", "photos/", ".jpg"),
        ("s3:ObjectRestore:Completed", "photos/", ".png"),
        ("s3:ObjectTagging:*", "photos/", ".jpg"),
        ("s3:ObjectTagging:*", "photos/", ".png"),
    ]


def photos_of(template: Template) -> Resource:
    (photos,) = (
        bucket
        for bucket in template.of_type(BUCKET)
        if "NotificationConfiguration" in bucket["Properties"]
    )
    return photos


def test_changed_tags_are_told_where_they_name_collections_only(template_of: Synthesise) -> None:
    for by, notifies in (("tag", True), ("prefix", False), ("none", False)):
        properties = photos_of(template_of(collections=by))["Properties"]
        notified = properties["NotificationConfiguration"]["QueueConfigurations"]
        assert ("s3:ObjectTagging:*" in [each["Event"] for each in notified]) is notifies


def test_pages_may_send_photos_to_the_bucket_and_read_nothing(photos: Resource) -> None:
    assert photos["Properties"]["CorsConfiguration"]["CorsRules"] == [
        {"AllowedMethods": ["POST"], "AllowedOrigins": ["*"], "MaxAge": 3600}
    ]


def test_no_page_may_send_anything_where_uploads_are_off(template_of: Synthesise) -> None:
    template = template_of(uploads="false")
    assert "CorsConfiguration" not in photos_of(template)["Properties"]


def test_queue_takes_messages_from_this_bucket_only_and_before_it_exists(
    template: Template, photos: Resource, changes: Resource
) -> None:
    allowing = [
        (name, statement)
        for name, policy in template.resources.items()
        if policy["Type"] == "AWS::SQS::QueuePolicy"
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    ((name, statement),) = allowing
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert template.target(statement["Resource"]) is changes
    bucket = template.text(photos["Properties"]["BucketName"])
    condition = statement["Condition"]
    assert template.text(condition["ArnEquals"]["aws:SourceArn"]) == f"arn:aws:s3:::{bucket}"
    assert condition["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert name in photos["DependsOn"]


def test_bucket_name_fits_the_longest_region(photos: Resource, template: Template) -> None:
    name = template.text(photos["Properties"]["BucketName"])
    assert len(name.replace("eu-west-1", "ap-southeast-1")) <= 63


def test_queue_waits_for_six_timeouts_and_sets_aside_what_keeps_failing(
    template: Template, changes: Resource
) -> None:
    timeout_s = template.function("index_faces")["Properties"]["Timeout"]
    assert changes["Properties"]["VisibilityTimeout"] >= 6 * timeout_s
    redrive = changes["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == 5
    dead_letters = template.target(redrive["deadLetterTargetArn"])
    assert dead_letters is not changes
    assert dead_letters["Properties"]["MessageRetentionPeriod"] == 14 * 86_400


def test_queues_are_encrypted(template: Template) -> None:
    assert len(template.of_type(QUEUE)) == 2
    assert len(template.of_type(QUEUE, SqsManagedSseEnabled=True)) == 2


def test_index_is_opensearch_3_5_encrypted_and_https_only(template: Template) -> None:
    properties = template.one(DOMAIN)["Properties"]
    assert properties["EngineVersion"] == "OpenSearch_3.5"
    assert properties["EncryptionAtRestOptions"] == {"Enabled": True}
    assert properties["NodeToNodeEncryptionOptions"] == {"Enabled": True}
    assert properties["DomainEndpointOptions"] == {
        "EnforceHTTPS": True,
        "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10",
    }
    assert properties["EBSOptions"]["VolumeType"] == "gp3"
    assert "AccessPolicies" not in properties
    assert template.one(DOMAIN)["UpdatePolicy"] == {"EnableVersionUpgrade": True}


def test_index_logs_errors_but_no_requests(template: Template) -> None:
    options = template.one(DOMAIN)["Properties"]["LogPublishingOptions"]
    assert set(options) == {"ES_APPLICATION_LOGS"}


def test_index_has_the_computed_size(template: Template) -> None:
    size = template.settings.sizing.index
    properties = template.one(DOMAIN)["Properties"]
    assert properties["ClusterConfig"]["InstanceType"] == size.node.name
    assert properties["ClusterConfig"]["InstanceCount"] == size.nodes
    assert properties["EBSOptions"]["VolumeSize"] == size.disk_gib


def test_dev_index_is_one_small_node(dev: Template) -> None:
    cluster = dev.one(DOMAIN)["Properties"]["ClusterConfig"]
    assert (cluster["InstanceType"], cluster["InstanceCount"]) == ("t3.small.search", 1)
    assert cluster["DedicatedMasterEnabled"] is False
    assert cluster["ZoneAwarenessEnabled"] is False


def test_prod_index_spans_three_zones_with_managers_in_a_private_network(prod: Template) -> None:
    properties = prod.one(DOMAIN)["Properties"]
    cluster = properties["ClusterConfig"]
    assert cluster["ZoneAwarenessConfig"] == {"AvailabilityZoneCount": 3}
    assert cluster["InstanceCount"] % 3 == 0
    assert (cluster["DedicatedMasterEnabled"], cluster["DedicatedMasterCount"]) == (True, 3)
    assert len(properties["VPCOptions"]["SubnetIds"]) == 3
    assert not prod.of_type("AWS::EC2::NatGateway")
    assert not prod.of_type("AWS::EC2::InternetGateway")


def test_prod_network_lets_only_functions_reach_the_index_and_sqs(
    prod: Template,
) -> None:
    (index,) = prod.one(DOMAIN)["Properties"]["VPCOptions"]["SecurityGroupIds"]
    queues = prod.one("AWS::EC2::VPCEndpoint", VpcEndpointType="Interface")["Properties"]
    reached = [index, *queues["SecurityGroupIds"]]
    rules = [each["Properties"] for each in prod.of_type("AWS::EC2::SecurityGroupIngress")]
    assert sorted(map(str, reached)) == sorted(str(rule["GroupId"]) for rule in rules)
    for rule in rules:
        assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
        functions = prod.target(rule["SourceSecurityGroupId"])
        for package in ("index_faces", "search_faces"):
            (group,) = prod.function(package)["Properties"]["VpcConfig"]["SecurityGroupIds"]
            assert prod.target(group) is functions


@pytest.mark.parametrize("kind", [BUCKET, DOMAIN])
def test_stores_outlive_the_stack_in_prod_only(kind: str, dev: Template, prod: Template) -> None:
    for template, deleted, replaced in (
        (dev, "Delete", "Delete"),
        (prod, "RetainExceptOnCreate", "Retain"),
    ):
        for store in template.of_type(kind):
            assert (store["DeletionPolicy"], store["UpdateReplacePolicy"]) == (deleted, replaced)


def test_existing_domain_is_used_instead_of_a_new_one(customised: Template) -> None:
    assert not customised.of_type(DOMAIN)
    url = customised.environment("search_faces")["FACESEARCH_STORE"]
    assert url.startswith(f"opensearch+aws://{customised.settings.domain_endpoint}/faces?")


@pytest.mark.parametrize("region", boto3.Session().get_available_regions("s3"))
def test_forms_go_to_the_address_that_the_page_may_send_to(
    region: str, dev: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    bucket = f"facesearch-dev-photos-123456789012-{region}"
    form = S3Photos(open_client()).signer(bucket).generate_presigned_post(bucket, "a.jpg")
    # The template's origin, in this region.
    origin = dev.environment("search_faces")["FACESEARCH_UPLOAD_ORIGIN"]
    expected = origin.replace("<AWS::S3::Bucket>", bucket).replace("eu-west-1", region)
    assert form["url"] == f"{expected}/"


def test_body_of_a_request_to_the_domain_cannot_name_another_index(template: Template) -> None:
    options = template.one(DOMAIN)["Properties"]["AdvancedOptions"]
    assert options == opensearch_server.SETTINGS
