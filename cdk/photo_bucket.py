"""The bucket of photos: private, encrypted, versioned. It notifies the queue of changes."""

from collections.abc import Mapping, Sequence
from itertools import product

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.photos import Photos
from cdk.retention import removal_policy
from cdk.settings import StageSettings

EVENTS = (
    *("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"),
    "s3:ObjectRestore:Completed",
)
TAG_EVENT = "s3:ObjectTagging:*"


# Both are read at once, unlike S3's other archives. The second asks a fee for each read.
_TRANSITIONS: Mapping[str, list[s3.Transition] | None] = {
    "standard": None,
    "intelligent-tiering": [
        s3.Transition(
            storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(0)
        )
    ],
    "glacier-ir": [
        s3.Transition(
            storage_class=s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
            transition_after=Duration.days(30),
        )
    ],
}

ACCESS_LOG = "AccessLog"
"""The id of the bucket of S3's own log."""
PREFLIGHT_S = 3600
"""How long a browser may keep the answer to a preflight request."""


class PhotoBucket(Photos):
    """The bucket of photos, and a second one for its access log."""

    def __init__(
        self, scope: Construct, id: str, *, settings: StageSettings, changes: sqs.Queue
    ) -> None:
        super().__init__(scope, id, settings=settings)
        keep = removal_policy(settings)
        # Names that are known beforehand: bucket and queue policy have to name one another, and
        # CloudFormation takes back only what is named. In plain text where the account is known.
        stack = Stack.of(self)
        name, access_name = (
            f"{stack.stack_name}-{what}-{stack.account}-{stack.region}"
            for what in ("photos", "access")
        )
        self.arn = f"arn:{Aws.PARTITION}:s3:::{name}"
        access = s3.Bucket(
            self,
            ACCESS_LOG,
            bucket_name=access_name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(settings.log_days))],
            removal_policy=keep,
        )
        bucket = self.bucket = s3.Bucket(
            self,
            "Photos",
            bucket_name=name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            # A deleted photo can be brought back for 30 days; then it is gone for good.
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(30),
                    expired_object_delete_marker=True,
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    transitions=_TRANSITIONS[settings.photo_storage],
                )
            ],
            server_access_logs_bucket=access,
            cors=[_PAGES] if settings.uploads else None,
            removal_policy=keep,
        )
        allowed = changes.add_to_resource_policy(_may_send(self.arn, changes))
        photos = bucket.node.default_child
        if not isinstance(photos, s3.CfnBucket):
            raise TypeError("the bucket is not made of a CfnBucket")
        # The plain property: the CDK's own way adds a custom resource with a function of its own.
        # A bucket is taken back as it is; what is new afterwards is set, and only that.
        if not settings.restoring:
            photos.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                queue_configurations=_notifications(settings, changes.queue_arn)
            )
        # S3 tries the queue when the notification is set.
        if allowed.policy_dependable is not None:
            self.bucket.node.add_dependency(allowed.policy_dependable)


# Of any page: the API's own address follows from the function, which follows from this bucket. The
# signed form is the permission, not the page that it is sent from; nothing can be read this way.
_PAGES = s3.CorsRule(
    allowed_methods=[s3.HttpMethods.POST], allowed_origins=["*"], max_age=PREFLIGHT_S
)


def _may_send(bucket_arn: str, queue: sqs.Queue) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("s3.amazonaws.com")],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions={
            "ArnEquals": {"aws:SourceArn": bucket_arn},
            "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
        },
    )


def _notifications(
    settings: StageSettings, queue_arn: str
) -> Sequence[s3.CfnBucket.QueueConfigurationProperty]:
    """One notification for each event and suffix: a filter takes a single suffix."""
    return [
        s3.CfnBucket.QueueConfigurationProperty(
            event=event, queue=queue_arn, filter=_filter(settings.prefix, suffix)
        )
        for event, suffix in product(_events(settings), settings.suffixes or ("",))
    ]


def _events(settings: StageSettings) -> Sequence[str]:
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
