"""What a bucket tells the queue of: events, keys' beginnings and ends."""

from collections.abc import Sequence
from itertools import product

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from cdk.settings import StageSettings

EVENTS = (
    *("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"),
    "s3:ObjectRestore:Completed",
)
TAG_EVENT = "s3:ObjectTagging:*"


def may_send(bucket_arn: str, queue: sqs.Queue) -> iam.PolicyStatement:
    """Let the bucket, and no other, send to the queue."""
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("s3.amazonaws.com")],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions={
            "ArnEquals": {"aws:SourceArn": bucket_arn},
            "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
        },
    )


def notifications(
    settings: StageSettings, queue_arn: str
) -> Sequence[s3.CfnBucket.QueueConfigurationProperty]:
    """One notification for each event and suffix: a filter takes a single suffix."""
    return [
        s3.CfnBucket.QueueConfigurationProperty(
            event=event, queue=queue_arn, filter=_filter(settings.prefix, suffix)
        )
        for event, suffix in product(events_of(settings), settings.suffixes or ("",))
    ]


def events_of(settings: StageSettings) -> Sequence[str]:
    return (*EVENTS, TAG_EVENT) if settings.collections == "tag" else EVENTS


def _filter(prefix: str, suffix: str) -> s3.CfnBucket.NotificationFilterProperty | None:
    rules = [
        s3.CfnBucket.FilterRuleProperty(name=name, value=value)
        for name, value in (("prefix", prefix), ("suffix", suffix))
        if value
    ]
    if not rules:
        return None
    return s3.CfnBucket.NotificationFilterProperty(
        s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=rules)
    )
