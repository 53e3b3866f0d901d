"""`python -m cdk.connected STACK`: have an existing bucket tell the stack's queue of its photos.

CloudFormation changes only buckets of its own. What others have told the bucket stays as it is.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import boto3
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from cdk.deployed import find_stack
from cdk.notifications import events_of
from cdk.settings import StageSettings
from facesearch.errors import SettingsError

OUTPUT = "BucketRules"
"""The stack's output that says what its bucket is to be told."""

PREFLIGHT_S = 3600


def bucket_rules(settings: StageSettings, queue_arn: str) -> Mapping[str, Any]:
    """What the existing bucket has to be told, for `connect`."""
    return {
        "bucket": settings.bucket,
        "queue": queue_arn,
        "events": list(events_of(settings)),
        "prefix": settings.prefix,
        "suffixes": list(settings.suffixes) or [""],
        "uploads": settings.uploads,
    }


def connect(stack: str, cloudformation: Any, s3: Any, *, disconnect: bool = False) -> Iterator[str]:
    """Set the bucket's notifications and CORS; yields what was done, and what is left by hand.

    Raises `SettingsError` if the stack has no existing bucket, or the bucket cannot be told.
    """
    rules = _rules_of(stack, cloudformation)
    name, mine = rules["bucket"], f"{stack}-"
    _set_notifications(s3, name, mine, [] if disconnect else list(_notifications(rules, mine)))
    yield f"{name} tells {'no more' if disconnect else rules['queue']}"
    pages = rules["uploads"] and not disconnect
    if _set_cors(s3, name, mine, [_pages(mine)] if pages else []):
        yield f"{name} takes photos from pages" if pages else f"{name} takes no photos from pages"
    if not disconnect:
        yield from _by_hand(s3, name)


def _rules_of(stack: str, cloudformation: Any) -> Mapping[str, Any]:
    found = find_stack(cloudformation, stack)
    outputs = (found or {}).get("Outputs", ())
    text = next((each["OutputValue"] for each in outputs if each["OutputKey"] == OUTPUT), None)
    if text is None:
        raise SettingsError(f"there is no stack {stack} with a setting bucket: deploy it first")
    rules: Mapping[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
    return rules


def _notifications(rules: Mapping[str, Any], mine: str) -> Iterator[Mapping[str, Any]]:
    for number, (event, suffix) in enumerate(product(rules["events"], rules["suffixes"])):
        filters = [
            {"Name": name, "Value": value}
            for name, value in (("prefix", rules["prefix"]), ("suffix", suffix))
            if value
        ]
        yield {
            "Id": f"{mine}{number}",
            "QueueArn": rules["queue"],
            "Events": [event],
            **({"Filter": {"Key": {"FilterRules": filters}}} if filters else {}),
        }


def _set_notifications(s3: Any, name: str, mine: str, wanted: list[Mapping[str, Any]]) -> None:
    there = _asked(lambda: s3.get_bucket_notification_configuration(Bucket=name), name)
    there = {key: value for key, value in there.items() if key != "ResponseMetadata"}
    others = [
        each
        for each in there.get("QueueConfigurations", [])
        if not each.get("Id", "").startswith(mine)
    ]
    there["QueueConfigurations"] = [*others, *wanted]
    try:
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=there)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidArgument":
            raise
        # S3 tells everybody of an event only once.
        raise SettingsError(
            f"bucket {name} tells somebody else of the same events ({error}): give the stack a "
            "prefix of its own, or have that one send them on"
        ) from error


def _pages(mine: str) -> Mapping[str, Any]:
    """As of the stack's own bucket: the signed form is the permission, and nothing can be read."""
    return {
        "ID": f"{mine}pages",
        "AllowedMethods": ["POST"],
        "AllowedOrigins": ["*"],
        "MaxAgeSeconds": PREFLIGHT_S,
    }


def _set_cors(s3: Any, name: str, mine: str, wanted: list[Mapping[str, Any]]) -> bool:
    there = _or_none(lambda: s3.get_bucket_cors(Bucket=name), "NoSuchCORSConfiguration")
    rules = (there or {}).get("CORSRules", [])
    others = [each for each in rules if not each.get("ID", "").startswith(mine)]
    if others + wanted == rules:
        return False
    if others or wanted:
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [*others, *wanted]})
    else:
        s3.delete_bucket_cors(Bucket=name)
    return True


def _by_hand(s3: Any, name: str) -> Iterator[str]:
    """What is its owner's to decide."""
    if s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
        yield f"by hand: {name} keeps no versions, so that a deleted photo cannot be brought back"
    blocked = _or_none(
        lambda: s3.get_public_access_block(Bucket=name), "NoSuchPublicAccessBlockConfiguration"
    )
    if not blocked or not all(blocked["PublicAccessBlockConfiguration"].values()):
        yield f"by hand: {name} does not block public access (s3api put-public-access-block)"
    policy = _or_none(lambda: s3.get_bucket_policy(Bucket=name), "NoSuchBucketPolicy")
    if not policy or "aws:SecureTransport" not in policy["Policy"]:
        yield f"by hand: the policy of {name} lets plain HTTP through (aws:SecureTransport)"
    for each in _encryption(s3, name):
        if each.get("SSEAlgorithm", "").startswith("aws:kms"):
            key = each.get("KMSMasterKeyID", "aws/s3")
            yield f"by hand: let both functions' roles use the key {key} (kms:Decrypt)"


def _encryption(s3: Any, name: str) -> Iterator[Mapping[str, Any]]:
    missing = "ServerSideEncryptionConfigurationNotFoundError"
    answer = _or_none(lambda: s3.get_bucket_encryption(Bucket=name), missing)
    for rule in (answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", []):
        yield rule.get("ApplyServerSideEncryptionByDefault", {})


def _asked(ask: Callable[[], Any], name: str) -> Any:
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
        raise SettingsError(
            f"there is no bucket {name}: create it, or correct setting bucket"
        ) from (error)


def _or_none(ask: Callable[[], Any], missing: str) -> Any:
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] != missing:
            raise
        return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cdk.connected", description=__doc__)
    parser.add_argument("stack", metavar="STACK", help="such as facesearch-prod")
    parser.add_argument("--disconnect", action="store_true", help="before the stack is deleted")
    parser.add_argument("--region", help="another region than the one that AWS's tools use")
    arguments = parser.parse_args()
    try:
        region = arguments.region or os.environ.get("AWS_REGION")
        clients = [boto3.client(name, region_name=region) for name in ("cloudformation", "s3")]
        for line in connect(arguments.stack, *clients, disconnect=arguments.disconnect):
            print(line)  # noqa: T201
    except (SettingsError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
