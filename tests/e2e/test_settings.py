"""A second stack in the account, with the settings that the first one leaves out.

Photos of an existing bucket, API keys for some collections, a bucket for snapshots, a domain name,
a firewall, a key of the account's own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.e2e.stack.config import ROOT
from tests.e2e.stack.deployment import Deployment
from tests.e2e.system import RunningSystem, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]

BUCKET = "company-photos"
DOMAIN = "faces.photos.example"
MINE, OTHER = "people/wedding/madonna.jpg", "people/party/elton_john.jpg"
OUTSIDE = "papers/madonna.jpg"


class SecondStack:
    """Over the company's bucket, by plain clients."""

    def __init__(self, system: RunningSystem, deployment: Deployment) -> None:
        self.system, self.deployment = system, deployment
        self.outputs = deployment.outputs()
        self.url = deployment.api_url()
        self._keys = {"": deployment.api_key()}
        for pair in self.outputs["LimitedKeyIds"].split(","):
            name, _, key = pair.partition("=")
            gateway = deployment.session.client("apigateway")
            self._keys[name] = gateway.get_api_key(apiKey=key, includeValue=True)["value"]

    def ask(
        self, method: str, path: str, body: bytes | object = None, *, key: str = "", **query: str
    ) -> requests.Response:
        """As who has this key; objects go as JSON."""
        kind = "image/jpeg" if isinstance(body, bytes) else "application/json"
        return requests.request(
            method,
            f"{self.url}{path}",
            params=query,
            data=body if isinstance(body, bytes) or body is None else json.dumps(body),
            headers={"x-api-key": self._keys[key], "Content-Type": kind},
            timeout=60,
            verify=self.deployment.certificate,
        )

    def found(self, photo: bytes, key: str = "") -> set[str]:
        """The keys of the photos that a search finds."""
        answer = self.ask("POST", "/v1/search", photo, key=key)
        assert answer.status_code == 200, answer.text
        return _keys(answer.json()["results"][0]["matches"])

    def sees(self, key: str) -> bool:
        """Whether the photo is listed."""
        answer = self.ask("GET", "/v1/photos")
        return answer.ok and key in _keys(answer.json()["photos"])

    def connect(self, *options: str) -> str:
        """What `python -m cdk.connected` says."""
        done = subprocess.run(
            [sys.executable, "-m", "cdk.connected", self.deployment.stack_name, *options],
            env={**os.environ, **self.system.running.aws},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def photos(sample: Path) -> dict[str, bytes]:
    """By key: one of each of two collections, and one that the stack has no business with."""
    people = {
        name: (sample / "train" / name / f"{name}_02.jpg").read_bytes()
        for name in ("madonna", "elton_john")
    }
    return {key: people[Path(key).stem] for key in (MINE, OTHER, OUTSIDE)}


@pytest.fixture(scope="module")
def second(
    system: RunningSystem, photos: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecondStack]:
    """Deployed beside the first, and connected with the bucket, in which photos are put then."""
    system.clear()
    system.s3.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": system.config.region},
    )
    system.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    certificates, firewalls = system.session.client("acm"), system.session.client("wafv2")
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "acl"}
    acl = firewalls.create_web_acl(
        Name="rules", Scope="REGIONAL", DefaultAction={"Allow": {}}, Rules=[], VisibilityConfig=seen
    )
    settings = {
        "name": "second",
        "bucket": BUCKET,
        "prefix": "people/",
        "keys": "partner=wedding",
        "snapshots": "true",
        "customer_key": "true",
        "api_domain": DOMAIN,
        "certificate_arn": certificates.request_certificate(DomainName=DOMAIN)["CertificateArn"],
        "web_acl_arn": acl["Summary"]["ARN"],
    }
    out = tmp_path_factory.mktemp("second")
    deployment = Deployment(system.running.aws, "dev", out, settings)
    deployment.deploy()
    stack = SecondStack(system, deployment)
    assert f"{BUCKET} tells {stack.outputs['ChangesQueue'].rpartition('/')[2]}" in (
        stack.connect().replace(f"arn:aws:sqs:{system.config.region}:123456789012:", "")
    )
    for key, photo in photos.items():
        system.s3.put_object(Bucket=BUCKET, Key=key, Body=photo)
    wait_for(lambda: stack.sees(MINE) and stack.sees(OTHER), "the photos to be listed")
    # On a busy machine, a first search that loads the models takes longer than a request may.
    wait_for(lambda: stack.ask("POST", "/v1/search", photos[MINE]).ok, "a search")
    yield stack
    deployment.destroy()
    assert system.s3.head_object(Bucket=BUCKET, Key=MINE)["ContentLength"] == len(photos[MINE])
    delete_indexed(system)


def test_photos_of_an_existing_bucket_are_followed_as_far_as_its_prefix(
    second: SecondStack, photos: dict[str, bytes]
) -> None:
    assert second.found(photos[OUTSIDE]) == {MINE, OTHER}
    s3 = second.system.s3
    told = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    # What it was told before, it still is; telling it again changes nothing.
    assert "EventBridgeConfiguration" in told
    second.connect()
    again = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert again["QueueConfigurations"] == told["QueueConfigurations"]

    s3.delete_object(Bucket=BUCKET, Key=OTHER)
    wait_for(lambda: not second.sees(OTHER), "the photo to be gone")
    assert second.found(photos[OTHER]) == {MINE}
    second.connect("--disconnect")
    told = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert not told.get("QueueConfigurations")
    second.connect()
    s3.put_object(Bucket=BUCKET, Key=OTHER, Body=photos[OTHER])
    wait_for(lambda: second.sees(OTHER), "the photo to be listed again")


