"""The stack's S3 and SQS are what the template says, and behave as AWS's do."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from facesearch.faces import Removal
from facesearch.indexing import PhotoToIndex
from index_faces.events import Change, parse_message
from tests.e2e.stack.aws import LocalAws, serving
from tests.e2e.stack.wiring import StackTemplate, local_store

REGION = "eu-west-1"


def template_file(folder: Path) -> Path:
    """A template as the CDK writes it, with a prefix and a suffix as filters."""
    arn = {"Fn::GetAtt": ["Changes", "Arn"]}
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
    configurations = [
        {"Event": event, "Queue": arn, "Filter": {"S3Key": {"Rules": rules}}}
        for event in ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    ]
    resources: dict[str, Any] = {
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 1_209_600}},
        "Changes": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": 77,
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                    "maxReceiveCount": 3,
                },
            },
        },
        "Photos": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": {"Fn::Join": ["", ["photos-", {"Ref": "AWS::Region"}]]},
                "VersioningConfiguration": {"Status": "Enabled"},
                "NotificationConfiguration": {"QueueConfigurations": configurations},
                "CorsConfiguration": {
                    "CorsRules": [
                        {"AllowedMethods": ["POST"], "AllowedOrigins": ["*"], "MaxAge": 3600}
                    ]
                },
            },
        },
    }
    file = folder / "stack.template.json"
    file.write_text(json.dumps({"Resources": resources}))
    return file


@pytest.fixture
def template(tmp_path: Path) -> StackTemplate:
    return StackTemplate(template_file(tmp_path), REGION, "opensearch:9200")


@pytest.fixture
def aws() -> Iterator[LocalAws]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(["127.0.0.1"], port):
        forget(f"http://127.0.0.1:{port}")
        yield LocalAws(f"http://127.0.0.1:{port}", REGION)


def forget(url: str) -> None:
    """As a server that has just started."""
    with urlopen(Request(f"{url}/moto-api/reset", method="POST")):  # noqa: S310
        pass


def changes(aws: LocalAws, queue_url: str) -> list[Change]:
    """What the messages in the queue tell of, in the order of their sending."""
    received = aws.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    bodies = [message["Body"] for message in received.get("Messages", [])]
    return [change for body in bodies for change in parse_message(body).changes]


def test_queues_have_the_templates_attributes_and_dead_letters(
    aws: LocalAws, template: StackTemplate
) -> None:
    urls = aws.make_queues(template.queues.values())
    (url,) = (urls[each.arn] for each in template.queues.values() if each.dead_letters)
    attributes = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "77"
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["maxReceiveCount"] == 3
    assert redrive["deadLetterTargetArn"].endswith(":Dead")


def test_bucket_tells_of_what_passes_its_filters_with_sequencers_that_order(
    aws: LocalAws, template: StackTemplate, tmp_path: Path
) -> None:
    urls = aws.make_queues(template.queues.values())
    aws.make_bucket(template.bucket, tmp_path / "nothing.zip")
    name = template.bucket.name
    assert name == "photos-eu-west-1"
    for key in ("in/ü b.jpg", "out/c.jpg", "in/d.png"):
        aws.s3.put_object(Bucket=name, Key=key, Body=b"photo")
    aws.s3.delete_object(Bucket=name, Key="in/ü b.jpg")
    made, gone = changes(aws, next(url for arn, url in urls.items() if arn.endswith("Changes")))
    assert isinstance(made, PhotoToIndex)
    assert isinstance(gone, Removal)
    assert made.photo_id == gone.photo_id == f"s3://{name}/in/ü b.jpg"
    assert made.sequence < gone.sequence


def test_bucket_has_the_templates_rules_for_browsers(
    aws: LocalAws, template: StackTemplate, tmp_path: Path
) -> None:
    aws.make_queues(template.queues.values())
    aws.make_bucket(template.bucket, tmp_path / "nothing.zip")
    (rule,) = aws.s3.get_bucket_cors(Bucket=template.bucket.name)["CORSRules"]
    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["POST"], ["*"])
    url = f"{aws.s3.meta.endpoint_url}/{template.bucket.name}"
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    with urlopen(Request(url, headers=asked, method="OPTIONS")) as answer:  # noqa: S310
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", asked["Origin"])
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_saved_bucket_comes_back_and_only_what_was_not_done_with_is_told_again(
    aws: LocalAws, template: StackTemplate, tmp_path: Path
) -> None:
    saved = tmp_path / "bucket.zip"
    name = template.bucket.name
    aws.make_queues(template.queues.values())
    aws.make_bucket(template.bucket, saved)
    aws.s3.put_object(Bucket=name, Key="in/a.jpg", Body=b"photo", Metadata={"by": "ana"})
    aws.save(name, saved)
    forget(aws.s3.meta.endpoint_url)
    urls = aws.make_queues(template.queues.values())
    aws.make_bucket(template.bucket, saved)
    stored = aws.s3.get_object(Bucket=name, Key="in/a.jpg")
    assert (stored["Body"].read(), stored["Metadata"]) == (b"photo", {"by": "ana"})
    again = changes(aws, next(url for arn, url in urls.items() if arn.endswith("Changes")))
    assert [change.photo_id for change in again] == [f"s3://{name}/in/a.jpg"]


def test_local_store_keeps_the_options_of_the_index() -> None:
    url = "opensearch+aws://opensearch:9200/faces?region=eu-west-1&shards=3&replicas=1"
    assert local_store(url) == "opensearch://opensearch:9200/faces?shards=3&replicas=1"
