"""The architecture as a graph: every edge is let through by both of its sides, and nothing else.

`edges` lists each request that the system makes of AWS. They are evaluated against the policies of
the template (`policies.py`), and the policies against them: a permission without an edge fails.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.infrastructure.cluster import (
    Asked,
    asked_by_hiding,
    asked_by_searches,
    asked_by_writes,
)
from tests.infrastructure.conftest import CUSTOMISED, Synthesise
from tests.infrastructure.operating import (
    ASKED_BY_COMMANDS,
    ASKED_BY_RUNBOOKS,
    ASKED_BY_SNAPSHOTS,
)
from tests.infrastructure.policies import ACCOUNT, ELSEWHERE, REGION, Account, Request, to_index
from tests.infrastructure.template import Template, as_list

PHOTO = "photos/2024/a.jpg"
SOMEBODY = f"arn:aws:iam::{ACCOUNT}:role/somebody"
STRANGER = f"arn:aws:iam::{ELSEWHERE}:role/somebody"

# Lambda makes and removes a function's network interfaces with the function's own role.
NETWORKING = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True)
class Edge:
    """A request that is made; `foreign` is its source as another's would be, if it has one."""

    name: str
    request: Request
    foreign: str = ""


class Architecture:
    """The template's account, and the ARNs of its parts."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.account = account = Account(template)
        self.access_log = ""
        if template.settings.bucket:
            self.photos = f"arn:aws:s3:::{template.settings.bucket}"
        else:
            (photos,) = (
                name
                for name, each in template.resources.items()
                if "NotificationConfiguration" in each.get("Properties", {})
            )
            self.photos = account.arn(photos)
            logging = template.resources[photos]["Properties"]["LoggingConfiguration"]
            self.access_log = account.arn(logging["DestinationBucketName"]["Ref"])
        self.queue = account.text(
            template.one("AWS::Lambda::EventSourceMapping")["Properties"]["EventSourceArn"]
        )
        (redrive,) = (
            each["Properties"]["RedrivePolicy"]
            for each in template.of_type("AWS::SQS::Queue")
            if "RedrivePolicy" in each["Properties"]
        )
        self.dead_letters = account.text(redrive["deadLetterTargetArn"])
        self.topic = account.arn(account.id_of("AWS::SNS::Topic"))
        self.alias = account.arn(account.id_of("AWS::Lambda::Alias"))
        self.api = account.arn(account.id_of("AWS::ApiGateway::RestApi"))
        self.snapshots = self.snapshot_role = ""
        if template.settings.snapshots:
            self.snapshots = account.text(template.outputs["SnapshotBucket"]["Value"])
            self.snapshots = f"arn:aws:s3:::{self.snapshots}"
            self.snapshot_role = account.text(template.outputs["SnapshotRole"]["Value"])
        self.key = ""
        if template.settings.customer_key:
            self.key = account.arn(account.id_of("AWS::KMS::Key"))
        self.endpoint = self.queue_endpoint = ""
        if template.settings.vpc:
            kind = "AWS::EC2::VPCEndpoint"
            self.endpoint = account.id_of(kind, VpcEndpointType="Gateway")
            self.queue_endpoint = account.id_of(kind, VpcEndpointType="Interface")

    def log_of(self, package: str) -> str:
        """The ARN of a function's log, and one of its streams."""
        logging = self.template.function(package)["Properties"]["LoggingConfig"]
        return self.account.arn(logging["LogGroup"]["Ref"]).removesuffix("*") + "log-stream:a"


def of_service(name: str, action: str, resource: str, source: str) -> Request:
    """A request that a service makes for a resource of this account."""
    context = {
        "aws:SourceAccount": ACCOUNT,
        "aws:SourceArn": source,
        "aws:SecureTransport": "true",
    }
    return Request(f"{name}.amazonaws.com", action, resource, context)


def of_role(role: str, action: str, resource: str, through: str = "") -> Request:
    """A request that a role of this account makes of a resource of this account."""
    context = {
        "aws:PrincipalAccount": ACCOUNT,
        "aws:ResourceAccount": ACCOUNT,
        "aws:SecureTransport": "true",
    }
    return Request(role, action, resource, context, through)