def test_key_of_one_collection_sees_and_adds_to_nothing_else(
    second: SecondStack, photos: dict[str, bytes]
) -> None:
    for photo in (photos[MINE], photos[OTHER]):
        assert second.found(photo) == {MINE, OTHER}
        assert second.found(photo, "partner") == {MINE}
    assert _keys(second.ask("GET", "/v1/photos", key="partner").json()["photos"]) == {MINE}
    counted = second.ask("GET", "/v1/collections", key="partner").json()["collections"]
    assert [each["name"] for each in counted] == ["wedding"]
    hidden = second.ask(
        "POST", "/v1/search", photos[MINE], key="partner", collection="party", include="thumbnails"
    )
    assert hidden.status_code == 404
    by_key: object = {"s3_key": OTHER}
    assert second.ask("POST", "/v1/search", by_key, key="partner").status_code == 404
    assert second.ask("POST", "/v1/search", by_key).status_code == 200

    form = {"filename": "a.jpg", "content_type": "image/jpeg", "size": len(photos[MINE])}
    refused = second.ask("POST", "/v1/uploads", {**form, "collection": "party"}, key="partner")
    assert refused.status_code == 400
    assert "use wedding" in refused.json()["detail"]
    allowed = second.ask("POST", "/v1/uploads", {**form, "collection": "wedding"}, key="partner")
    assert allowed.status_code == 201
    unknown = requests.get(
        f"{second.url}/v1/photos",
        headers={"x-api-key": "made up"},
        timeout=60,
        verify=second.deployment.certificate,
    )
    assert unknown.status_code == 403


def test_api_answers_at_its_own_domain_name(second: SecondStack) -> None:
    gateway = second.deployment.session.client("apigateway")
    named = gateway.get_domain_name(domainName=DOMAIN)
    assert named["securityPolicy"] == "TLS_1_2"
    (mapping,) = gateway.get_base_path_mappings(domainName=DOMAIN)["items"]
    assert mapping["stage"] == "live"
    assert "ApiDomainTarget" in second.outputs
    answer = requests.get(
        f"{second.system.running.aws['AWS_ENDPOINT_URL']}/v1/version",
        headers={"Host": DOMAIN},
        timeout=60,
        verify=second.deployment.certificate,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["store"]["fits"] is True


def test_firewall_stands_before_the_stage_of_the_api(second: SecondStack) -> None:
    (api,) = second.deployment.resources("AWS::ApiGateway::RestApi").values()
    stage = f"arn:aws:apigateway:{second.system.config.region}::/restapis/{api}/stages/live"
    firewalls = second.deployment.session.client("wafv2")
    assert firewalls.get_web_acl_for_resource(ResourceArn=stage)["WebACL"]["Name"] == "rules"


def test_messages_and_logs_are_under_the_accounts_key(second: SecondStack) -> None:
    key, session = second.outputs["KeyArn"], second.deployment.session
    queue = second.system.sqs.get_queue_attributes(
        QueueUrl=second.outputs["ChangesQueue"], AttributeNames=["KmsMasterKeyId"]
    )
    assert queue["Attributes"]["KmsMasterKeyId"] == key
    described = session.client("logs").describe_log_groups()["logGroups"]
    groups = {each["logGroupName"]: each.get("kmsKeyId") for each in described}
    own = second.deployment.resources("AWS::Logs::LogGroup").values()
    assert {groups[name] for name in own} == {key}


def test_index_is_saved_in_a_bucket_of_its_own_and_put_back(
    second: SecondStack, photos: dict[str, bytes]
) -> None:
    """In the service's role as to what it may do; what is saved is in the engine's file system."""
    system, bucket = second.system, second.outputs["SnapshotBucket"]
    role = ("--role", second.outputs["SnapshotRole"], "--store", second.outputs["StoreUrl"])
    taken = json.loads(system.operate("snapshot", "take", f"s3://{bucket}", *role, "--json"))
    delete_indexed(system)
    assert second.found(photos[MINE]) == set()
    listed = json.loads(system.operate("snapshot", "list", f"s3://{bucket}", *role, "--json"))
    assert listed["snapshots"][-1]["name"] == taken["name"]
    restoring = ("snapshot", "restore", f"s3://{bucket}", *role, "--yes", "--json")
    restored = json.loads(system.operate(*restoring))
    assert (restored["restored"], restored["photos"]) == (taken["name"], 2)
    assert second.found(photos[MINE]) == {MINE, OTHER}
    # Whoever is no service of AWS cannot be this role, and no other bucket is open to it.
    with pytest.raises(ClientError, match="AccessDenied"):
        system.session.client("sts").assume_role(RoleArn=role[1], RoleSessionName="somebody")
    with pytest.raises(subprocess.CalledProcessError):
        system.operate("snapshot", "list", f"s3://{BUCKET}", *role)


def _keys(found: list[Mapping[str, Any]]) -> set[str]:
    """The keys in the company's bucket; photos of others would stand out."""
    return {each["photo_id"].removeprefix(f"s3://{BUCKET}/") for each in found}


def delete_indexed(system: RunningSystem) -> None:
    everything: object = {"query": {"match_all": {}}}
    system.opensearch("POST", "/faces-*/_delete_by_query?refresh=true", everything)
