"""The bucket of photos: private, encrypted, versioned. It notifies the queue of changes."""

from collections.abc import Mapping

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.notifications import may_send, notifications
from cdk.photos import Photos
from cdk.retention import removal_policy
from cdk.settings import StageSettings

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
        allowed = changes.add_to_resource_policy(may_send(self.arn, changes))
        photos = bucket.node.default_child
        if not isinstance(photos, s3.CfnBucket):
            raise TypeError("the bucket is not made of a CfnBucket")
        # The plain property: the CDK's own way adds a custom resource with a function of its own.
        # A bucket is taken back as it is; what is new afterwards is set, and only that.
        if not settings.restoring:
            photos.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                queue_configurations=notifications(settings, changes.queue_arn)
            )
        # S3 tries the queue when the notification is set.
        if allowed.policy_dependable is not None:
            self.bucket.node.add_dependency(allowed.policy_dependable)


# Of any page: the API's own address follows from the function, which follows from this bucket. The
# signed form is the permission, not the page that it is sent from; nothing can be read this way.
_PAGES = s3.CorsRule(
    allowed_methods=[s3.HttpMethods.POST], allowed_origins=["*"], max_age=PREFLIGHT_S
)