def edges(template: Template) -> Iterator[Edge]:
    """Every request that the stack's parts, its callers' gateway and its operators make."""
    it = Architecture(template)
    yield from _of_services(it)
    for package in ("index_faces", "search_faces"):
        yield from _of_function(it, package)
    yield from _of_operators(it)
    if template.settings.snapshots:
        yield from _of_snapshots(it)
    if template.settings.customer_key:
        yield from _to_key(it)


def _of_services(it: Architecture) -> Iterator[Edge]:
    yield Edge(
        "S3 tells the queue",
        of_service("s3", "sqs:SendMessage", it.queue, it.photos),
        "arn:aws:s3:::another",
    )
    if it.access_log:
        yield Edge(
            "S3 writes the access log",
            of_service("logging.s3", "s3:PutObject", f"{it.access_log}/2024-01-01", it.photos),
            "arn:aws:s3:::another",
        )
    for alarm in it.template.of_type("AWS::CloudWatch::Alarm"):
        for action in ("AlarmActions", "OKActions"):
            (told,) = alarm["Properties"][action]
            assert it.account.text(told) == it.topic
    alarm_arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:facesearch-ClusterRed"
    yield Edge(
        "an alarm publishes",
        of_service("cloudwatch", "sns:Publish", it.topic, alarm_arn),
        alarm_arn.replace(ACCOUNT, ELSEWHERE),
    )
    paths: Mapping[str, Any] = it.template.one("AWS::ApiGateway::RestApi")["Properties"]["Body"]
    for path, methods in paths["paths"].items():
        for method in methods:
            called = f"{it.api}/live/{method.upper()}{path.replace('{', '').replace('}', '')}"
            yield Edge(
                f"the gateway calls for {method} {path}",
                of_service("apigateway", "lambda:InvokeFunction", it.alias, called),
                f"arn:aws:execute-api:{REGION}:{ACCOUNT}:another/live/{method.upper()}{path}",
            )
    for group in it.template.of_type("AWS::Logs::ResourcePolicy"):
        text = it.account.text(group["Properties"]["PolicyDocument"])
        assert '"es.amazonaws.com"' in text
        domain = it.template.one("AWS::OpenSearchService::Domain")["Properties"]
        log = domain["LogPublishingOptions"]["ES_APPLICATION_LOGS"]["CloudWatchLogsLogGroupArn"]
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            request = of_service("es", action, it.account.text(log), it.account.domain())
            yield Edge("the index logs", request)
    for role in it.template.of_type("AWS::IAM::Role"):
        (trusted,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        service = trusted["Principal"]["Service"].removesuffix(".amazonaws.com")
        (name,) = (each for each, found in it.template.resources.items() if found is role)
        arn = it.account.arn(name)
        source = it.account.domain() if service == "es" else ""
        foreign = "arn:aws:es:eu-west-1:999999999999:domain/another" if source else ""
        request = of_service(service, "sts:AssumeRole", arn, source)
        yield Edge(f"{service} assumes its role", request, foreign)
        if service == "vpc-flow-logs":
            yield from _of_flow_log(it, arn)


def _of_flow_log(it: Architecture, role: str) -> Iterator[Edge]:
    flow_log = it.template.one("AWS::EC2::FlowLog")["Properties"]
    log = it.account.arn(flow_log["LogGroupName"]["Ref"])
    for action in ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"):
        yield Edge("the network logs its traffic", of_role(role, action, log))


def _of_function(it: Architecture, package: str) -> Iterator[Edge]:
    settings, role = it.template.settings, it.account.role_of(package)
    photo, tags = f"{it.photos}/{settings.prefix}{PHOTO}", settings.collections == "tag"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield Edge(f"{package} logs", of_role(role, action, it.log_of(package)))
    if settings.tracing:
        for action in ("xray:PutTelemetryRecords", "xray:PutTraceSegments"):
            yield Edge(f"{package} is traced", of_role(role, action, "*"))
    if settings.vpc:
        for action in NETWORKING:
            yield Edge(f"{package} joins the network", of_role(role, action, "*"))
    for action, resource in (("s3:GetObject", photo), ("s3:ListBucket", it.photos)):
        yield Edge(f"{package} reads photos", of_role(role, action, resource, it.endpoint))
    asked = asked_by_writes() if package == "index_faces" else asked_by_searches()
    yield from _to_index(it, package, role, asked)
    if package == "index_faces":
        if tags:
            request = of_role(role, "s3:GetObjectTagging", photo, it.endpoint)
            yield Edge("index_faces reads a photo's tags", request)
        # Lambda's pollers, which are outside of the network.
        for action in ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"):
            yield Edge("Lambda polls the queue", of_role(role, action, it.queue))
        for action in (
            *("sqs:ChangeMessageVisibility", "sqs:DeleteMessage"),
            *("sqs:GetQueueUrl", "sqs:SendMessage"),
        ):
            request = of_role(role, action, it.queue, it.queue_endpoint)
            yield Edge("index_faces says when a message comes again", request)
    elif settings.uploads:
        yield from _of_writers(it, role, photo)


def _of_writers(it: Architecture, role: str, photo: str) -> Iterator[Edge]:
    """What the search function is there for besides, for callers who may add photos."""
    # By the form that the function signed: from a browser, not through the network.
    yield Edge("a browser uploads", of_role(role, "s3:PutObject", photo))
    if it.template.settings.collections == "tag":
        yield Edge("a browser uploads with tags", of_role(role, "s3:PutObjectTagging", photo))
    yield from _to_index(it, "search_faces hides a face and", role, asked_by_hiding())
    if it.template.settings.deletion:
        request = of_role(role, "s3:DeleteObject", photo, it.endpoint)
        yield Edge("search_faces deletes a photo", request)


def _of_operators(it: Architecture) -> Iterator[Edge]:
    settings, role = it.template.settings, it.account.operator()
    photo = f"{it.photos}/{settings.prefix}{PHOTO}"
    yield from _to_index(it, "an operator", role, [*ASKED_BY_COMMANDS, *ASKED_BY_RUNBOOKS])
    reading = {"s3:GetObject": photo}
    if settings.collections == "tag":
        reading["s3:GetObjectTagging"] = photo
    for action, resource in {
        **reading,
        "s3:ListBucket": it.photos,
        "s3:GetBucketNotification": it.photos,
        "sqs:GetQueueUrl": it.queue,
        "sqs:SendMessage": it.queue,
        "sqs:ReceiveMessage": it.dead_letters,
        "sqs:ChangeMessageVisibility": it.dead_letters,
        "sqs:DeleteMessage": it.dead_letters,
        "sqs:ListDeadLetterSourceQueues": it.dead_letters,
        "lambda:InvokeFunction": (
            f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{settings.stack}-reembedding"
        ),
    }.items():
        yield Edge(f"an operator's {action}", of_role(role, action, resource))


def _of_snapshots(it: Architecture) -> Iterator[Edge]:
    """OpenSearch Service writes in the role that an operator passes to it."""
    operator, role = it.account.operator(), it.snapshot_role
    yield from _to_index(it, "an operator", operator, ASKED_BY_SNAPSHOTS)
    yield Edge("an operator passes the role", of_role(operator, "iam:PassRole", role))
    for action in ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"):
        yield Edge(f"a snapshot's {action}", of_role(role, action, f"{it.snapshots}/a"))
    yield Edge("a snapshot's s3:ListBucket", of_role(role, "s3:ListBucket", it.snapshots))


def _to_key(it: Architecture) -> Iterator[Edge]:
    """What is encrypted needs the key, of both sides: of who writes, and of who reads."""
    alarm_arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:facesearch-ClusterRed"
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        yield Edge(
            "S3 encrypts a message",
            of_service("s3", action, it.key, it.photos),
            "arn:aws:s3:::other",
        )
        yield Edge(
            "an alarm encrypts its message",
            of_service("cloudwatch", action, it.key, alarm_arn),
            alarm_arn.replace(ACCOUNT, ELSEWHERE),
        )
    for name, each in it.template.resources.items():
        if each["Type"] == "AWS::Logs::LogGroup":
            group = {"kms:EncryptionContext:aws:logs:arn": it.account.arn(name).removesuffix(":*")}
            for action in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"):
                service = f"logs.{REGION}.amazonaws.com"
                yield Edge("a log is encrypted", Request(service, f"kms:{action}", it.key, group))
    users = {
        it.account.role_of("index_faces"): ["kms:Decrypt", "kms:GenerateDataKey"],
        it.account.role_of("search_faces"): ["kms:Decrypt"],
        it.account.operator(): ["kms:Decrypt", "kms:GenerateDataKey"],
    }
    if it.template.settings.snapshots:
        users[it.snapshot_role] = ["kms:Decrypt", "kms:GenerateDataKey"]
    if it.template.settings.uploads:
        users[it.account.role_of("search_faces")].append("kms:GenerateDataKey")
    for role, actions in users.items():
        for action in actions:
            for service in ("s3", "sqs"):
                via = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
                yield Edge(f"{role}'s {action}", Request(role, action, it.key, via))


def _to_index(it: Architecture, who: str, role: str, asked: list[Asked]) -> Iterator[Edge]:
    for method, path in asked:
        yield Edge(f"{who} asks {method} {path}", to_index(it.account, role, method, path))


VARIANTS: Mapping[str, Mapping[str, str]] = {
    "dev": {},
    "prod": {"stage": "prod"},
    "prod with a key and tags": {"stage": "prod", "customer_key": "true", "collections": "tag"},
    "customised": CUSTOMISED,
    "prod that deletes": {
        **{"stage": "prod", "deletion": "true", "allow": "deletion"},
        "prefix": "photos/",
    },
    "existing bucket": {"stage": "prod", "bucket": "company-photos", "prefix": "people/"},
}


@pytest.fixture(params=VARIANTS)
def each(request: pytest.FixtureRequest, template_of: Synthesise) -> Template:
    return template_of(**VARIANTS[request.param])


def test_every_edge_is_let_through_by_both_sides(each: Template) -> None:
    account = Account(each)
    refused = [edge.name for edge in edges(each) if not account.allows(edge.request)]
    assert refused == []


def test_nobody_else_gets_through(each: Template) -> None:
    account = Account(each)
    for edge in edges(each):
        for principal in (SOMEBODY, STRANGER, "events.amazonaws.com"):
            other = replace(edge.request, principal=principal)
            assert not account.allows(other), f"{principal}: {edge.name}"


def test_services_get_through_for_this_account_s_resources_only(each: Template) -> None:
    account = Account(each)
    for edge in edges(each):
        if edge.foreign:
            context = {**edge.request.context, "aws:SourceArn": edge.foreign}
            assert not account.allows(replace(edge.request, context=context)), edge.name
            assert not account.allows(replace(edge.request, context={})), edge.name


def test_buckets_queues_and_topic_let_nothing_through_in_plain_http(each: Template) -> None:
    account = Account(each)
    guarded = 0
    owners = f"arn:aws:s3:::{each.settings.bucket or 'none'}"
    for edge in edges(each):
        if edge.request.resource.startswith(owners):
            continue  # Its policy is its owner's.
        if edge.request.resource.startswith(("arn:aws:s3:", "arn:aws:sqs:", "arn:aws:sns:")):
            context = {**edge.request.context, "aws:SecureTransport": "false"}
            assert not account.allows(replace(edge.request, context=context)), edge.name
            guarded += 1
    assert guarded > 10


def test_no_policy_allows_what_no_edge_needs(each: Template) -> None:
    account = Account(each)
    requests = [edge.request for edge in edges(each)]
    idle = []
    for policy in account.policies:
        if policy.endpoint:
            continue  # It grants nothing. What it lets through is tested below.
        ours = [
            request
            for request in requests
            if request.principal == policy.principal or policy.guards(request.resource)
        ]
        for statement in policy.statements:
            if statement["Effect"] == "Deny" or account.leaves_to_account(statement):
                continue
            for action in as_list(statement["Action"]):
                for resource in as_list(statement.get("Resource", "*")):
                    single = {**statement, "Action": action, "Resource": resource}
                    if not any(account.applies(single, request) for request in ours):
                        who = policy.principal or policy.resource
                        idle.append((who, action, account.text(resource)))
    assert idle == []


def test_alarms_are_mailed_where_there_is_an_address(each: Template) -> None:
    it = Architecture(each)
    mailed = [
        (it.account.text(each["Properties"]["TopicArn"]), each["Properties"]["Endpoint"])
        for each in each.of_type("AWS::SNS::Subscription", Protocol="email")
    ]
    address = each.settings.alarm_email
    assert mailed == ([(it.topic, address)] if address else [])


def test_network_lets_out_to_this_account_s_photos_only(prod: Template) -> None:
    it = Architecture(prod)
    role = it.account.role_of("index_faces")
    read = of_role(role, "s3:GetObject", f"{it.photos}/{PHOTO}", it.endpoint)
    assert it.account.allows(read)
    for key in ("aws:PrincipalAccount", "aws:ResourceAccount"):
        context = {**read.context, key: ELSEWHERE}
        assert not it.account.passes(replace(read, context=context)), key
    for action, resource in (
        ("s3:GetObject", "arn:aws:s3:::another/a.jpg"),
        ("s3:PutObject", f"{it.photos}/{PHOTO}"),
        ("s3:PutObject", "arn:aws:s3:::another/a.jpg"),
        ("s3:DeleteObject", f"{it.photos}/{PHOTO}"),
    ):
        request = replace(read, action=action, resource=resource)
        assert not it.account.passes(request), f"{action} {resource}"


def test_photos_are_deleted_by_the_search_function_only_and_only_where_a_setting_says_so(
    template_of: Synthesise,
) -> None:
    for deletion in (True, False):
        settings = {**VARIANTS["prod that deletes"], "deletion": str(deletion).lower()}
        it = Architecture(template_of(**settings))
        for package in ("index_faces", "search_faces"):
            role = it.account.role_of(package)
            for key in ("photos/a.jpg", "others/a.jpg"):
                request = of_role(role, "s3:DeleteObject", f"{it.photos}/{key}", it.endpoint)
                may = deletion and package == "search_faces" and key.startswith("photos/")
                assert it.account.allows(request) is may, (package, key)
            versions = of_role(role, "s3:DeleteObjectVersion", f"{it.photos}/photos/a.jpg")
            assert not it.account.allows(versions)


def test_all_that_can_be_encrypted_with_the_key_is(template_of: Synthesise) -> None:
    it = Architecture(template_of(**VARIANTS["prod with a key and tags"]))
    template, key = it.template, it.key
    properties = {
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SQS::Queue": "KmsMasterKeyId",
    }
    for kind, name in properties.items():
        found = [it.account.text(each["Properties"][name]) for each in template.of_type(kind)]
        assert found
        assert set(found) == {key}
    photos = next(
        bucket["Properties"]
        for bucket in template.of_type("AWS::S3::Bucket")
        if "NotificationConfiguration" in bucket["Properties"]
    )
    (rule,) = photos["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    encryption = rule["ServerSideEncryptionByDefault"]
    assert encryption["SSEAlgorithm"] == "aws:kms"
    assert it.account.text(encryption["KMSMasterKeyID"]) == key
    domain = template.one("AWS::OpenSearchService::Domain")["Properties"]
    named = domain["EncryptionAtRestOptions"]["KmsKeyId"]
    assert template.target(named) is template.one("AWS::KMS::Key", EnableKeyRotation=True)


def test_key_is_used_through_the_photos_and_the_queue_only(template_of: Synthesise) -> None:
    it = Architecture(template_of(**VARIANTS["prod with a key and tags"]))
    role = it.account.role_of("index_faces")
    for via in ("s3.eu-west-1.amazonaws.com", "ec2.eu-west-1.amazonaws.com", ""):
        request = Request(role, "kms:Decrypt", it.key, {"kms:ViaService": via} if via else {})
        assert it.account.allows(request) is via.startswith("s3")
    own = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    assert not it.account.allows(Request(role, "kms:ScheduleKeyDeletion", it.key, own))
